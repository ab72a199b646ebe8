/** The tail loss probe that is under way (RFC 8985 7.3, 7.4). */
import { notBefore } from '../numbers/sequence.js';

export class TailProbe {
  active = false;
  /** It sent old data again, not new data. */
  retransmitted = false;
  /** `SND.NXT` behind it: the ACK that covers this ends it. */
  end = 0;

  reset(): void {
    this.active = false;
    this.retransmitted = false;
    this.end = 0;
  }

  begin(): void {
    this.active = true;
    this.retransmitted = false;
  }

  /** It has left, and the next new byte has the number `next`. */
  sent(next: number): void {
    this.end = next;
  }

  repeats(): void {
    this.retransmitted = true;
  }

  stop(): void {
    this.active = false;
  }

  /** Whether an ACK of all bytes up to `una` ends it. */
  endedBy(una: number): boolean {
    return this.active && notBefore(una, this.end);
  }
}
