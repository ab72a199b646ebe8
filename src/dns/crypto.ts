/** The cryptography that a name server needs, handed in: it is OpenSSL's, and not of these modules. */

export type HashName = 'sha256' | 'sha384' | 'sha512';

export interface DnsCrypto {
  /** The HMAC (RFC 2104) of the parts, one after the other. */
  hmac(hash: HashName, key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array;
  /** Whether two values of one length are the same, in a time that does not depend on them. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
  /** SHA-256. */
  digest(bytes: Uint8Array): Uint8Array;
}
