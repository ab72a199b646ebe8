/**
 * The cryptographic operations that TLS 1.3 is made of. Protocol code has no others, and none of its own: every
 * implementation of this interface calls OpenSSL.
 */
import type { MemoryRange } from '../../memory/pieces.js';
import type { CipherSuite, HashName } from '../common/suites.js';

/** Draws `length` unpredictable bytes. Injected, so that a simulation replays. */
export type RandomBytes = (length: number) => Uint8Array;

/** Where records are sealed: bytes that stay in place, with their address for native code (0: none). */
export interface Target {
  readonly bytes: Uint8Array;
  readonly address: number;
}

/**
 * A key of one direction of one connection. Record numbers are 0 to 2^53 - 1; the nonce is made of them (RFC 8446 5.3).
 */
export interface RecordKey {
  /**
   * Makes one record in place (RFC 8446 5.2). The content is in `target.bytes[at + 5 .. at + 5 + length)`; header,
   * `type` and tag are written around it. Returns the place behind the tag, `at + length + 22`.
   */
  seal(target: Target, at: number, length: number, type: number, number: number): number;
  /** As `seal`, of application data that is read where it lies. */
  sealFrom(source: MemoryRange, target: Target, at: number, number: number): number;
  /**
   * Decrypts one record in place: `target.bytes[at..end)` with its header and tag. Returns whether the tag is right;
   * the content is then `target.bytes[at + 5 .. end - 16)`.
   */
  open(target: Target, at: number, end: number, number: number): boolean;
  /** Overwrites the key. It is not used again. */
  destroy(): void;
}

/** One side's share of a key agreement. */
export interface KeyShare {
  /** `key_exchange` of a KeyShareEntry (RFC 8446 4.2.8). */
  readonly share: Uint8Array;
  /** The shared secret; undefined when `peer` is no valid share (RFC 8446 7.4.2, 4.2.8.2). */
  agree(peer: Uint8Array): Uint8Array | undefined;
}

/** A private key that signs CertificateVerify. */
export interface Signer {
  /** Signature schemes (RFC 8446 4.2.3) that the key can make in TLS 1.3, the preferred one first. */
  readonly schemes: readonly number[];
  sign(scheme: number, content: Uint8Array): Uint8Array;
}

export interface Primitives {
  /** For logs and the status page. */
  readonly name: string;
  /** NamedGroup values (RFC 8446 4.2.7) that `keyShare` and `respond` know, the preferred one first. */
  readonly groups: readonly number[];
  /** Of `data[0..end)`. What `hash` and `hmac` answer is the caller's. */
  hash(name: HashName, data: Uint8Array, end: number): Uint8Array;
  hmac(name: HashName, key: Uint8Array, data: Uint8Array): Uint8Array;
  /** Compares in constant time; false when lengths differ. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
  /** A client's share, from fresh randomness. */
  keyShare(group: number, random: RandomBytes): KeyShare;
  /** A server's share and the secret for a client's share; undefined when that is not valid. */
  respond(
    group: number,
    client: Uint8Array,
    random: RandomBytes,
  ): { readonly share: Uint8Array; readonly secret: Uint8Array } | undefined;
  /** `key` and `iv` are copied. */
  recordKey(suite: CipherSuite, key: Uint8Array, iv: Uint8Array): RecordKey;
  /** Bytes to seal into. `size` 1 to 262144. */
  target(size: number): Target;
}

/** Verifies a CertificateVerify with the key of a certificate. */
export type Verify = (scheme: number, content: Uint8Array, signature: Uint8Array) => boolean;
