/** What a certificate says, as far as its renewal needs it. */
import { X509Certificate } from 'node:crypto';
import { child, valueAt, valuesIn } from './reader.js';
import { objectIdentifier, TAG } from './writer.js';

export interface CertificateFacts {
  /** Names of `subjectAltName`, sorted: DNS names in small letters, addresses as OpenSSL writes them. */
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** SHA-256 of the certificate, in hexadecimal. */
  readonly fingerprint: string;
  /** How renewal information is asked for (RFC 9773 4.1); undefined: it names no key of its issuer. */
  readonly id: string | undefined;
  readonly issuer: string;
  readonly der: Uint8Array;
}

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;
/** Certificates in a chain that are looked at. */
const LONGEST_CHAIN = 10;

/** The certificates in `pem`, in their order. Undefined: none, or one is damaged, or more than ten. */
export function certificatesIn(pem: string): X509Certificate[] | undefined {
  const blocks = pem.match(BLOCK) ?? [];
  if (blocks.length === 0 || blocks.length > LONGEST_CHAIN) return undefined;
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    // OpenSSL cannot read it; its own words say nothing to people.
    return undefined;
  }
}

/** About the first certificate in `pem`; undefined: it cannot be read. */
export function factsOf(pem: string): CertificateFacts | undefined {
  const own = certificatesIn(pem)?.[0];
  if (own === undefined) return undefined;
  const names: string[] = [];
  for (const entry of (own.subjectAltName ?? '').split(', ')) {
    const match = /^(?:DNS|IP Address):([^"]+)$/.exec(entry);
    if (match !== null) names.push(addressText(match[1]!.toLowerCase()));
  }
  return {
    names: names.sort(),
    notBefore: Date.parse(own.validFrom),
    notAfter: Date.parse(own.validTo),
    fingerprint: own.fingerprint256.replaceAll(':', '').toLowerCase(),
    id: certificateId(own.raw),
    issuer: own.issuer,
    der: own.raw,
  };
}

/** OpenSSL writes an IPv6 address without its short form. */
function addressText(name: string): string {
  return name.includes(':') ? new URL(`http://[${name}]/`).hostname.slice(1, -1) : name;
}

const AUTHORITY_KEY_IDENTIFIER = objectIdentifier('2.5.29.35');
const KEY_IDENTIFIER = 0x80;
const EXTENSIONS = 0xa3;

/** RFC 9773 4.1: base64url of the issuer's key identifier, a dot, base64url of the serial number's octets. */
export function certificateId(der: Uint8Array): string | undefined {
  const certificate = valueAt(der, 0, der.length);
  const body = certificate && child(der, certificate, TAG.sequence);
  const serial = body && child(der, body, TAG.integer);
  const holder = body && child(der, body, EXTENSIONS);
  const extensions = holder && child(der, holder, TAG.sequence);
  if (serial === undefined || extensions === undefined) return undefined;
  for (const extension of valuesIn(der, extensions.start, extensions.end)) {
    const text = der.subarray(extension.start, extension.end);
    if (!AUTHORITY_KEY_IDENTIFIER.every((octet, i) => text[i] === octet)) continue;
    const octets = child(der, extension, TAG.octetString);
    const value = octets && valueAt(der, octets.start, octets.end);
    const key = value && child(der, value, KEY_IDENTIFIER);
    if (key === undefined) return undefined;
    return `${base64url(der.subarray(key.start, key.end))}.${base64url(der.subarray(serial.start, serial.end))}`;
  }
  return undefined;
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
