/** The key schedule of TLS 1.3 (RFC 8446 7.1 to 7.3): HKDF (RFC 5869) over HMAC of the primitives. */

import { TlsError } from '../common/alert.js';
import { type CipherSuite, NONCE_LENGTH } from '../common/suites.js';
import type { Primitives, RecordKey } from '../primitives/primitives.js';

const NOTHING = new Uint8Array(0);
const PREFIX = 'tls13 ';
/** Labels as HkdfLabel has them. */
const labels = new TextEncoder();

/**
 * HkdfLabels with the block number of RFC 5869 2.3 behind them, made once for each label and length. The context is
 * filled in for each use: it is a hash of what both sides sent, and no secret.
 */
const infos = new Map<string, Uint8Array[]>();
/** Templates of one label: lengths of a context times lengths of an output, for two hashes. */
const MOST_TEMPLATES = 8;

function infoFor(label: string, context: Uint8Array, length: number): Uint8Array {
  const known = infos.get(label) ?? [];
  const size = 2 + 1 + PREFIX.length + label.length + 1 + context.length + 1;
  for (const info of known) {
    if (info.length !== size || info[0] !== length >> 8 || info[1] !== (length & 255)) continue;
    info.set(context, size - 1 - context.length);
    return info;
  }
  const name = labels.encode(PREFIX + label);
  const info = new Uint8Array(size);
  info[0] = length >> 8;
  info[1] = length & 255;
  info[2] = name.length;
  info.set(name, 3);
  info[3 + name.length] = context.length;
  info.set(context, 4 + name.length);
  info[size - 1] = 1;
  if (known.length < MOST_TEMPLATES) infos.set(label, [...known, info]);
  return info;
}

/** As RFC 8446 7.1 has it: what a secret is expanded for. */
interface HkdfLabel {
  /** One of few. */
  readonly label: string;
  /** A hash of a transcript, or a nonce. Default: nothing. */
  readonly context?: Uint8Array;
  /** Bytes of the result. Default: those of the suite's hash. */
  readonly length?: number;
}

/** HKDF-Expand-Label (RFC 8446 7.1). The result is the caller's. */
export function expandLabel(
  primitives: Primitives,
  { hash, hashLength }: CipherSuite,
  secret: Uint8Array,
  { label, context = NOTHING, length = hashLength }: HkdfLabel,
): Uint8Array {
  const info = infoFor(label, context, length);
  const first = primitives.hmac(hash, secret, info);
  if (length === hashLength) return first;
  if (length < hashLength) return first.subarray(0, length);
  const all = new Uint8Array(Math.ceil(length / hashLength) * hashLength);
  all.set(first);
  let block = first;
  for (let at = hashLength; at < length; at += hashLength) {
    const input = new Uint8Array(hashLength + info.length);
    input.set(block);
    input.set(info, hashLength);
    input[input.length - 1] = 1 + at / hashLength;
    block = primitives.hmac(hash, secret, input);
    all.set(block, at);
  }
  return all.subarray(0, length);
}

/** `finished_key` applied to a transcript (RFC 8446 4.4.4): `verify_data`, and a PSK's binder (4.2.11.2). */
export function finishedMac(primitives: Primitives, suite: CipherSuite, base: Uint8Array, transcript: Uint8Array) {
  const key = expandLabel(primitives, suite, base, { label: 'finished' });
  const mac = primitives.hmac(suite.hash, key, transcript);
  key.fill(0);
  return mac;
}

/** Whether the `verify_data` that came is `mac`; throws the alert that it deserves otherwise. */
export function checkFinished(primitives: Primitives, mac: Uint8Array, came: Uint8Array): void {
  // RFC 8446 6.2: a wrong length is an error of syntax, not of cryptography.
  if (came.length !== mac.length) throw new TlsError('decodeError', 'Finished: another length than the hash has');
  // RFC 8446 4.4.4.
  if (!primitives.equal(mac, came)) throw new TlsError('decryptError', 'Finished: a MAC that is wrong');
}

