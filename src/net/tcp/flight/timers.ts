/** When something of a connection is due, ms; `Infinity`: never. */
import { ZERO } from '../numbers/fraction.js';

/** What the retransmission timer is armed for. */
export const TIMER_NONE = 0;
export const TIMER_RTO = 1;
export const TIMER_PROBE = 2;
export const TIMER_PERSIST = 3;
export const TIMER_REORDER = 4;

/** ms that may be made up when a timer fires late, so that the rate holds on a busy host. */
const PACING_CREDIT = 2;
/** Doublings of the time between probes of a window that is shut. */
const MOST_PERSIST_BACKOFF = 16;

export class Timers {
  /** The retransmission timer: what it is armed for, and when it fires. */
  kind = TIMER_NONE;
  at = Number.POSITIVE_INFINITY;
  /** Timeouts in a row (RFC 6298 5.5). */
  backoff = 0;
  /** Probes in a row of a window that is shut (RFC 9293 3.8.6.1). */
  persistBackoff = 0;
  delayedAckAt = Number.POSITIVE_INFINITY;
  /** The time until which the pace of congestion control covers what was sent; and when more may be sent. */
  pacedUntil = ZERO;
  pacingAt = Number.POSITIVE_INFINITY;

  reset(): void {
    this.kind = TIMER_NONE;
    this.at = Number.POSITIVE_INFINITY;
    this.backoff = 0;
    this.persistBackoff = 0;
    this.delayedAckAt = Number.POSITIVE_INFINITY;
    this.pacedUntil = 0;
    this.pacingAt = Number.POSITIVE_INFINITY;
  }

  arm(kind: number, at: number): void {
    this.kind = kind;
    this.at = at;
  }

  stop(): void {
    this.kind = TIMER_NONE;
    this.at = Number.POSITIVE_INFINITY;
  }

  timedOut(): void {
    this.backoff++;
  }

  /**
   * The peer acknowledged something new. RFC 6298 5.7 does not ask for this, but the next timeout counts as a first
   * one.
   */
  progress(): void {
    this.backoff = 0;
  }

  /** An ACK is due within `delay` ms (RFC 9293 3.8.6.3). */
  delayAck(now: number, delay: number): void {
    if (this.delayedAckAt === Number.POSITIVE_INFINITY) this.delayedAckAt = now + delay;
  }

  ackSent(): void {
    this.delayedAckAt = Number.POSITIVE_INFINITY;
  }

  /** `bytes` leave at a pace of `rate` bytes a millisecond. */
  pace(bytes: number, rate: number, now: number): void {
    this.pacedUntil = Math.max(this.pacedUntil, now - PACING_CREDIT) + bytes / rate;
  }

  /** Nothing may leave until a millisecond before `pacedUntil`. */
  waitForPace(): void {
    this.pacingAt = this.pacedUntil - 1;
  }

  paceDone(): void {
    this.pacingAt = Number.POSITIVE_INFINITY;
  }

  windowProbed(): void {
    this.persistBackoff = Math.min(this.persistBackoff + 1, MOST_PERSIST_BACKOFF);
  }

  windowOpened(): void {
    this.persistBackoff = 0;
  }
}
