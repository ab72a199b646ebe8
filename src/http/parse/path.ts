import { HEX, SLASH } from './octets.js';

/**
 * Stands for an encoded slash. `%2F` is data, not a separator (RFC 3986 2.2). No name in a store holds a slash or a
 * NUL, so such a path finds only a rule that has one, too, or the nearest 404 page.
 */
const ENCODED_SLASH = 0;

/**
 * Decodes `%` once, merges slashes, removes dot segments (RFC 3986 5.2.4; `..` at the root stays at the root) and
 * writes the path to `out`, which is at least as long as the input.
 *
 * The empty path is the root (RFC 9110 4.2.3). Returns the length, or -1 for a path with forbidden content: a broken
 * escape, controls and NUL, a plain backslash, or octets that are not UTF-8 (overlong forms, surrogates).
 */
export function normalisePath(bytes: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let length = 0;
  let segment = 0;
  if (end === start) out[length++] = SLASH;
  for (let at = start; at <= end; at++) {
    const c = at === end ? SLASH : bytes[at]!;
    if (c === SLASH) {
      const size = length - segment;
      if (size === 1 && out[segment] === 0x2e) length = segment;
      else if (size === 2 && out[segment] === 0x2e && out[segment + 1] === 0x2e) {
        length = segment;
        if (length > 1) for (length--; out[length - 1] !== SLASH; ) length--;
      } else if ((size > 0 || length === 0) && at < end) out[length++] = SLASH;
      segment = length;
      continue;
    }
    if (c === 0x5c) return -1;
    if (c !== 0x25) {
      out[length++] = c;
      continue;
    }
    if (at + 2 >= end) return -1;
    const high = HEX[bytes[at + 1]!]!;
    const low = HEX[bytes[at + 2]!]!;
    if (high === 255 || low === 255) return -1;
    at += 2;
    const decoded = (high << 4) | low;
    if (decoded < 0x20 || decoded === 0x7f) return -1;
    out[length++] = decoded === SLASH ? ENCODED_SLASH : decoded;
  }
  return isUtf8(out, length) ? length : -1;
}

/** RFC 3629 4, byte for byte: no overlong form, no surrogate, nothing above U+10FFFF. */
function isUtf8(bytes: Uint8Array, end: number): boolean {
  for (let at = 0; at < end; ) {
    const c = bytes[at++]!;
    if (c < 0x80) continue;
    if (c < 0xc2 || c > 0xf4) return false;
    let more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    if (at + more > end) return false;
    const second = bytes[at]!;
    const lowest = c === 0xe0 ? 0xa0 : c === 0xf0 ? 0x90 : 0x80;
    const highest = c === 0xed ? 0x9f : c === 0xf4 ? 0x8f : 0xbf;
    if (second < lowest || second > highest) return false;
    for (at++, more--; more > 0; more--) if ((bytes[at++]! & 0xc0) !== 0x80) return false;
  }
  return true;
}
