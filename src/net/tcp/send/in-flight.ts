/**
 * What was sent and not yet acknowledged: one record a transmission (a super-segment is one), in order of sequence, split
 * where SACK or loss divides it. The scoreboard of RFC 6675 and the state that RACK (RFC 8985) and delivery-rate
 * estimation need, in one list. Records are used again, so that steady sending allocates nothing.
 */
import { ZERO } from '../connection/fraction.js';

export class Sent {
  seq = 0;
  end = 0;
  /** When its newest transmission left, ms. */
  sentAt = ZERO;
  /** Bytes delivered in the connection's life, and when the newest of them was, as it was sent. */
  delivered = 0;
  deliveredAt = ZERO;
  /** When the first segment of that flight was sent. */
  firstSentAt = ZERO;
  txInFlight = 0;
  lostBefore = 0;
  appLimited = false;
  sacked = false;
  lost = false;
  /** It is lost, and its retransmission is in flight. */
  resent = false;
  /** Transmissions so far. */
  count = 1;
  prev: Sent | undefined = undefined;
  next: Sent | undefined = undefined;
}

export class SentPool {
  /** Records in use. */
  used = 0;
  private readonly free: Sent[] = [];

  take(): Sent {
    this.used++;
    return this.free.pop() ?? new Sent();
  }

  give(one: Sent): void {
    this.used--;
    one.prev = undefined;
    one.next = undefined;
    if (this.free.length < 4096) this.free.push(one);
  }
}

export class InFlight {
  head: Sent | undefined = undefined;
  tail: Sent | undefined = undefined;
  /** Bytes that are believed to be in the network: neither SACKed nor lost without a retransmission (6675 `pipe`). */
  pipe = 0;
  sackedBytes = 0;
  /** Bytes marked lost and not yet sent again. */
  lostBytes = 0;
  records = 0;

  constructor(private readonly pool: SentPool) {}

  append(one: Sent): void {
    one.prev = this.tail;
    if (this.tail === undefined) this.head = one;
    else this.tail.next = one;
    this.tail = one;
    this.records++;
    this.pipe += (one.end - one.seq) | 0;
  }

  remove(one: Sent): void {
    this.account(one, -1);
    if (one.prev === undefined) this.head = one.next;
    else one.prev.next = one.next;
    if (one.next === undefined) this.tail = one.prev;
    else one.next.prev = one.prev;
    this.records--;
    this.pool.give(one);
  }

  /** Divides a record at `at`; answers the second part. */
  split(one: Sent, at: number): Sent {
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
    rest.prev = one;
    rest.next = one.next;
    if (one.next === undefined) this.tail = rest;
    else one.next.prev = rest;
    one.next = rest;
    this.records++;
    return rest;
  }

  private account(one: Sent, sign: number): void {
    const size = ((one.end - one.seq) | 0) * sign;
    if (one.sacked) this.sackedBytes += size;
    else if (one.lost && !one.resent) this.lostBytes += size;
    else this.pipe += size;
  }

  /** The first byte of the list was acknowledged up to `una`, inside this record. */
  trim(one: Sent, una: number): void {
    this.account(one, -1);
    one.seq = una;
    this.account(one, 1);
  }

  markSacked(one: Sent): void {
    this.account(one, -1);
    one.sacked = true;
    one.lost = false;
    one.resent = false;
    this.account(one, 1);
  }

  markLost(one: Sent): void {
    this.account(one, -1);
    one.lost = true;
    one.resent = false;
    this.account(one, 1);
  }

  markResent(one: Sent): void {
    this.account(one, -1);
    one.resent = true;
    one.count++;
    this.account(one, 1);
  }

  /** The loss was an illusion: back into the network. */
  unmark(one: Sent): void {
    this.account(one, -1);
    one.lost = false;
    one.resent = false;
    this.account(one, 1);
  }

  /** Forgets what SACK told (RFC 2018 8: after a timeout the receiver may have reneged). */
  unsack(one: Sent): void {
    this.account(one, -1);
    one.sacked = false;
    this.account(one, 1);
  }

  firstLost(): Sent | undefined {
    if (this.lostBytes === 0) return undefined;
    for (let one = this.head; one !== undefined; one = one.next) if (one.lost && !one.resent) return one;
    return undefined;
  }

  clear(): void {
    while (this.head !== undefined) this.remove(this.head);
  }
}
