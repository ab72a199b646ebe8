/** How much may be sent in a recovery: proportional rate reduction (RFC 6937). Bytes. */
import { ZERO } from '../numbers/fraction.js';

export class ProportionalRate {
  delivered = 0;
  out = 0;
  /** Bytes that may be in flight. */
  window = ZERO;
  /** Bytes that were not acknowledged when the recovery began (RFC 6937 3 RecoverFS). */
  flightSize = 0;

  reset(): void {
    this.delivered = 0;
    this.out = 0;
    this.window = 0;
    this.flightSize = 0;
  }

  /**
   * A recovery begins with `flightSize` bytes that are not acknowledged; `pipe` of them are believed to be in the
   * network.
   */
  begin(flightSize: number, pipe: number, mss: number): void {
    this.flightSize = flightSize;
    this.delivered = this.out = 0;
    this.window = pipe + mss;
  }

  /**
   * An ACK reported `delivered` bytes. RFC 6937 3; 6937bis: `spare` bytes more only if the ACK moved forward and
   * reported no new loss.
   */
  acked(delivered: number, pipe: number, ssthresh: number, mss: number, spare: number): void {
    this.delivered += delivered;
    let count: number;
    if (pipe > ssthresh) {
      count = Math.ceil((this.delivered * ssthresh) / Math.max(this.flightSize, 1)) - this.out;
    } else {
      const limit = Math.max(this.delivered - this.out, delivered) + spare;
      count = Math.min(ssthresh - pipe, limit);
    }
    // The first retransmission of a recovery always leaves (RFC 6675 5 step 4.3).
    if (this.out === 0) count = Math.max(count, mss);
    this.window = pipe + Math.max(count, 0);
  }

  sent(bytes: number): void {
    this.out += bytes;
  }
}
