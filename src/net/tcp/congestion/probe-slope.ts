/**
 * How much more may be in flight while bandwidth is probed for (draft-ietf-ccwg-bbr 5.3.3.6): the growth is slow at
 * first, then twice as fast each round.
 */
import { ZERO } from '../numbers/fraction.js';

/** Beyond this number of rounds it grows no faster: the numbers stay exact. */
const MOST_ROUNDS = 30;

export class ProbeSlope {
  private rounds = 0;
  /** Bytes for each window that is delivered. */
  private bytes = ZERO;

  stop(): void {
    this.bytes = 0;
  }

  restart(): void {
    this.rounds = 0;
  }

  /** A round has begun. */
  raise(mss: number): void {
    this.bytes = mss * 2 ** this.rounds;
    if (this.rounds < MOST_ROUNDS) this.rounds++;
  }

  /** Bytes to add, now that `delivered` bytes of a window of `cwnd` have arrived: at most those. */
  growth(delivered: number, cwnd: number): number {
    return Math.min(delivered, (delivered * this.bytes) / cwnd);
  }
}
