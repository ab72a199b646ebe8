/**
 * IPv6 (RFC 8200): addresses as 16 bytes, their text (RFC 4291 2.2, RFC 5952), the header and the extension headers.
 */

export const IPV6_HEADER = 40;
/** Least MTU of every link (RFC 8200 5). */
export const IPV6_MIN_MTU = 1280;

/** Offsets in the header. */
export const PAYLOAD_LENGTH_AT = 4;
export const NEXT_HEADER_AT = 6;
export const HOP_LIMIT_AT = 7;
export const SOURCE_AT = 8;
export const DESTINATION_AT = 24;

/** Next-header values (RFC 8200 4). */
export const HOP_BY_HOP = 0;
export const ROUTING = 43;
export const FRAGMENT = 44;
export const ICMPV6 = 58;
export const NO_NEXT_HEADER = 59;
export const DESTINATION_OPTIONS = 60;

/** An address as 16 bytes. */
export type Ipv6Bytes = Uint8Array;

const UNSPECIFIED: Ipv6Bytes = new Uint8Array(16);
const LOOPBACK: Ipv6Bytes = bytesOf([0, 0, 0, 0, 0, 0, 0, 1]);
/** RFC 4291 2.7.1. */
export const ALL_NODES: Ipv6Bytes = bytesOf([0xff02, 0, 0, 0, 0, 0, 0, 1]);
export const ALL_ROUTERS: Ipv6Bytes = bytesOf([0xff02, 0, 0, 0, 0, 0, 0, 2]);

function bytesOf(words: readonly number[]): Ipv6Bytes {
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 255]));
}

export function sameIpv6(a: Uint8Array, at: number, b: Uint8Array, bt = 0): boolean {
  for (let i = 0; i < 16; i++) if (a[at + i] !== b[bt + i]) return false;
  return true;
}

/** Whether the first `length` bits are the same. */
export function samePrefix(a: Uint8Array, at: number, b: Uint8Array, bt: number, length: number): boolean {
  const whole = length >> 3;
  for (let i = 0; i < whole; i++) if (a[at + i] !== b[bt + i]) return false;
  const rest = length & 7;
  return rest === 0 || (a[at + whole] ^ b[bt + whole]) >> (8 - rest) === 0;
}

/** How many leading bits are the same, 0..128 (RFC 6724 2.2). */
export function commonPrefix(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < 16; i++) {
    const differs = a[i] ^ b[i];
    if (differs !== 0) return i * 8 + Math.clz32(differs) - 24;
  }
  return 128;
}

/** The address with all bits behind the first `length` set to zero. */
export function maskedIpv6(address: Ipv6Bytes, length: number): Ipv6Bytes {
  const masked = address.slice();
  for (let i = 0; i < 16; i++) {
    const bits = Math.min(Math.max(length - i * 8, 0), 8);
    masked[i] &= 0xff00 >> bits;
  }
  return masked;
}

export function isUnspecified(bytes: Uint8Array, at = 0): boolean {
  return sameIpv6(bytes, at, UNSPECIFIED);
}

export function isLoopback(bytes: Uint8Array, at = 0): boolean {
  return sameIpv6(bytes, at, LOOPBACK);
}

export function isMulticast6(bytes: Uint8Array, at = 0): boolean {
  return bytes[at] === 0xff;
}

/** fe80::/10 */
export function isLinkLocal(bytes: Uint8Array, at = 0): boolean {
  return bytes[at] === 0xfe && (bytes[at + 1] & 0xc0) === 0x80;
}

/** ::ffff:0:0/96, which no packet on the wire may carry (RFC 4291 2.5.5.2, RFC 4038 4.2). */
export function isMapped(bytes: Uint8Array, at = 0): boolean {
  for (let i = 0; i < 10; i++) if (bytes[at + i] !== 0) return false;
  return bytes[at + 10] === 0xff && bytes[at + 11] === 0xff;
}

/**
 * An address that no host has on a link, whoever says so: a group's, `::`, the loopback address, a mapped one (RFC 4291
 * 2.5.2, 2.5.3, 2.7).
 */
export function isNoHost(bytes: Uint8Array, at = 0): boolean {
  return isMulticast6(bytes, at) || isUnspecified(bytes, at) || isLoopback(bytes, at) || isMapped(bytes, at);
}

/** Scope of a unicast or multicast address: 2 link, 5 site, 14 global (RFC 6724 3.1). */
export function scopeOf(bytes: Uint8Array, at = 0): number {
  if (isMulticast6(bytes, at)) return bytes[at + 1] & 15;
  if (isLinkLocal(bytes, at) || isLoopback(bytes, at)) return 2;
  return bytes[at] === 0xfe && (bytes[at + 1] & 0xc0) === 0xc0 ? 5 : 14;
}

/** The group that an address's owner is asked by: ff02::1:ffXX:XXXX (RFC 4291 2.7.1). */
export function solicitedNode(address: Uint8Array, at = 0): Ipv6Bytes {
  const group = bytesOf([0xff02, 0, 0, 0, 0, 1, 0xff00, 0]);
  group[13] = address[at + 13];
  group[14] = address[at + 14];
  group[15] = address[at + 15];
  return group;
}

/** The Ethernet address of a group (RFC 2464 7), written to `target[to..to+6)`. */
export function multicastMac(group: Uint8Array, at: number, target: Uint8Array, to = 0): void {
  target[to] = target[to + 1] = 0x33;
  for (let i = 0; i < 4; i++) target[to + 2 + i] = group[at + 12 + i];
}

/** The text of RFC 5952: lower case, no leading zeros, the longest run of zeros as `::`. */
export function formatIpv6(bytes: Uint8Array, at = 0): string {
  const words = Array.from({ length: 8 }, (_, i) => (bytes[at + i * 2] << 8) | bytes[at + i * 2 + 1]);
  // RFC 5952 5: the last 32 bits of a mapped address are an IPv4 address.
  if (isMapped(bytes, at)) return `::ffff:${bytes.subarray(at + 12, at + 16).join('.')}`;
  let longest = 0;
  let from = -1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && words[i + length] === 0) length++;
    // RFC 5952 4.2.2: one zero is not shortened; 4.2.3: the first of equal runs is.
    if (length > longest && length > 1) {
      longest = length;
      from = i;
    }
  }
  const hex = (part: readonly number[]): string => part.map((word) => word.toString(16)).join(':');
  if (from < 0) return hex(words);
  return `${hex(words.slice(0, from))}::${hex(words.slice(from + longest))}`;
}

/** The address in one of the forms of RFC 4291 2.2, without zone and prefix; undefined: it is none. */
export function parseIpv6(text: string): Ipv6Bytes | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const front = groups(halves[0], halves.length === 1);
  const back = halves.length === 2 ? groups(halves[1], true) : [];
  if (front === undefined || back === undefined) return undefined;
  const missing = 8 - front.length - back.length;
  // "::" stands for one group at least.
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  return bytesOf([...front, ...new Array<number>(missing).fill(0), ...back]);
}

/** `last`: an IPv4 address may stand at the end. */
function groups(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const words: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (last && i === parts.length - 1 && part.includes('.')) {
      const quad = part.split('.');
      if (quad.length !== 4 || !quad.every((one) => /^(0|[1-9]\d{0,2})$/.test(one) && Number(one) < 256))
        return undefined;
      const [a, b, c, d] = quad.map(Number) as [number, number, number, number];
      words.push((a << 8) | b, (c << 8) | d);
      continue;
    }
    if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
    words.push(Number.parseInt(part, 16));
  }
  return words;
}
