/** What ACME asks of a library of cryptography. */

/** The public key of ECDSA on P-256 as JSON (RFC 7517, RFC 7518 6.2). */
export interface PublicJwk {
  readonly kty: 'EC';
  readonly crv: 'P-256';
  readonly x: string;
  readonly y: string;
}

/** A pair of keys of ECDSA on P-256. */
export interface SigningKey {
  readonly jwk: PublicJwk;
  /** SubjectPublicKeyInfo (RFC 5280 4.1) in DER. */
  readonly spki: Uint8Array;
  /** The private key, PKCS #8 in PEM. */
  readonly pem: string;
  /** ES256 (RFC 7518 3.4): r and s, 32 octets each. */
  signRaw(data: Uint8Array): Uint8Array;
  /** ecdsa-with-SHA256 (RFC 5758 3.2): a DER sequence of r and s. */
  signDer(data: Uint8Array): Uint8Array;
}

export interface AcmeCrypto {
  generateKey(): SigningKey;
  /** Undefined: `pem` is no private key on P-256. */
  readKey(pem: string): SigningKey | undefined;
  sha256(data: Uint8Array): Uint8Array;
  /** HMAC with SHA-256 (RFC 2104). */
  hmac(key: Uint8Array, data: Uint8Array): Uint8Array;
}
