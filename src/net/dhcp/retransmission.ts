/**
 * When a client acts next, and how long it waits for an answer (RFC 2131 4.1, 4.4.5). Times are ms of the stack's
 * clock.
 */
import type { Random } from '../random.js';

/** RFC 2131 4.1: 4, 8, 16, 32, 64 s, each randomised by a second. */
const FIRST_WAIT = 4000;
export const LONGEST_WAIT = 64_000;
const JITTER = 1000;
/** RFC 2131 4.4.5. */
const SMALLEST_RENEWAL = 60_000;

export class Retransmission {
  /** `Infinity`: nothing is. */
  due = Number.POSITIVE_INFINITY;
  /** How often what the state asks for was asked again. */
  attempts = 0;
  /** Until the next retransmission but for the jitter. */
  wait = FIRST_WAIT;

  constructor(private readonly random: Random) {}

  /** `wait` in seconds. */
  get seconds(): number {
    return this.wait / 1000;
  }

  /** Of a new state: due at once. */
  begin(now: number): void {
    this.wait = FIRST_WAIT;
    this.attempts = 0;
    this.due = now;
  }

  /** Nothing is due. */
  rest(): void {
    this.due = Number.POSITIVE_INFINITY;
  }

  /** After a DISCOVER or a REQUEST for a new lease: doubled, randomised (RFC 2131 4.1). */
  backOff(now: number): void {
    const jitter = ((this.random.random32() >>> 0) / 0x1_0000_0000) * 2 * JITTER - JITTER;
    this.due = now + this.wait + jitter;
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  /** After a REQUEST that extends a lease: half of what remains until `limit`, a minute at least (RFC 2131 4.4.5). */
  halve(limit: number, now: number): void {
    this.due = Math.min(limit, now + Math.max((limit - now) / 2, Math.min(SMALLEST_RENEWAL, limit - now)));
  }
}
