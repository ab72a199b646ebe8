/**
 * The Internet checksum (RFC 1071). Sums are plain numbers, not yet folded: up to 2^53 there is room for 128 GiB of
 * bytes.
 */

/**
 * Adds the big-endian 16-bit words of `bytes[start..end)` to `sum`; an odd last byte counts as the high half of a word.
 */
export function addWords(sum: number, bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  let high = 0;
  let low = 0;
  const last = end - 7;
  for (; at < last; at += 8) {
    high += bytes[at] + bytes[at + 2] + bytes[at + 4] + bytes[at + 6];
    low += bytes[at + 1] + bytes[at + 3] + bytes[at + 5] + bytes[at + 7];
  }
  for (; at + 1 < end; at += 2) {
    high += bytes[at];
    low += bytes[at + 1];
  }
  if (at < end) high += bytes[at];
  return sum + high * 256 + low;
}

/** Folds to 16 bits with end-around carry. */
export function fold(sum: number): number {
  let folded = sum;
  if (sum <= 0x7fff_ffff) {
    // What nearly all are: small integers are quick.
    folded = (sum & 0xffff) + (sum >>> 16);
    return (folded & 0xffff) + (folded >>> 16);
  }
  while (folded > 0xffff) folded = (folded % 0x1_0000) + Math.floor(folded / 0x1_0000);
  return folded;
}

/** The sum over the pseudo-header of TCP and UDP (RFC 9293 3.1): addresses as int32, length in bytes. */
export function pseudoHeader(source: number, destination: number, protocol: number, length: number): number {
  return (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff) + protocol + length;
}
