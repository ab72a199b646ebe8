/**
 * The key of a signed zone: one for everything (a combined signing key), ECDSA on P-256 with SHA-256 (RFC 6605,
 * algorithm 13).
 */
import type { DnsCrypto } from '../crypto.js';
import { lowerName, type Name } from '../wire/name.js';
import { concat, u16At } from '../wire/writer.js';

export const ALGORITHM = 13;
/** RFC 4034 2.1.1: a zone key, and a secure entry point. */
const FLAGS = 257;
const PROTOCOL = 3;
/** SHA-256 (RFC 4509). */
const DIGEST_TYPE = 2;

/** A private key that is kept elsewhere. */
export interface ZoneSigner {
  /** The coordinates x and y, 64 bytes (RFC 6605 4). */
  readonly publicKey: Uint8Array;
  /** The numbers r and s of a signature, 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array;
}

/** The data of the DNSKEY record, and of CDNSKEY (RFC 7344 3.2). */
export function dnskeyData(signer: ZoneSigner): Uint8Array {
  return concat([Uint8Array.of(FLAGS >> 8, FLAGS & 255, PROTOCOL, ALGORITHM), signer.publicKey]);
}

/** RFC 4034 appendix B. */
export function keyTag(dnskey: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < dnskey.length; i++) sum += (i & 1) === 0 ? dnskey[i] << 8 : dnskey[i];
  return (sum + (sum >> 16)) & 0xffff;
}

/** The data of the DS record that the parent zone gets, and of CDS (RFC 4034 5.1, RFC 7344 3.1). */
export function dsData(apex: Name, dnskey: Uint8Array, crypto: Pick<DnsCrypto, 'digest'>): Uint8Array {
  const tag = keyTag(dnskey);
  const digest = crypto.digest(concat([lowerName(apex), dnskey]));
  return concat([Uint8Array.of(tag >> 8, tag & 255, ALGORITHM, DIGEST_TYPE), digest]);
}

/** The data of a DS record as a registrar's form and a zone file want it. */
export function dsText(ds: Uint8Array): string {
  const digest = Array.from(ds.subarray(4), (byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join('');
  return `${u16At(ds, 0)} ${ds[2]} ${ds[3]} ${digest}`;
}