/** The key of one direction out of its traffic secret (RFC 8446 7.3). */
export function trafficKey(primitives: Primitives, suite: CipherSuite, secret: Uint8Array): RecordKey {
  const key = expandLabel(primitives, suite, secret, { label: 'key', length: suite.keyLength });
  const iv = expandLabel(primitives, suite, secret, { label: 'iv', length: NONCE_LENGTH });
  const made = primitives.recordKey(suite, key, iv);
  key.fill(0);
  iv.fill(0);
  return made;
}

/** `application_traffic_secret_N+1` (RFC 8446 7.2). The old secret is overwritten. */
export function nextSecret(primitives: Primitives, suite: CipherSuite, secret: Uint8Array): Uint8Array {
  const next = expandLabel(primitives, suite, secret, { label: 'traffic upd' });
  secret.fill(0);
  return next;
}

/** The PSK of a ticket (RFC 8446 4.6.1). */
export function ticketPsk(primitives: Primitives, suite: CipherSuite, resumption: Uint8Array, nonce: Uint8Array) {
  return expandLabel(primitives, suite, resumption, { label: 'resumption', context: nonce });
}

export interface Pair {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
}

/** What is the same in all handshakes of a hash. None of it is secret. */
interface Constants {
  readonly empty: Uint8Array;
  readonly zeros: Uint8Array;
  /** Derived from the early secret without a PSK. */
  readonly salt: Uint8Array;
}

const constants = new WeakMap<Primitives, Map<string, Constants>>();

function constantsOf(primitives: Primitives, suite: CipherSuite): Constants {
  const known = constants.get(primitives) ?? new Map<string, Constants>();
  const found = known.get(suite.hash);
  if (found !== undefined) return found;
  const empty = primitives.hash(suite.hash, NOTHING, 0);
  const zeros = new Uint8Array(suite.hashLength);
  const early = primitives.hmac(suite.hash, zeros, zeros);
  const made = { empty, zeros, salt: expandLabel(primitives, suite, early, { label: 'derived', context: empty }) };
  constants.set(primitives, known.set(suite.hash, made));
  return made;
}

/** The secrets of one handshake, step by step. Each step overwrites the secret before it. */
export class KeySchedule {
  readonly #primitives: Primitives;
  readonly suite: CipherSuite;
  readonly #constants: Constants;
  /** Undefined: there was no PSK, and what comes next is derived from the salt that all handshakes share. */
  #secret: Uint8Array | undefined;

  /** `psk`: undefined in a full handshake. */
  constructor(primitives: Primitives, suite: CipherSuite, psk: Uint8Array | undefined) {
    this.#primitives = primitives;
    this.suite = suite;
    this.#constants = constantsOf(primitives, suite);
    this.#secret = psk === undefined ? undefined : primitives.hmac(suite.hash, this.#constants.zeros, psk);
  }

  /** The binder of a resumption PSK over the hash of the truncated ClientHello (RFC 8446 4.2.11.2). */
  binder(transcript: Uint8Array): Uint8Array {
    const key = this.#derive('res binder', this.#constants.empty);
    const mac = finishedMac(this.#primitives, this.suite, key, transcript);
    key.fill(0);
    return mac;
  }

  /** `client_early_traffic_secret`: `transcript` is the ClientHello. */
  early(transcript: Uint8Array): Uint8Array {
    return this.#derive('c e traffic', transcript);
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
    this.#extract(this.#constants.zeros);
    return { client: this.#derive('c ap traffic', transcript), server: this.#derive('s ap traffic', transcript) };
  }

  /**
   * The resumption secret: `transcript` up to the client's Finished. It is the last step: all secrets are
   * overwritten.
   */
  resumption(transcript: Uint8Array): Uint8Array {
    const secret = this.#derive('res master', transcript);
    this.destroy();
    return secret;
  }

  destroy(): void {
    this.#secret?.fill(0);
  }

  #extract(input: Uint8Array): void {
    const { empty, salt } = this.#constants;
    const before = this.#secret;
    const derived = before === undefined ? salt : this.#derive('derived', empty);
    this.#secret = this.#primitives.hmac(this.suite.hash, derived, input);
    if (before === undefined) return;
    before.fill(0);
    derived.fill(0);
  }

  #derive(label: string, transcript: Uint8Array): Uint8Array {
    return expandLabel(this.#primitives, this.suite, this.#secret!, { label, context: transcript });
  }
}
