/** A lease, and how to make it out of an ACK. */

import type { AddressConfig, StaticRoute } from '../ip/address-config.js';
import type { Ipv4 } from '../ip/ip-output.js';
import { isMartian, prefixMask } from '../wire/address.js';
import type { DhcpReply } from '../wire/dhcp.js';

/** Times are milliseconds of the stack's clock; `Infinity`: never. */
export interface Lease extends AddressConfig {
  readonly server: Ipv4;
  readonly dnsServers: readonly Ipv4[];
  readonly ntpServers: readonly Ipv4[];
  readonly domain: string | undefined;
  /** Option 12: what the server calls us. */
  readonly hostname: string | undefined;
  readonly renewAt: number;
  readonly rebindAt: number;
  readonly expiresAt: number;
  /** As the server gave it, seconds. */
  readonly seconds: number;
}

/** What outlives the process, for INIT-REBOOT (RFC 2131 3.2). The outside keeps it. */
export interface LeaseMemory {
  /** The address that this host had last, or undefined. */
  load(): Ipv4 | undefined;
  /** `undefined`: forget it. `seconds`: for how long it is ours. */
  save(address: Ipv4 | undefined, seconds: number): void;
}

function defaultPrefix(address: Ipv4): number {
  const first = address >>> 24;
  return first < 128 ? 8 : first < 192 ? 16 : 24;
}

/** The address that a reply gives, if a host may have it: not the network's own, not everybody's. 0: it may not. */
export function hostAddress(reply: DhcpReply): Ipv4 {
  const address = reply.yourAddress;
  const host = ~prefixMask(reply.prefix ?? defaultPrefix(address));
  // RFC 3021: links of /31 and /32 have only hosts.
  const few = host === 0 || host === 1;
  const nobody = isMartian(address) || (!few && ((address & host) === 0 || (address & host) === host));
  return nobody ? 0 : address;
}

/** `asked`: when the request left (RFC 2131 4.4.1: the lease runs from there). Undefined: the ACK is no lease. */
export function leaseOf(reply: DhcpReply, asked: number, previousServer: Ipv4): Lease | undefined {
  const address = hostAddress(reply);
  if (address === 0 || reply.lease === undefined || reply.lease === 0) return undefined;
  const seconds = reply.lease;
  // RFC 2131 4.4.5: T1 half, T2 seven eighths, unless the server says something that makes sense.
  let t2 = reply.t2 ?? seconds * 0.875;
  if (t2 >= seconds) t2 = seconds * 0.875;
  let t1 = reply.t1 ?? seconds * 0.5;
  if (t1 >= t2) t1 = Math.min(seconds * 0.5, t2 * 0.5);
  const routes = reply.routes?.filter((route) => route.prefix > 0);
  // RFC 3442: with option 121 the router option is ignored; its default route is prefix 0.
  const fallback = reply.routes?.find((route) => route.prefix === 0)?.gateway;
  const router = reply.routes === undefined ? reply.routers[0] : fallback;
  const gateway =
    router === address || (router !== undefined && router !== 0 && isMartian(router)) ? undefined : router;
  return {
    address,
    prefix: reply.prefix ?? defaultPrefix(address),
    gateway,
    mtu: reply.mtu,
    broadcast: reply.broadcast,
    routes: routes as readonly StaticRoute[] | undefined,
    server: reply.server === 0 ? previousServer : reply.server,
    dnsServers: reply.dnsServers,
    ntpServers: reply.ntpServers,
    domain: reply.domain,
    hostname: reply.hostname,
    renewAt: asked + t1 * 1000,
    rebindAt: asked + t2 * 1000,
    expiresAt: asked + seconds * 1000,
    seconds,
  };
}
