/** The key schedule of TLS 1.3 (RFC 8446 7.1 to 7.3): HKDF (RFC 5869) over HMAC of the primitives. */

import { type CipherSuite, NONCE_LENGTH } from '../common/suites.js';
import type { Primitives, RecordKey } from '../primitives/primitives.js';

const NOTHING = new Uint8Array(0);
const PREFIX = 'tls13 ';
/** Labels as HkdfLabel has them. */
const labels = new TextEncoder();

/** What is to be derived: no context and a digest's length, unless told otherwise. */
export interface Wanted {
  readonly context?: Uint8Array;
  /** Bytes; at most 255 digests. */
  readonly length?: number;
}

/** HKDF-Expand-Label (RFC 8446 7.1). */
export function expandLabel(
  primitives: Primitives,
  { hash, hashLength }: CipherSuite,
  secret: Uint8Array,
  label: string,
  { context = NOTHING, length = hashLength }: Wanted = {},
): Uint8Array {
  const name = labels.encode(PREFIX + label);
  // HkdfLabel with the block number of RFC 5869 2.3 behind it.
  const info = new Uint8Array(2 + 1 + name.length + 1 + context.length + 1);
  info[0] = length >> 8;
  info[1] = length & 255;
  info[2] = name.length;
  info.set(name, 3);
  info[3 + name.length] = context.length;
  info.set(context, 4 + name.length);
  info[info.length - 1] = 1;
  const first = primitives.hmac(hash, secret, info);
  if (length <= hashLength) return first.subarray(0, length);
  const all = new Uint8Array(Math.ceil(length / hashLength) * hashLength);
  all.set(first);
  let block = first;
  for (let at = hashLength; at < length; at += hashLength) {
    info[info.length - 1]! += 1;
    const input = new Uint8Array(hashLength + info.length);
    input.set(block);
    input.set(info, hashLength);
    block = primitives.hmac(hash, secret, input);
    all.set(block, at);
  }
  return all.subarray(0, length);
}

/** `finished_key` applied to a transcript (RFC 8446 4.4.4): `verify_data`, and a PSK's binder (4.2.11.2). */
export function finishedMac(primitives: Primitives, suite: CipherSuite, base: Uint8Array, transcript: Uint8Array) {
  const key = expandLabel(primitives, suite, base, 'finished');
  const mac = primitives.hmac(suite.hash, key, transcript);
  key.fill(0);
  return mac;
}

/** The key of one direction out of its traffic secret (RFC 8446 7.3). */
export function trafficKey(primitives: Primitives, suite: CipherSuite, secret: Uint8Array): RecordKey {
  const key = expandLabel(primitives, suite, secret, 'key', { length: suite.keyLength });
  const iv = expandLabel(primitives, suite, secret, 'iv', { length: NONCE_LENGTH });
  const made = primitives.recordKey(suite, key, iv);
  key.fill(0);
  iv.fill(0);
  return made;
}

/** `application_traffic_secret_N+1` (RFC 8446 7.2). The old secret is overwritten. */
export function nextSecret(primitives: Primitives, suite: CipherSuite, secret: Uint8Array): Uint8Array {
  const next = Uint8Array.from(expandLabel(primitives, suite, secret, 'traffic upd'));
  secret.fill(0);
  return next;
}

/** The PSK of a ticket (RFC 8446 4.6.1). */
export function ticketPsk(primitives: Primitives, suite: CipherSuite, resumption: Uint8Array, nonce: Uint8Array) {
  return expandLabel(primitives, suite, resumption, 'resumption', { context: nonce });
}

export interface Pair {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
}

/** The secrets of one handshake, step by step. Each step overwrites the secret before it. */
export class KeySchedule {
  readonly #primitives: Primitives;
  readonly suite: CipherSuite;
  readonly #empty: Uint8Array;
  #secret: Uint8Array;

  /** `psk`: undefined in a full handshake. */
  constructor(primitives: Primitives, suite: CipherSuite, psk: Uint8Array | undefined) {
    this.#primitives = primitives;
    this.suite = suite;
    this.#empty = primitives.hash(suite.hash, NOTHING, 0);
    const zeros = new Uint8Array(suite.hashLength);
    this.#secret = primitives.hmac(suite.hash, zeros, psk ?? zeros);
  }

  /** The binder of a resumption PSK over the hash of the truncated ClientHello (RFC 8446 4.2.11.2). */
  binder(transcript: Uint8Array): Uint8Array {
    const key = this.#derive('res binder', this.#empty);
    const mac = finishedMac(this.#primitives, this.suite, key, transcript);
    key.fill(0);
    return mac;
  }

  /**
   * To the handshake secret: `shared` out of the key agreement, `transcript` up to ServerHello. `shared` is
   * overwritten.
   */
  handshake(shared: Uint8Array, transcript: Uint8Array): Pair {
    this.#extract(shared);
    shared.fill(0);
    return { client: this.#derive('c hs traffic', transcript), server: this.#derive('s hs traffic', transcript) };
  }

  /** To the main secret: `transcript` up to the server's Finished. */
  application(transcript: Uint8Array): Pair {
    this.#extract(new Uint8Array(this.suite.hashLength));
    return { client: this.#derive('c ap traffic', transcript), server: this.#derive('s ap traffic', transcript) };
  }

  /** The resumption secret: `transcript` up to the client's Finished. Nothing is left behind it. */
  resumption(transcript: Uint8Array): Uint8Array {
    const secret = this.#derive('res master', transcript);
    this.destroy();
    return secret;
  }

  destroy(): void {
    this.#secret.fill(0);
  }

  #extract(input: Uint8Array): void {
    const salt = this.#derive('derived', this.#empty);
    this.#secret.fill(0);
    this.#secret = this.#primitives.hmac(this.suite.hash, salt, input);
    salt.fill(0);
  }

  #derive(label: string, transcript: Uint8Array): Uint8Array {
    const { suite } = this;
    // A copy of its own: secrets are overwritten one by one.
    return Uint8Array.from(expandLabel(this.#primitives, suite, this.#secret, label, { context: transcript }));
  }
}
