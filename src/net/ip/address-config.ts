/** What a host knows of its place in the network, given by hand or by DHCP. */

import { prefixMask } from '../wire/address.js';
import type { Ipv4 } from './contracts/ip-output.js';

export interface StaticRoute {
  readonly network: Ipv4;
  readonly prefix: number;
  /** 0: on the link itself (RFC 3442). */
  readonly gateway: Ipv4;
}

export interface AddressConfig {
  readonly address: Ipv4;
  /** 0..32 */
  readonly prefix: number;
  readonly gateway?: Ipv4 | undefined;
  /** The directed broadcast address, where it is not the highest of the prefix (DHCP option 28). */
  readonly broadcast?: Ipv4 | undefined;
  /** Smaller than the device's, if at all (DHCP option 26). */
  readonly mtu?: number | undefined;
  /** Longest prefix wins (DHCP option 121). */
  readonly routes?: readonly StaticRoute[] | undefined;
}

/** A further address of this host. */
export interface FurtherAddress {
  readonly address: Ipv4;
  /** 0..32; 32 says nothing of the link. */
  readonly prefix: number;
  /** Served, and never announced by ARP: packets for it come here by other means (anycast, direct return). */
  readonly anycast: boolean;
}

/** The directed broadcast address; none on links of /31 (RFC 3021) and /32, or where the host itself has it. */
export function broadcastOf(config: Pick<AddressConfig, 'address' | 'prefix' | 'broadcast'>): Ipv4 | undefined {
  if (config.prefix >= 31) return undefined;
  const { broadcast, address } = config;
  // One that lies on another link, or is our own address, is a server's mistake.
  if (broadcast !== undefined && broadcast !== address && onLink(config, broadcast)) return broadcast;
  const highest = address | ~prefixMask(config.prefix);
  return highest === address ? undefined : highest;
}

/** Whether `address` is in the network of `config`. */
export function onLink(config: { readonly address: Ipv4; readonly prefix: number }, address: Ipv4): boolean {
  const mask = prefixMask(config.prefix);
  return (address & mask) === (config.address & mask);
}

/** Next hop to `destination`: itself on the link, else the longest route, else the gateway; undefined: none. */
export function nextHop(
  config: AddressConfig,
  destination: Ipv4,
  further: readonly FurtherAddress[] = [],
): Ipv4 | undefined {
  let best = -1;
  let hop: Ipv4 | undefined;
  if (onLink(config, destination)) {
    best = config.prefix;
    hop = destination;
  }
  for (const one of further) {
    if (one.prefix < 32 && one.prefix > best && onLink(one, destination)) {
      best = one.prefix;
      hop = destination;
    }
  }
  for (const route of config.routes ?? []) {
    if (route.prefix > best && (destination & prefixMask(route.prefix)) === route.network) {
      best = route.prefix;
      hop = route.gateway === 0 ? destination : route.gateway;
    }
  }
  return hop ?? (config.gateway === 0 ? undefined : config.gateway);
}
