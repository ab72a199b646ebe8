/**
 * Session tickets (RFC 8446 4.6.1, RFC 5077 4): all that a server has to know of a session, sealed under a key of its
 * own, so that it remembers nothing. The key changes with time: each comes from the one before by a function that
 * cannot be reversed, and the one before is overwritten. So a thief of today's key cannot open yesterday's tickets.
 * Processes that begin with the same secret have the same keys at all times.
 */

import { AES_256, type CipherSuite, NONCE_LENGTH, suiteById, TAG_LENGTH } from '../common/suites.js';
import type { Primitives, RandomBytes, RecordKey, Target } from '../primitives/primitives.js';
import { Reader } from '../wire/reader.js';
import { Writer } from '../wire/writer.js';
import { type EarlyTicket, ISSUER_LENGTH } from './early-data.js';
import { expandLabel } from './key-schedule.js';

/** Milliseconds for which a key seals; afterwards it opens for as long again. */
const TICKET_PERIOD = 12 * 3_600_000;
/** Seconds for which a client may use a ticket. */
export const TICKET_LIFETIME = TICKET_PERIOD / 1000;
const VERSION = 1;
/** Of tickets that are good for early data, too. */
const WITH_EARLY = 2;
const SECRET_LENGTH = 32;
const NAME_LENGTH = 8;
const FOREIGN_LENGTH = 48;
const HEADER = 5;
/** Bytes of a ticket at most; longer ones are not ours. */
const MOST = 1024;

export interface Session {
  readonly suite: CipherSuite;
  readonly psk: Uint8Array;
  readonly serverName: string | undefined;
  /** Milliseconds since 1970. */
  readonly issued: number;
  /** What the client adds to the age that it sends. */
  readonly ageAdd: number;
  /** Undefined: it is not good for early data. */
  readonly early?: EarlyTicket | undefined;
}

/** What processes share: a secret, and the period that it is for. */
export interface TicketSecret {
  readonly period: number;
  readonly secret: Uint8Array;
}

interface TicketKey {
  readonly period: number;
  readonly name: Uint8Array;
  readonly secret: Uint8Array;
}

/** A fresh secret, for `Tickets` of any number of processes. `now` in milliseconds since 1970. */
export function newTicketSecret(random: RandomBytes, now: number): TicketSecret {
  return { period: Math.floor(now / TICKET_PERIOD), secret: random(SECRET_LENGTH) };
}

export class Tickets {
  readonly #primitives: Primitives;
  readonly #random: RandomBytes;
  /** The secret of `#period`. */
  #secret: Uint8Array;
  #period: number;
  #current: TicketKey;
  #former: TicketKey | undefined = undefined;
  #foreign: Uint8Array | undefined = undefined;
  readonly #scratch: Target;

  /** Copies the secret. */
  constructor(primitives: Primitives, random: RandomBytes, { period, secret }: TicketSecret) {
    this.#primitives = primitives;
    this.#random = random;
    this.#period = period;
    this.#secret = Uint8Array.from(secret);
    this.#scratch = primitives.target(MOST);
    this.#current = this.#key();
  }

