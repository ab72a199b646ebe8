/**
 * Whether a recovery was needless: each of its retransmissions came twice (DSACK, RFC 3708), or an old echo says so
 * (RFC 3522).
 */
import { before } from '../numbers/sequence.js';

export class Undo {
  /** Retransmissions of this recovery that no DSACK has called needless; -1: no undo any more. */
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

  /** A DSACK that is believed. Returns whether it is the last that was missing. */
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
