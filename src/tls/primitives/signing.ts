/** Signatures of CertificateVerify by Node's OpenSSL (RFC 8446 4.2.3). */
import { constants, type KeyObject, sign, verify } from 'node:crypto';
import { SCHEME } from '../common/suites.js';
import type { Signer, Verify } from './primitives.js';

interface Scheme {
  readonly type: 'ec' | 'rsa' | 'ed25519';
  readonly hash: string | null;
  /** As OpenSSL names it; the scheme is for this curve alone. */
  readonly curve?: string;
}

const SCHEMES: ReadonlyMap<number, Scheme> = new Map<number, Scheme>([
  [SCHEME.ecdsaSecp256r1Sha256, { type: 'ec', hash: 'sha256', curve: 'prime256v1' }],
  [SCHEME.ecdsaSecp384r1Sha384, { type: 'ec', hash: 'sha384', curve: 'secp384r1' }],
  [SCHEME.ecdsaSecp521r1Sha512, { type: 'ec', hash: 'sha512', curve: 'secp521r1' }],
  [SCHEME.rsaPssRsaeSha256, { type: 'rsa', hash: 'sha256' }],
  [SCHEME.rsaPssRsaeSha384, { type: 'rsa', hash: 'sha384' }],
  [SCHEME.rsaPssRsaeSha512, { type: 'rsa', hash: 'sha512' }],
  [SCHEME.ed25519, { type: 'ed25519', hash: null }],
]);

/** Schemes that `key` signs or verifies; none for keys that TLS 1.3 has no use for, and RSA below 2,048 bits. */
export function schemesOf(key: KeyObject): number[] {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'rsa' && (details?.modulusLength ?? 0) < 2048) return [];
  const fits = ([, one]: readonly [number, Scheme]): boolean =>
    one.type === type && (one.curve === undefined || one.curve === details?.namedCurve);
  return [...SCHEMES].filter(fits).map(([id]) => id);
}

/** `padding`: RSASSA-PSS with a salt as long as the digest (RFC 8446 4.2.3). */
function parameters(key: KeyObject, scheme: Scheme) {
  if (scheme.type !== 'rsa') return key;
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}

export function signerOf(key: KeyObject): Signer {
  return {
    schemes: schemesOf(key),
    sign: (id, content) => {
      const scheme = SCHEMES.get(id)!;
      return sign(scheme.hash, content, parameters(key, scheme));
    },
  };
}

/** Verifies with a certificate's public key; false for schemes that are not the key's. */
export function verifierOf(key: KeyObject): Verify {
  const schemes = schemesOf(key);
  return (id, content, signature) => {
    const scheme = SCHEMES.get(id);
    if (scheme === undefined || !schemes.includes(id)) return false;
    return verify(scheme.hash, content, parameters(key, scheme), signature);
  };
}
