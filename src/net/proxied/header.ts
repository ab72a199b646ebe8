/**
 * The PROXY protocol, versions 1 and 2 (proxy-protocol.txt of HAProxy, 2020): what a proxy says before the first byte
 * of a connection that it passes on.
 */
import { formatIp, parseIp } from '../ip-text.js';

/** Section 2.1: bytes of version 1's longest line, CRLF included. */
const LONGEST_LINE = 107;
/** Section 2.2. */
const SIGNATURE = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10);
const FIXED = 16;
/** Bytes of version 2's header that are taken, behind which vendors may write further ones. */
export const LONGEST_HEADER = 4096;
const PROXIED = 0x21;
const LOCAL = 0x20;
const [TCP4, TCP6] = [0x11, 0x21];

/** `length`: bytes of the header; `source` undefined: the connection is the proxy's own, or of a kind unknown. */
export interface ProxyHeader {
  readonly length: number;
  readonly source: { readonly address: string; readonly port: number } | undefined;
}

/** The header at the beginning of `bytes[0..end)`; `more`: it is not whole yet; undefined: it is none. */
export function readProxyHeader(bytes: Uint8Array, end: number): ProxyHeader | 'more' | undefined {
  if (end === 0) return 'more';
  return bytes[0] === SIGNATURE[0] ? readBinary(bytes, end) : readLine(bytes, end);
}

function readLine(bytes: Uint8Array, end: number): ProxyHeader | 'more' | undefined {
  const text = String.fromCharCode(...bytes.subarray(0, Math.min(end, LONGEST_LINE)));
  if (!'PROXY '.startsWith(text.slice(0, 6))) return undefined;
  const stop = text.indexOf('\r\n');
  if (stop < 0) return end < LONGEST_LINE ? 'more' : undefined;
  const length = stop + 2;
  const [, family, source = '', target = '', from = '', to = '', more] = text.slice(0, stop).split(' ');
  if (family === 'UNKNOWN') return { length, source: undefined };
  const bits = family === 'TCP4' ? 4 : family === 'TCP6' ? 16 : 0;
  const [sourceIp, targetIp] = [parseIp(source), parseIp(target)];
  if (sourceIp?.length !== bits || targetIp?.length !== bits || more !== undefined) return undefined;
  if (!isPort(from) || !isPort(to)) return undefined;
  return { length, source: { address: formatIp(sourceIp), port: Number(from) } };
}

function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

function readBinary(bytes: Uint8Array, end: number): ProxyHeader | 'more' | undefined {
  for (let i = 0; i < Math.min(end, SIGNATURE.length); i++) if (bytes[i] !== SIGNATURE[i]) return undefined;
  if (end < FIXED) return 'more';
  const [command, kind] = [bytes[12]!, bytes[13]!];
  const length = FIXED + ((bytes[14]! << 8) | bytes[15]!);
  if ((command !== PROXIED && command !== LOCAL) || length > LONGEST_HEADER) return undefined;
  if (end < length) return 'more';
  const size = kind === TCP4 ? 4 : kind === TCP6 ? 16 : 0;
  // What is neither, a UNIX socket or unspecified, is accepted and not looked at (2.2).
  if (command === LOCAL || size === 0) return { length, source: undefined };
  const port = FIXED + 2 * size;
  if (length < port + 4) return undefined;
  const address = formatIp(bytes.slice(FIXED, FIXED + size));
  return { length, source: { address, port: (bytes[port]! << 8) | bytes[port + 1]! } };
}
