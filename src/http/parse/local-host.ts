import { isIpLiteral } from './ip-literal.js';
import { CLASS, COLON, DIGIT } from './octets.js';

const LOCALHOST = new TextEncoder().encode('localhost');

/**
 * Whether the host `bytes[start..end)`, with or without a port, is an IP address or `localhost`: a host that no DNS
 * server resolves. An attacker's page may have its name resolve to an address of ours (DNS rebinding); its requests
 * then have that name in `Host`.
 */
export function isLocalHost(bytes: Uint8Array, start: number, end: number): boolean {
  if (bytes[start] === 0x5b) {
    const close = bytes.indexOf(0x5d, start);
    return close > start && close < end && isIpLiteral(bytes, start + 1, close);
  }
  let stop = start;
  while (stop < end && bytes[stop] !== COLON) stop++;
  return isLocalhostName(bytes, start, stop) || isIpv4(bytes, start, stop);
}

function isLocalhostName(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === LOCALHOST.length && LOCALHOST.every((byte, i) => (bytes[start + i]! | 0x20) === byte);
}

/**
 * Four numbers of 0 to 255: a browser rewrites every other spelling of an address (`127.1`, `0x7f000001`) to this one.
 */
function isIpv4(bytes: Uint8Array, start: number, end: number): boolean {
  let parts = 0;
  let digits = 0;
  let value = 0;
  for (let i = start; i <= end; i++) {
    if (i === end || bytes[i] === 0x2e) {
      if (digits === 0 || value > 255) return false;
      parts++;
      digits = value = 0;
    } else {
      if ((CLASS[bytes[i]!]! & DIGIT) === 0 || ++digits > 3) return false;
      value = value * 10 + bytes[i]! - 0x30;
    }
  }
  return parts === 4;
}
