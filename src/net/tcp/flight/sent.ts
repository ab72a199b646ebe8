/** One transmission that is not acknowledged, and the pool of such records. */
import { Steps } from '../../steps.js';
import { ZERO } from '../numbers/fraction.js';

export class Sent {
  seq = 0;
  end = 0;
  /** When its newest transmission left, ms. */
  sentAt = ZERO;
  /** As it was sent: bytes delivered in the connection's life, and when the newest of them was delivered. */
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
  /** Its neighbours in the list that it is in. */
  older: Sent | undefined = undefined;
  newer: Sent | undefined = undefined;
}

export class SentPool {
  /** Records in use. */
  used = 0;
  private readonly free: Sent[] = [];

  constructor(readonly steps: Steps = new Steps()) {}

  take(): Sent {
    this.used++;
    return this.free.pop() ?? new Sent();
  }

  give(one: Sent): void {
    this.used--;
    if (this.free.length < 4096) this.free.push(one);
  }
}
