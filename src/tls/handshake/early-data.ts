/**
 * Which early data a server takes (RFC 8446 2.3, 4.2.10, 8): that of each ClientHello once at most, and only from
 * clients that say when they send it. One process does not know what another has taken. So a ticket is good for early
 * data only in the process that issued it; in others it is good for a handshake without early data.
 */
import type { Clock } from '../../net/flow.js';
import type { RandomBytes } from '../primitives/primitives.js';

/** Bytes of early data on one connection, at most: `max_early_data_size`. */
export const MOST_EARLY_DATA = 16_384;
/** Milliseconds that a client's age of a ticket may differ from ours (RFC 8446 8.3). */
const FRESH = 10_000;
/** Tickets that are remembered of one span; when there are more, early data is not taken. */
const MOST_REMEMBERED = 8192;
/** Milliseconds: a replay that is fresh comes within them. */
const SPAN = 2 * FRESH;

/** What a ticket has to say of early data. */
export interface EarlyTicket {
  /** The process that issued it. */
  readonly issuer: Uint8Array;
  /** When, in milliseconds of that process's clock, which is never set back. */
  readonly at: number;
  /** The protocol of the connection (ALPN); empty: none. */
  readonly protocol: string;
}

/** Bytes that name a process. */
export const ISSUER_LENGTH = 8;

export class EarlyData {
  readonly #clock: Clock;
  readonly #issuer: Uint8Array;
  /** Tickets that were used in this span, and in the one before. */
  #current = new Set<string>();
  #former = new Set<string>();
  #since: number;

  constructor(random: RandomBytes, clock: Clock) {
    this.#clock = clock;
    this.#issuer = Uint8Array.from(random(ISSUER_LENGTH));
    this.#since = clock.now();
  }

  /** For a ticket of a connection with this protocol; empty: none. */
  allow(protocol: string): EarlyTicket {
    return { issuer: this.#issuer, at: Math.floor(this.#clock.now()), protocol };
  }

  /**
   * Whether early data is taken after a ClientHello with the ticket `identity`. If so, the ticket is remembered.
   * `age`: milliseconds, as the client has it. The binder has been verified: only its owner can have a ticket
   * remembered (RFC 8446 8.2).
   */
  take({ issuer, at, protocol }: EarlyTicket, identity: Uint8Array, age: number, chosen: string): boolean {
    const now = this.#clock.now();
    if (protocol !== chosen || !issuer.every((octet, i) => octet === this.#issuer[i])) return false;
    if (Math.abs(now - at - age) > FRESH) return false;
    this.#forget(now);
    const name = Buffer.from(identity).toString('latin1');
    if (this.#current.has(name) || this.#former.has(name) || this.#current.size >= MOST_REMEMBERED) return false;
    this.#current.add(name);
    return true;
  }

  /** Lets go of tickets whose replays are no longer fresh. */
  #forget(now: number): void {
    const passed = now - this.#since;
    if (passed < SPAN) return;
    this.#former = passed < 2 * SPAN ? this.#current : new Set();
    this.#current = new Set();
    this.#since = now;
  }
}
