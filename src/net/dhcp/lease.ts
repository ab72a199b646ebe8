/** A lease, and how to make it out of an ACK. */

import type { AddressConfig } from '../ip/address-config.js';
import type { Ipv4 } from '../ip/contracts/ip-output.js';
import { formatIpv4, isMartian, prefixMask } from '../wire/address.js';
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

/**
 * What a lease of 0 s is taken for, seconds. No text says what it means; udhcpc takes it for 16 s, dhcpcd for 20,
 * networkd for 1.
 */
const LEASE_OF_ZERO = 20;

function defaultPrefix(address: Ipv4): number {
  const first = address >>> 24;
  return first < 128 ? 8 : first < 192 ? 16 : 24;
}

/** Why a reply gives no address that a host may have; undefined: it does. */
export function addressFault(reply: DhcpReply): string | undefined {
  const address = reply.yourAddress;
  if (address === 0) return 'it names no address';
  return isMartian(address) ? `${formatIpv4(address)} is no host's address` : undefined;
}

/**
 * What the operator should know of the address of a lease. udhcpc, dhcpcd and networkd take the lowest and the highest
 * one of a network as any other (the mask may be the mistake), and beyond a router they are as good as others.
 */
export function addressDoubt({ address, prefix }: Pick<Lease, 'address' | 'prefix'>): string | undefined {
  // RFC 3021: links of /31 and /32 have only hosts.
  if (prefix >= 31) return undefined;
  const host = ~prefixMask(prefix);
  const which = (address & host) === 0 ? 'lowest' : (address & host) === host ? 'highest' : undefined;
  if (which === undefined) return undefined;
  const where = `${formatIpv4(address)} is the ${which} address of its /${prefix}`;
  return `${where}: hosts there may take it for a broadcast, and not reach us`;
}

type Said = Pick<
  Lease,
  'prefix' | 'broadcast' | 'mtu' | 'dnsServers' | 'ntpServers' | 'domain' | 'hostname' | 'seconds'
>;
/** What a reply says beside the address. Undefined: it does not say. A gateway and routes belong together. */
export type Terms = { readonly [Key in keyof Said]?: Said[Key] | undefined } & {
  readonly ways?: Pick<Lease, 'gateway' | 'routes'> | undefined;
};

/** The terms of a reply that gives `address`. */
export function termsOf(reply: DhcpReply, address: Ipv4): Terms {
  const usable = (router: Ipv4): boolean => router !== 0 && router !== address && !isMartian(router);
  // RFC 3442: with option 121 the router option is ignored. A router of 0.0.0.0: the network is on the link itself.
  const routes = reply.routes?.filter(({ prefix, gateway }) => gateway === 0 || (prefix > 0 && usable(gateway)));
  const routers = reply.routes?.filter(({ prefix }) => prefix === 0).map(({ gateway }) => gateway) ?? reply.routers;
  return {
    prefix: reply.prefix,
    ways: reply.routes === undefined && routers.length === 0 ? undefined : { gateway: routers.find(usable), routes },
    broadcast: reply.broadcast,
    mtu: reply.mtu,
    dnsServers: reply.dnsServers.length === 0 ? undefined : reply.dnsServers,
    ntpServers: reply.ntpServers.length === 0 ? undefined : reply.ntpServers,
    domain: reply.domain,
    hostname: reply.hostname,
    seconds: reply.lease,
  };
}

/** The terms of a lease that is extended. */
export function termsOfLease({ gateway, routes, ...rest }: Lease): Terms {
  return { ...rest, ways: { gateway, routes } };
}

/** `terms`, and for what they do not say, what held `before`. */
function completed(terms: Terms, before: Terms): Terms {
  return { ...before, ...Object.fromEntries(Object.entries(terms).filter(([, value]) => value !== undefined)) };
}

/**
 * The lease that an ACK gives, or why it is none. `asked`: when the request left (RFC 2131 4.4.1: the lease runs from
 * there). `before`: the terms of the offer, or of the lease that is extended; a server that leaves one out has not
 * taken it back.
 */
export function leaseOf(reply: DhcpReply, asked: number, server: Ipv4, before: Terms = {}): Lease | string {
  const fault = addressFault(reply);
  if (fault !== undefined) return fault;
  const address = reply.yourAddress;
  const terms = completed(termsOf(reply, address), before);
  const seconds = terms.seconds === 0 ? LEASE_OF_ZERO : terms.seconds;
  if (seconds === undefined) return 'it has no lease time (option 51)';
  // RFC 2131 4.4.5: T1 half, T2 seven eighths, unless the server says something that makes sense.
  let t2 = reply.t2 ?? 0;
  if (t2 === 0 || t2 >= seconds) t2 = seconds * 0.875;
  let t1 = reply.t1 ?? 0;
  if (t1 === 0) t1 = seconds * 0.5;
  if (t1 >= t2) t1 = Math.min(seconds * 0.5, t2 * 0.5);
  return {
    address,
    prefix: terms.prefix ?? defaultPrefix(address),
    gateway: terms.ways?.gateway,
    mtu: terms.mtu,
    broadcast: terms.broadcast,
    routes: terms.ways?.routes,
    server: reply.server === 0 ? server : reply.server,
    dnsServers: terms.dnsServers ?? [],
    ntpServers: terms.ntpServers ?? [],
    domain: terms.domain,
    hostname: terms.hostname,
    renewAt: asked + t1 * 1000,
    rebindAt: asked + t2 * 1000,
    expiresAt: asked + seconds * 1000,
    seconds,
  };
}