  /** A copy of the secret of `now`, for a process that is to open the same tickets. */
  sharedAt(now: number): TicketSecret {
    this.#advance(now);
    return { period: this.#period, secret: Uint8Array.from(this.#secret) };
  }

  /** 48 bytes for another engine's tickets (RFC 5077 4), of the present period; the same object within it. */
  foreignKeys(now: number): Uint8Array {
    this.#advance(now);
    this.#foreign ??= Uint8Array.from(this.#derive('ticket foreign', FOREIGN_LENGTH));
    return this.#foreign;
  }

  /** `now` in milliseconds since 1970. */
  seal(session: Session, now: number): Uint8Array {
    this.#advance(now);
    const { name, secret } = this.#current;
    const { early } = session;
    const writer = new Writer(160);
    writer
      .u8(early === undefined ? VERSION : WITH_EARLY)
      .u16(session.suite.id)
      .u64(session.issued)
      .u32(session.ageAdd)
      .vector(1, (one) => one.raw(session.psk))
      .vector(1, (one) => one.text(session.serverName ?? ''));
    if (early !== undefined) {
      writer
        .raw(early.issuer)
        .u64(early.at)
        .vector(1, (one) => one.text(early.protocol));
    }
    const { bytes } = this.#scratch;
    const nonce = this.#random(NONCE_LENGTH);
    bytes.set(writer.bytes, HEADER);
    const key = this.#primitives.recordKey(AES_256, secret, nonce);
    const end = key.seal(this.#scratch, 0, writer.length, VERSION, 0);
    key.destroy();
    writer.bytes.fill(0);
    const ticket = new Uint8Array(NAME_LENGTH + NONCE_LENGTH + end - HEADER);
    ticket.set(name);
    ticket.set(nonce, NAME_LENGTH);
    ticket.set(bytes.subarray(HEADER, end), NAME_LENGTH + NONCE_LENGTH);
    return ticket;
  }

  /** Undefined: it is not ours, too old, or not as it was sealed. */
  open(ticket: Uint8Array, now: number): Session | undefined {
    this.#advance(now);
    const size = ticket.length - NAME_LENGTH - NONCE_LENGTH;
    if (size <= TAG_LENGTH || size > MOST - HEADER) return undefined;
    const found = [this.#current, this.#former].find((one) => one?.name.every((octet, i) => octet === ticket[i]));
    if (found === undefined) return undefined;
    const key = this.#primitives.recordKey(
      AES_256,
      found.secret,
      ticket.subarray(NAME_LENGTH, NAME_LENGTH + NONCE_LENGTH),
    );
    const opened = this.#opened(key, ticket.subarray(NAME_LENGTH + NONCE_LENGTH));
    key.destroy();
    const age = opened === undefined ? -1 : now - opened.issued;
    return opened !== undefined && age >= -1000 && age < TICKET_LIFETIME * 1000 ? opened : undefined;
  }

  #opened(key: RecordKey, sealed: Uint8Array): Session | undefined {
    const { bytes } = this.#scratch;
    const end = HEADER + sealed.length;
    // The header that `seal` authenticated.
    bytes.set([23, 3, 3, sealed.length >> 8, sealed.length & 255]);
    bytes.set(sealed, HEADER);
    if (!key.open(this.#scratch, 0, end, 0)) return undefined;
    const reader = new Reader(bytes, HEADER, end - TAG_LENGTH - 1);
    const version = reader.u8();
    if (version !== VERSION && version !== WITH_EARLY) return undefined;
    const suite = suiteById(reader.u16());
    const issued = reader.u64();
    const ageAdd = reader.u32();
    const psk = Uint8Array.from(reader.opaque8(32, 48));
    const name = textOf(reader);
    const early =
      version === WITH_EARLY
        ? { issuer: Uint8Array.from(reader.fixed(ISSUER_LENGTH)), at: reader.u64(), protocol: textOf(reader) }
        : undefined;
    bytes.fill(0, 0, end);
    if (suite === undefined) return undefined;
    return { suite, psk, serverName: name === '' ? undefined : name, issued, ageAdd, early };
  }

  #advance(now: number): void {
    const period = Math.floor(now / TICKET_PERIOD);
    // A clock that was set far ahead must not cost a step for each period between: then it begins there.
    if (period - this.#period > 1000) this.#period = period - 2;
    while (this.#period < period) {
      this.#former?.secret.fill(0);
      this.#foreign = undefined;
      this.#former = this.#current;
      const next = Uint8Array.from(this.#derive('ticket next', SECRET_LENGTH));
      this.#secret.fill(0);
      this.#secret = next;
      this.#period += 1;
      this.#current = this.#key();
    }
  }

  #key(): TicketKey {
    return {
      period: this.#period,
      name: this.#derive('ticket name', NAME_LENGTH),
      secret: Uint8Array.from(this.#derive('ticket key', AES_256.keyLength)),
    };
  }

  #derive(label: string, length: number): Uint8Array {
    return expandLabel(this.#primitives, SUITE_OF_KEYS, this.#secret, { label, length });
  }
}

/** Keys of tickets are derived by SHA-256, whose digest is as long as the secret. */
const SUITE_OF_KEYS: CipherSuite = { ...AES_256, hash: 'sha256', hashLength: 32 };

/** A short text of Latin-1. */
function textOf(reader: Reader): string {
  return String.fromCharCode(...reader.opaque8(0, 255));
}
