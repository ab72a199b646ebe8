/** A router advertisement (RFC 4861 4.2) with the options of RFC 4191 and RFC 8106, read once. */

import { type Ipv6Bytes, isMulticast6, isNoHost, maskedIpv6 } from './ipv6.js';
import { MTU_OPTION, PREFIX_INFORMATION, RDNSS, ROUTE_INFORMATION, SOURCE_LINK_ADDRESS, walkOptions } from './nd.js';
import { int32At, uint16At } from './tcp.js';

/** Bytes before the options. */
export const ADVERTISEMENT_LENGTH = 16;

/** Lifetimes in seconds; `Infinity`: without end. */
export interface AdvertisedPrefix {
  readonly bytes: Ipv6Bytes;
  readonly length: number;
  readonly onLink: boolean;
  readonly autonomous: boolean;
  readonly valid: number;
  readonly preferred: number;
}

interface AdvertisedRoute {
  readonly bytes: Ipv6Bytes;
  readonly length: number;
  readonly preference: 1 | 0 | -1;
  readonly lifetime: number;
}

interface AdvertisedResolvers {
  readonly addresses: readonly Ipv6Bytes[];
  readonly lifetime: number;
}

export interface RouterAdvertisement {
  /** 0: it does not say. */
  readonly hopLimit: number;
  /** Addresses, and other configuration, are had by DHCPv6. */
  readonly managed: boolean;
  readonly other: boolean;
  readonly preference: 1 | 0 | -1;
  /** Seconds that it is a default router; 0: it is none. */
  readonly lifetime: number;
  /** ms; 0: it does not say. */
  readonly reachable: number;
  readonly retrans: number;
  /** Where its link-layer address lies in the message; -1: it does not say. */
  readonly macAt: number;
  /** 0: it does not say. */
  readonly mtu: number;
  readonly prefixes: readonly AdvertisedPrefix[];
  readonly routes: readonly AdvertisedRoute[];
  readonly resolvers: readonly AdvertisedResolvers[];
}

/** RFC 4191 2.1: the reserved value counts as medium. */
function preferenceOf(bits: number): 1 | 0 | -1 {
  return bits === 1 ? 1 : bits === 3 ? -1 : 0;
}

function seconds(bytes: Uint8Array, at: number): number {
  const value = int32At(bytes, at) >>> 0;
  return value === 0xffff_ffff ? Number.POSITIVE_INFINITY : value;
}

/** The message `bytes[start..end)`, longer than `ADVERTISEMENT_LENGTH`; undefined: its options are not whole. */
export function readAdvertisement(bytes: Uint8Array, start: number, end: number): RouterAdvertisement | undefined {
  let macAt = -1;
  let mtu = 0;
  const prefixes: AdvertisedPrefix[] = [];
  const routes: AdvertisedRoute[] = [];
  const resolvers: AdvertisedResolvers[] = [];
  const whole = walkOptions(bytes, start + ADVERTISEMENT_LENGTH, end, (type, at, stop) => {
    const length = stop - at;
    if (type === SOURCE_LINK_ADDRESS && length === 8) macAt = at + 2;
    else if (type === MTU_OPTION && length === 8) mtu = int32At(bytes, at + 4) >>> 0;
    else if (type === PREFIX_INFORMATION && length === 32) {
      const prefix = prefixAt(bytes, at);
      // A group is nowhere, and nobody's address.
      if (!isMulticast6(prefix.bytes)) prefixes.push(prefix);
    } else if (type === ROUTE_INFORMATION && length <= 24) {
      const route = routeAt(bytes, at, length);
      if (route !== undefined) routes.push(route);
    } else if (type === RDNSS && length >= 24 && (length - 8) % 16 === 0) {
      const addresses: Ipv6Bytes[] = [];
      for (let from = at + 8; from < stop; from += 16)
        if (!isNoHost(bytes, from)) addresses.push(bytes.slice(from, from + 16));
      resolvers.push({ addresses, lifetime: seconds(bytes, at + 4) });
    }
  });
  if (!whole) return undefined;
  const flags = bytes[start + 5];
  return {
    hopLimit: bytes[start + 4],
    managed: (flags & 0x80) !== 0,
    other: (flags & 0x40) !== 0,
    preference: preferenceOf((flags >> 3) & 3),
    lifetime: uint16At(bytes, start + 6),
    reachable: int32At(bytes, start + 8) >>> 0,
    retrans: int32At(bytes, start + 12) >>> 0,
    ...{ macAt, mtu, prefixes, routes, resolvers },
  };
}

function prefixAt(bytes: Uint8Array, at: number): AdvertisedPrefix {
  const length = Math.min(bytes[at + 2], 128);
  return {
    bytes: maskedIpv6(bytes.slice(at + 16, at + 32), length),
    length,
    onLink: (bytes[at + 3] & 0x80) !== 0,
    autonomous: (bytes[at + 3] & 0x40) !== 0,
    valid: seconds(bytes, at + 4),
    preferred: seconds(bytes, at + 8),
  };
}

/** RFC 4191 2.3: the prefix may be shortened to 8 or 0 bytes. */
function routeAt(bytes: Uint8Array, at: number, length: number): AdvertisedRoute | undefined {
  const prefix = bytes[at + 2];
  const preference = (bytes[at + 3] >> 3) & 3;
  // RFC 4191 2.3: the reserved preference has the option ignored.
  if (prefix > 128 || prefix > (length - 8) * 8 || preference === 2) return undefined;
  const whole = new Uint8Array(16);
  whole.set(bytes.subarray(at + 8, at + length));
  return {
    bytes: maskedIpv6(whole, prefix),
    length: prefix,
    preference: preferenceOf(preference),
    lifetime: seconds(bytes, at + 4),
  };
}
