import { isIpLiteral } from './ip-literal.js';
import { CLASS, COLON, DIGIT, HEX, REG_NAME } from './octets.js';

/**
 * Whether `bytes[start..end)` is `uri-host [ ":" port ]` (RFC 9110 7.2, RFC 3986 3.2.2). The empty host is valid. User
 * information is not allowed (RFC 9110 4.2.4).
 */
export function isHost(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  if (at < end && bytes[at] === 0x5b) {
    const close = bytes.indexOf(0x5d, at);
    if (close < 0 || close >= end || !isIpLiteral(bytes, at + 1, close)) return false;
    at = close + 1;
  } else {
    for (; at < end && bytes[at] !== COLON; at++) {
      if (bytes[at] === 0x25) {
        if (at + 2 >= end || HEX[bytes[at + 1]!] === 255 || HEX[bytes[at + 2]!] === 255) return false;
        at += 2;
      } else if ((CLASS[bytes[at]!]! & REG_NAME) === 0) return false;
    }
    if (at - start > 255) return false;
  }
  if (at === end) return true;
  if (bytes[at] !== COLON) return false;
  let port = 0;
  for (at++; at < end; at++) {
    if ((CLASS[bytes[at]!]! & DIGIT) === 0) return false;
    port = port * 10 + bytes[at]! - 0x30;
    if (port > 65535) return false;
  }
  return true;
}
