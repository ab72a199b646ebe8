/**
 * What was sent and not yet acknowledged: one record a transmission (a super-segment is one), in order of sequence.
 * The scoreboard of RFC 6675 and the state that RACK (RFC 8985) and delivery-rate estimation need, in one place.
 * Records are used again, so that steady sending allocates nothing.
 *
 * We decide how finely the flight is cut, not the peer: records are divided between whole segments only, their number
 * is bounded, and what was SACKed is one record a run. No search walks the flight. A record is found in the ring by
 * its sequence number, with a binary search. The oldest transmission, or the next one to be sent again, is at the end
 * of a list. Here is what counts the records and what lists them; `SentRing` has them in order.
 */
import { after, before } from '../numbers/sequence.js';
import type { Sent } from './sent.js';
import { SentList } from './sent-list.js';
import { SentRing } from './sent-ring.js';

/** Records of one connection; at this bound nothing new is sent, and SACK divides no record. */
export const MOST_RECORDS = 8192;

export class InFlight extends SentRing {
  /** Bytes that are believed to be in the network: neither SACKed nor lost without a retransmission (6675 `pipe`). */
  pipe = 0;
  sackedBytes = 0;
  /** Bytes marked lost and not yet sent again. */
  lostBytes = 0;
  /** What is in the network, in order of its newest transmission. */
  readonly underWay = new SentList();
  /** What is to be sent again, in that order: in order of sequence if it was lost in that order. */
  readonly lost = new SentList();
  /** The last of `underWay` that left before the newest transmission that is known to have arrived (RFC 8985 6.2). */
  beforeRack: Sent | undefined = undefined;

  /** A transmission of new data, neither SACKed nor lost. */
  append(one: Sent): void {
    this.add(one);
    this.pipe += (one.end - one.seq) | 0;
    this.underWay.push(one);
  }

  /** The first record is acknowledged. */
  shift(): void {
    const one = this.head as Sent;
    if (one.sacked || one.lost) {
      this.account(one, -1);
      this.unlist(one);
    } else {
      // Almost always: the first that was sent is the first to arrive.
      this.pipe -= (one.end - one.seq) | 0;
      if (this.beforeRack === one) this.beforeRack = one.older;
      this.underWay.remove(one);
    }
    this.takeFirst();
    this.pool.give(one);
  }

  /** The first record is acknowledged up to `una`, which lies inside of it. */
  trim(una: number): void {
    const one = this.head as Sent;
    this.account(one, -1);
    one.seq = una;
    this.account(one, 1);
  }

  /** Divides a record at `at`; returns the second part. */
  split(one: Sent, at: number): Sent {
    return this.splitAt(one === this.head ? 0 : one === this.tail ? this.records - 1 : this.find(one.seq), at);
  }

  /**
   * RFC 2018 5: a block of a SACK, inside of what is in flight. `deliver` gets each record that the block covers for
   * the first time, before the record is marked. `mss`: bytes of a segment; a part of a segment does not count as
   * arrived.
   */
  sack(left: number, right: number, mss: number, deliver: (one: Sent) => void): void {
    let at = this.find(left);
    let from = at;
    for (; at < this.records; at++) {
      this.pool.steps.taken++;
      let one = this.at(at);
      if (!before(one.seq, right)) break;
      if (one.sacked) continue;
      if (before(one.seq, left)) {
        const cut = (one.seq + Math.ceil(((left - one.seq) | 0) / mss) * mss) | 0;
        from = at + 1;
        if (!before(cut, one.end) || this.records >= MOST_RECORDS) continue;
        one = this.splitAt(at, cut);
        at++;
      }
      if (after(one.end, right)) {
        const whole = Math.floor(((right - one.seq) | 0) / mss) * mss;
        if (whole <= 0 || this.records >= MOST_RECORDS) break;
        this.splitAt(at, (one.seq + whole) | 0);
      }
      deliver(one);
      this.markSacked(one);
    }
    this.join(from, at);
  }

  markSacked(one: Sent): void {
    this.account(one, -1);
    this.unlist(one);
    one.sacked = true;
    one.lost = false;
    one.resent = false;
    this.account(one, 1);
  }

