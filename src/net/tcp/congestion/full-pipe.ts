/** Whether the pipe is full: the bandwidth does not grow any more, round after round (draft-ietf-ccwg-bbr 5.3.1). */
import { ZERO } from '../numbers/fraction.js';
import type { RateSample } from './controller.js';

/** What growth is, and how many rounds without it there have to be. */
const GROWTH = 1.25;
const ROUNDS = 3;

export class FullPipe {
  /** It is full by what came since `watch`. */
  full = false;
  /** It was full once. */
  filled = false;
  private rate = ZERO;
  private rounds = 0;

  /** Begins to look for growth beyond `rate`, bytes a millisecond. */
  watch(rate: number): void {
    this.rate = rate;
    this.rounds = 0;
    this.full = false;
  }

  check(sample: RateSample, roundStart: boolean): void {
    if (this.full || sample.appLimited || sample.newlyDelivered === 0) return;
    if (sample.deliveryRate >= this.rate * GROWTH) {
      if (sample.deliveryRate > 0) this.watch(sample.deliveryRate);
      return;
    }
    if (!roundStart) return;
    if (++this.rounds >= ROUNDS) {
      this.full = true;
      this.filled = true;
    }
  }
}
