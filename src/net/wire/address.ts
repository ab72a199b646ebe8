/** IPv4 and Ethernet addresses: int32 and bytes inside, text at the edge. */

/**
 * An IPv4 address as an int32 number: `(a << 24) | (b << 16) | (c << 8) | d`, signed, so that it stays a small integer
 * in V8.
 */
export type Ipv4 = number;

export function formatIpv4(address: Ipv4): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** A dotted quad, four decimal numbers without leading zeros; undefined when it is not one. */
export function parseIpv4(text: string): Ipv4 | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let address = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    address = (address << 8) | Number(part);
  }
  return address;
}

/** The netmask of a prefix length of 0..32. */
export function prefixMask(prefix: number): number {
  return prefix === 0 ? 0 : -1 << (32 - prefix);
}

/** The prefix length of a netmask, or undefined when its ones are not contiguous. */
export function maskPrefix(mask: number): number | undefined {
  for (let prefix = 0; prefix <= 32; prefix++) if (prefixMask(prefix) === mask) return prefix;
  return undefined;
}

export function isMulticast(address: Ipv4): boolean {
  return address >>> 28 === 14;
}

/**
 * Addresses that no packet of another host may carry as its source (RFC 1122 3.2.1.3). That section does not name
 * 240.0.0.0/4, Linux takes it, and there are networks of it, of clouds (Google's) among others.
 */
export function isMartian(source: Ipv4): boolean {
  const first = source >>> 24;
  return first === 0 || first === 127 || isMulticast(source) || source === -1;
}

/** An address of either family with a port: `192.0.2.1:53`, `[2001:db8::1]:53` (RFC 5952 6). */
export function placeText(address: string, port: number): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

export function formatMac(bytes: Uint8Array, start = 0): string {
  return Array.from(bytes.subarray(start, start + 6), (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
