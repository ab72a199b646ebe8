/**
 * What a peer reports to have got twice: duplicate ACKs, which without SACK stand for segments that arrived (RFC 5681
 * 3.2, RFC 6582), and DSACKs (RFC 2883). A peer can report what never was. So the duplicate ACKs of a recovery stand
 * for no more than what was in flight when the first of them came (RFC 5681 3.2, on spoofing), and DSACKs for no more
 * than was sent again.
 */
export class Duplicates {
  /** Duplicate ACKs in a row. */
  acks = 0;
  /** Bytes that duplicate ACKs have reported, and that no ACK has covered since. */
  told = 0;
  /** What the last ACK added to `told`; negative: the part of `told` that it covered. */
  news = 0;
  /** DSACKs that were believed. */
  dsacks = 0;
  /** The most that `told` may be. */
  private most = 0;

  renew(): void {
    this.forgetAcks();
    this.dsacks = 0;
  }

  forgetAcks(): void {
    this.acks = 0;
    this.told = this.news = this.most = 0;
  }

  /** A duplicate ACK, while `outstanding` bytes are not acknowledged: it reports one segment, or nothing. */
  ack(outstanding: number, mss: number): void {
    if (this.told === 0) this.most = outstanding - mss;
    this.acks++;
    // The segment at the head is missing: it cannot be among those that arrived.
    this.news = Math.max(0, Math.min(mss, this.most - this.told, outstanding - mss - this.told));
    this.told += this.news;
  }

  /** An ACK covered `acked` bytes, `outstanding` are left. */
  covered(acked: number, outstanding: number, mss: number): void {
    const { told } = this;
    this.acks = 0;
    // RFC 6582 3.2 step 3: duplicates did not report the segment that filled the hole, but they reported the rest. If
    // less than a segment was covered, they reported all of it.
    const toldOf = acked >= mss ? acked - mss : acked;
    this.told = Math.max(0, Math.min(told - toldOf, outstanding - mss));
    this.news = this.told - told;
  }

  /** A DSACK. Returns whether it may be believed: no more than `retransmissions` are. */
  dsack(retransmissions: number): boolean {
    if (this.dsacks >= retransmissions) return false;
    this.dsacks++;
    return true;
  }
}
