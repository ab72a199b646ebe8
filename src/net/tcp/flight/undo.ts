/**
 * Whether a recovery was needless: DSACKs report that each of its retransmissions came twice (RFC 3708), or the echo of
 * an old timestamp shows it (RFC 3522).
 */
import { before } from '../numbers/sequence.js';

export class Undo {
  /** Retransmissions of this recovery that no DSACK has reported as needless; -1: no undo any more. */
  retransmissions = 0;
  /** Timestamp clock when the first retransmission of this recovery left; 0: none has. */
  firstStamp = 0;

  reset(): void {
    this.retransmissions = 0;
    this.firstStamp = 0;
  }

  /** A segment is sent again. `stamp`: the timestamp clock. */
  resent(stamp: number): void {
    if (this.firstStamp === 0) this.firstStamp = stamp;
    if (this.retransmissions >= 0) this.retransmissions++;
  }

  /** A DSACK that is believed. Returns whether it was the last one missing. */
  duplicate(): boolean {
    return this.retransmissions > 0 && --this.retransmissions === 0;
  }

  /** RFC 3522: an ACK that moves forward echoes a segment from before the first retransmission. */
  provenBy(echo: number): boolean {
    return this.retransmissions > 0 && this.firstStamp !== 0 && echo !== 0 && before(echo, this.firstStamp);
  }

  /** It was undone. */
  done(): void {
    this.retransmissions = -1;
  }
}
