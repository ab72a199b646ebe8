/**
 * What one ACK reports: the sample that congestion control gets, and the values that it is made of. A layer has one,
 * and uses it again for each ACK.
 */
import type { RateSample } from '../congestion/controller.js';
import type { Delivery } from '../flight/delivery.js';
import type { RttEstimator } from '../flight/rto.js';
import type { Sent } from '../flight/sent.js';
import { ZERO } from '../numbers/fraction.js';

export class AckSample implements RateSample {
  deliveryRate = ZERO;
  appLimited = false;
  newlyDelivered = 0;
  newlyLost = 0;
  rtt = ZERO;
  priorDelivered = 0;
  lost = 0;
  txInFlight = 0;
  priorInFlight = 0;
  inFlight = 0;
  acked = 0;
  ece = false;
  /**
   * F-RTO: data from before the timeout has arrived that was never sent again; data that was sent again has arrived.
   */
  originalCame = false;
  repeatCame = false;
  /** The newest transmission that this ACK delivers, as it was sent; valid while `hasNewest`. */
  private hasNewest = false;
  private newestDelivered = 0;
  private newestDeliveredAt = ZERO;
  private newestFirstSentAt = ZERO;
  private newestSentAt = ZERO;
  private newestTxInFlight = 0;
  private newestLostBefore = 0;
  private newestAppLimited = false;

  /** Another ACK, which acknowledges `acked` bytes, while `priorInFlight` are in flight. */
  begin(acked: number, priorInFlight: number, ece: boolean): void {
    this.newlyDelivered = 0;
    this.priorInFlight = priorInFlight;
    this.acked = acked;
    this.ece = ece;
    this.rtt = 0;
    this.originalCame = this.repeatCame = false;
    this.hasNewest = false;
  }

  /** A record has arrived. The rate is measured from the newest one. */
  delivers(one: Sent): void {
    if (this.hasNewest && one.sentAt < this.newestSentAt) return;
    this.hasNewest = true;
    this.newestDelivered = one.delivered;
    this.newestDeliveredAt = one.deliveredAt;
    this.newestFirstSentAt = one.firstSentAt;
    this.newestSentAt = one.sentAt;
    this.newestTxInFlight = one.txInFlight;
    this.newestLostBefore = one.lostBefore;
    this.newestAppLimited = one.appLimited;
  }

  /**
   * draft-cheng-iccrg-delivery-rate-estimation 3.3. Returns whether something was delivered; `sendStart` is then the
   * time that the next flight begins with.
   */
  rate({ delivered, deliveredAt, lost }: Delivery, { min }: RttEstimator): boolean {
    this.deliveryRate = 0;
    this.appLimited = false;
    if (!this.hasNewest) return false;
    this.priorDelivered = this.newestDelivered;
    this.txInFlight = this.newestTxInFlight;
    this.lost = lost - this.newestLostBefore;
    this.appLimited = this.newestAppLimited;
    const sendElapsed = this.newestSentAt - this.newestFirstSentAt;
    const ackElapsed = deliveredAt - this.newestDeliveredAt;
    const interval = Math.max(sendElapsed, ackElapsed);
    if (interval > 0 && interval >= min) this.deliveryRate = (delivered - this.newestDelivered) / interval;
    return true;
  }

  /** When the newest transmission left that this ACK delivers, ms. */
  get sendStart(): number {
    return this.newestSentAt;
  }
}