  markLost(one: Sent): void {
    this.account(one, -1);
    this.unlist(one);
    one.lost = true;
    one.resent = false;
    this.account(one, 1);
    this.pool.steps.taken++;
    const { first } = this.lost;
    if (first !== undefined && before(one.seq, first.seq)) this.lost.unshift(one);
    else this.lost.push(one);
  }

  markResent(one: Sent): void {
    this.account(one, -1);
    this.unlist(one);
    one.resent = true;
    one.count++;
    this.account(one, 1);
    this.underWay.push(one);
  }

  /** The losses were spurious: the records go back into the network, before all that was sent since. */
  unmark(): void {
    for (let one = this.lost.last; one !== undefined; one = this.lost.last) {
      this.account(one, -1);
      this.unlist(one);
      one.lost = false;
      this.account(one, 1);
      this.pool.steps.taken++;
      this.underWay.unshift(one);
    }
  }

  /**
   * RFC 6298 5.4: all that is in the network is lost, and what was SACKed at the head is forgotten (RFC 2018 8).
   * Returns the bytes.
   */
  loseAll(): number {
    const { head } = this;
    if (head?.sacked === true) {
      this.account(head, -1);
      head.sacked = false;
      this.account(head, 1);
      this.underWay.unshift(head);
    }
    let lost = 0;
    for (let i = 0; i < this.records; i++) {
      const one = this.at(i);
      if (one.sacked) continue;
      if (!one.lost || one.resent) {
        this.markLost(one);
        lost += (one.end - one.seq) | 0;
      }
      // All of them in order: the head goes first.
      this.lost.remove(one);
      this.lost.push(one);
    }
    return lost;
  }

  /** What is to be sent again next. */
  firstLost(): Sent | undefined {
    return this.lostBytes === 0 ? undefined : this.lost.first;
  }

  /** Puts what is under way in order of its transmission, where it was appended in another order. */
  sortByTime(): void {
    const all: Sent[] = [];
    for (let one = this.underWay.first; one !== undefined; one = this.underWay.first) {
      this.underWay.remove(one);
      all.push(one);
    }
    all.sort((a, b) => a.sentAt - b.sentAt);
    for (const one of all) this.underWay.push(one);
  }

  clear(): void {
    while (this.records > 0) this.shift();
    this.beforeRack = undefined;
    this.renew();
  }

  private account(one: Sent, sign: number): void {
    const size = ((one.end - one.seq) | 0) * sign;
    if (one.sacked) this.sackedBytes += size;
    else if (one.lost && !one.resent) this.lostBytes += size;
    else this.pipe += size;
  }

  /** Out of the list that it is in, by its marks. */
  private unlist(one: Sent): void {
    if (one.sacked) return;
    if (one.lost && !one.resent) {
      this.lost.remove(one);
      return;
    }
    if (this.beforeRack === one) this.beforeRack = one.older;
    this.underWay.remove(one);
  }

  private splitAt(index: number, at: number): Sent {
    const one = this.at(index);
    const rest = this.pool.take();
    rest.seq = at;
    rest.end = one.end;
    rest.sentAt = one.sentAt;
    rest.delivered = one.delivered;
    rest.deliveredAt = one.deliveredAt;
    rest.firstSentAt = one.firstSentAt;
    rest.txInFlight = one.txInFlight;
    rest.lostBefore = one.lostBefore;
    rest.appLimited = one.appLimited;
    rest.sacked = one.sacked;
    rest.lost = one.lost;
    rest.resent = one.resent;
    rest.count = one.count;
    one.end = at;
    this.insert(index + 1, rest);
    if (one.sacked) return rest;
    if (one.lost && !one.resent) this.lost.after(one, rest);
    else {
      this.underWay.after(one, rest);
      if (this.beforeRack === one) this.beforeRack = rest;
    }
    return rest;
  }

  /** Makes one record of the SACKed ones `from..until - 1` and of those beside them. */
  private join(from: number, until: number): void {
    if (until <= from) return;
    let first = from;
    let last = until - 1;
    if (first > 0 && this.at(first - 1).sacked) first--;
    if (last + 1 < this.records && this.at(last + 1).sacked) last++;
    if (first === last) return;
    const run = this.at(first);
    run.end = this.at(last).end;
    for (let i = first + 1; i <= last; i++) {
      const one = this.at(i);
      if (one.count > run.count) run.count = one.count;
      this.pool.give(one);
    }
    this.erase(first + 1, last - first);
  }
}
