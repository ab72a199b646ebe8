/** Loss detection by the time of transmission: RACK (RFC 8985). Milliseconds, and sequence numbers. */
import { ZERO } from '../numbers/fraction.js';
import { after, before, notAfter } from '../numbers/sequence.js';
import type { InFlight } from './in-flight.js';
import type { RttEstimator } from './rto.js';
import type { Sent } from './sent.js';

export class Rack {
  /**
   * Of the newest transmission that is known to have arrived: when it left, where it ends, and its RTT (RFC 8985 5.2).
   */
  sentAt = ZERO;
  end = 0;
  rtt = ZERO;
  reorderingSeen = false;
  /**
   * The reordering window, in quarters of the least RTT; and the sequence number that ends the round of the last DSACK.
   */
  reorderingSteps = 1;
  reorderingRound = 0;
  /** The highest sequence number that is known to have arrived; 0: none. */
  fack = 0;

  reset(): void {
    this.sentAt = 0;
    this.end = 0;
    this.rtt = 0;
    this.reorderingSeen = false;
    this.reorderingSteps = 1;
    this.reorderingRound = 0;
    this.fack = 0;
  }

  /** RFC 8985 6.2 step 2: `one` has arrived, up to `end`. */
  delivered(one: Sent, end: number, flight: InFlight, { min }: RttEstimator, now: number): void {
    const rtt = now - one.sentAt;
    // An ACK that comes sooner than any RTT after a retransmission is about the original.
    if (one.count > 1 && min > 0 && rtt < min) return;
    if (one.count === 1 && this.fack !== 0 && before(end, this.fack)) this.reorderingSeen = true;
    if (one.sentAt > this.sentAt || (one.sentAt === this.sentAt && after(end, this.end))) {
      this.sentAt = one.sentAt;
      this.end = end;
      this.rtt = rtt;
      // The first of the list has none before it. Where all arrives in order, `one` is always the first.
      if (flight.beforeRack !== one.older && (!one.lost || one.resent)) flight.beforeRack = one.older;
    }
    if (this.fack === 0 || after(end, this.fack)) this.fack = end;
  }

  /** RFC 8985 6.2 step 4: the reordering window, ms. */
  window(flight: InFlight, rtt: RttEstimator, recovering: boolean, mss: number): number {
    if (!this.reorderingSeen && (recovering || flight.sackedBytes >= 3 * mss)) return 0;
    return Math.min((this.reorderingSteps * rtt.min) / 4, rtt.srtt);
  }

  /**
   * The first transmission under way that left before one that has arrived (RFC 8985 6.2 step 5); undefined: there is
   * none.
   */
  overtaken({ underWay }: InFlight): Sent | undefined {
    const one = underWay.first;
    if (one === undefined) return undefined;
    const earlier = one.sentAt < this.sentAt || (one.sentAt === this.sentAt && before(one.end, this.end));
    return earlier ? one : undefined;
  }

  /** ms until `one` is lost, with a reordering window of `window` ms (RFC 8985 6.2 step 5). */
  remaining(one: Sent, window: number, now: number): number {
    return one.sentAt + this.rtt + window - now;
  }

  /**
   * RFC 8985 6.2 step 4: a DSACK shows that the window was too small. The window grows by a step a round, to 16 steps.
   */
  tooNarrow(una: number, next: number): void {
    if (this.reorderingRound !== 0 && !notAfter(this.reorderingRound, una)) return;
    this.reorderingRound = next;
    this.reorderingSteps = Math.min(this.reorderingSteps + 1, 16);
  }
}
