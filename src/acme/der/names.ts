/** Identifiers of ACME: DNS names (RFC 8555 9.7.7) and IP addresses (RFC 8738), and how certificates hold them. */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { context, extension, sequence } from './writer.js';

export interface Identifier {
  readonly type: 'dns' | 'ip';
  /** A name in small letters, `*.` before it for a wildcard; or an address in its usual text form (RFC 5952). */
  readonly value: string;
}

/** RFC 5280 4.2.1.6. */
const SUBJECT_ALT_NAME = '2.5.29.17';
const DNS_NAME = 2;
const IP_ADDRESS = 7;

/** Undefined: `text` is neither a name of letters, digits and hyphens with a dot in it, nor an address. */
export function identifierOf(text: string): Identifier | undefined {
  const value = text.trim().toLowerCase().replace(/\.$/, '');
  if (isIP(value) !== 0) return { type: 'ip', value: isIPv6(value) ? canonicalIpv6(value) : value };
  const label = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
  if (value.length > 253 || !new RegExp(`^(?:\\*\\.)?${label}(?:\\.${label})+$`).test(value)) return undefined;
  // RFC 3696 2: the last label is not all digits, which an address with a mistake in it would have.
  return /\.\d+$/.test(value) ? undefined : { type: 'dns', value };
}

/** The extension `subjectAltName`. */
export function subjectAltName(identifiers: readonly Identifier[], critical: boolean): Uint8Array {
  const names = identifiers.map(({ type, value }) =>
    type === 'dns'
      ? context(DNS_NAME, false, new TextEncoder().encode(value))
      : context(IP_ADDRESS, false, addressBytes(value)),
  );
  return extension(SUBJECT_ALT_NAME, critical, sequence(...names));
}

/** The name that a client of tls-alpn-01 asks for: that of the reverse mapping for an address (RFC 8738 6). */
export function serverNameFor({ type, value }: Identifier): string {
  if (type === 'dns') return value;
  if (isIPv4(value)) return `${value.split('.').reverse().join('.')}.in-addr.arpa`;
  const digits = Buffer.from(addressBytes(value)).toString('hex');
  return `${[...digits].reverse().join('.')}.ip6.arpa`;
}

/** Four or sixteen octets of an address that is well formed. */
export function addressBytes(text: string): Uint8Array {
  if (isIPv4(text)) return Uint8Array.from(text.split('.').map(Number));
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  let groups = text;
  if (dotted !== null) {
    const [a = 0, b = 0, c = 0, d = 0] = addressBytes(dotted[2]!);
    groups = `${dotted[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [left = '', right] = groups.split('::');
  const before = left === '' ? [] : left.split(':');
  const after = right === undefined || right === '' ? [] : right.split(':');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  const words = [...before, ...zeros, ...after].map((word) => Number.parseInt(word, 16));
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]));
}

function canonicalIpv6(text: string): string {
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}
