import { CLASS, COLON, DIGIT, HEX, REG_NAME } from './octets.js';

const DOT = 0x2e;

/**
 * Whether `bytes[start..end)`, the text between the brackets, is `IPv6address / IPvFuture` (RFC 3986 3.2.2). Zones are
 * not allowed.
 */
export function isIpLiteral(bytes: Uint8Array, start: number, end: number): boolean {
  return (bytes[start]! | 0x20) === 0x76 ? isFuture(bytes, start + 1, end) : isIpv6(bytes, start, end);
}

/** Eight groups, or fewer with one `::`, which stands for at least one group; the last two may be written as IPv4. */
function isIpv6(bytes: Uint8Array, start: number, end: number): boolean {
  let groups = 0;
  let shortened = false;
  let at = start;
  while (at < end) {
    if (bytes[at] === COLON) {
      // "::", at the beginning or behind a group's own colon.
      if (shortened || (groups === 0 && bytes[++at] !== COLON)) return false;
      shortened = true;
      if (++at === end) break;
    }
    const group = at;
    while (at < end && HEX[bytes[at]!] !== 255) at++;
    if (at < end && bytes[at] === DOT) {
      if (!isIpv4(bytes, group, end)) return false;
      groups += 2;
      break;
    }
    if (at === group || at - group > 4) return false;
    groups++;
    if (at === end) break;
    if (bytes[at] !== COLON || ++at === end) return false;
  }
  return shortened ? groups < 8 : groups === 8;
}

function isIpv4(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  for (let octets = 1; ; octets++) {
    const from = at;
    let value = 0;
    for (; at < end && (CLASS[bytes[at]!]! & DIGIT) !== 0 && at - from < 3; at++)
      value = value * 10 + bytes[at]! - 0x30;
    if (at === from || value > 255 || (at - from > 1 && bytes[from] === 0x30)) return false;
    if (octets === 4) return at === end;
    if (at >= end || bytes[at++] !== DOT) return false;
  }
}

function isFuture(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && HEX[bytes[at]!] !== 255) at++;
  if (at === start || at + 1 >= end || bytes[at] !== DOT) return false;
  for (at++; at < end; at++) if (bytes[at] !== COLON && (CLASS[bytes[at]!]! & REG_NAME) === 0) return false;
  return true;
}
