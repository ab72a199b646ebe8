/** HyStart++ (RFC 9406): slow start ends when the delay rises, not when the queue overflows. Milliseconds. */

import { ZERO } from '../numbers/fraction.js';
import type { RateSample, SenderView } from './controller.js';

/** RFC 9406 4.3. */
const MIN_RTT_THRESH = 4;
const MAX_RTT_THRESH = 16;
const RTT_DIVISOR = 8;
const RTT_SAMPLES = 8;
const CSS_GROWTH_DIVISOR = 4;
const CSS_ROUNDS = 5;

export class HyStart {
  private roundEnd = 0;
  private roundMin = Number.POSITIVE_INFINITY;
  private lastRoundMin = Number.POSITIVE_INFINITY;
  private samples = 0;
  /** Rounds of conservative slow start; 0: not in it. */
  private cssRounds = 0;
  private cssBaseline = ZERO;

  renew(): void {
    this.roundMin = this.lastRoundMin = Number.POSITIVE_INFINITY;
    this.roundEnd = this.samples = this.cssRounds = this.cssBaseline = 0;
  }

  start(sender: SenderView): void {
    this.roundEnd = sender.sndNxt;
  }

  /** A loss ended slow start. */
  stop(): void {
    this.cssRounds = 0;
  }

  /** Divisor of this ACK's growth; 0: slow start is over. Rounds go by sequence number (RFC 9406 4.2). */
  divisor(sender: SenderView, sample: RateSample): number {
    if (((sender.sndUna - this.roundEnd) | 0) >= 0) {
      this.roundEnd = sender.sndNxt;
      this.lastRoundMin = this.roundMin;
      this.roundMin = Number.POSITIVE_INFINITY;
      this.samples = 0;
      if (this.cssRounds > 0 && ++this.cssRounds > CSS_ROUNDS) {
        this.cssRounds = 0;
        return 0;
      }
    }
    if (sample.rtt > 0) {
      this.samples++;
      if (sample.rtt < this.roundMin) this.roundMin = sample.rtt;
    }
    if (this.samples < RTT_SAMPLES) return this.cssRounds > 0 ? CSS_GROWTH_DIVISOR : 1;
    if (this.cssRounds > 0) {
      if (this.roundMin >= this.cssBaseline) return CSS_GROWTH_DIVISOR;
      // The delay fell below where it was: slow start was left too soon.
      this.cssRounds = 0;
      return 1;
    }
    if (this.lastRoundMin !== Number.POSITIVE_INFINITY) {
      const thresh = Math.max(MIN_RTT_THRESH, Math.min(this.lastRoundMin / RTT_DIVISOR, MAX_RTT_THRESH));
      if (this.roundMin >= this.lastRoundMin + thresh) {
        this.cssBaseline = this.roundMin;
        this.cssRounds = 1;
      }
    }
    return 1;
  }
}
