/**
 * What arrived and what was lost in a connection's life, as the estimation of delivery rates needs it
 * (draft-cheng-iccrg-delivery-rate-estimation).
 */
import { ZERO } from '../numbers/fraction.js';
import type { Sent } from './sent.js';

export class Delivery {
  /** Bytes that have arrived, and when the newest of them did, ms. */
  delivered = 0;
  deliveredAt = ZERO;
  /** When the first segment of the flight that is being measured was sent, ms. */
  firstSentAt = ZERO;
  /** Bytes that were lost, and how many of them were reported to congestion control. */
  lost = 0;
  lostTold = 0;
  /** `delivered` up to which samples are limited by the application; 0: not. */
  appLimitedUntil = 0;

  reset(): void {
    this.delivered = 0;
    this.deliveredAt = 0;
    this.firstSentAt = 0;
    this.lost = 0;
    this.lostTold = 0;
    this.appLimitedUntil = 0;
  }

  /** `one` leaves; `alone`: nothing else is in the network. */
  stamp(one: Sent, alone: boolean, now: number): void {
    if (alone) {
      this.firstSentAt = now;
      this.deliveredAt = now;
    }
    one.delivered = this.delivered;
    one.deliveredAt = this.deliveredAt;
    one.firstSentAt = this.firstSentAt;
    one.lostBefore = this.lost;
    one.appLimited = this.appLimitedUntil > this.delivered;
  }

  arrived(bytes: number): void {
    this.delivered += bytes;
  }

  arrivedAt(now: number): void {
    this.deliveredAt = now;
  }

  /** The next flight is measured from the transmission of `sample.sendStart` on. */
  nextFlight(sample: { readonly sendStart: number }): void {
    this.firstSentAt = sample.sendStart;
  }

  loses(bytes: number): void {
    this.lost += bytes;
  }

  /** Bytes that were lost since the last call. */
  newlyLost(): number {
    const news = this.lost - this.lostTold;
    this.lostTold = this.lost;
    return news;
  }

  /** The application has nothing more to send, while `pipe` bytes are in the network. */
  limitedByApplication(pipe: number): void {
    this.appLimitedUntil = this.delivered + pipe || 1;
  }
}
