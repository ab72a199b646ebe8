/** Reno (RFC 5681) with appropriate byte counting (RFC 3465). */

import { ZERO } from '../numbers/fraction.js';
import type { RateSample, SenderView } from './controller.js';
import { LossBased } from './window.js';

export class Reno extends LossBased {
  readonly name = 'reno';
  private acked = ZERO;

  override renew(): void {
    super.renew();
    this.acked = 0;
  }

  protected avoid(sender: SenderView, sample: RateSample, _now: number): void {
    this.acked += sample.acked;
    while (this.acked >= this.cwnd) {
      this.acked -= this.cwnd;
      this.cwnd += sender.mss;
    }
  }

  protected reduced(sender: SenderView, _ecn: boolean, _now: number): number {
    this.acked = 0;
    // RFC 5681 3.1 (4): half of what is in flight.
    return Math.max(sender.inFlight, this.cwnd) / 2;
  }
}
