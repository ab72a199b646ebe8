/**
 * What BBR (draft-ietf-ccwg-bbr) believes of the path: bandwidth, round-trip time, aggregation of ACKs, and the bounds
 * that loss taught. Bytes, milliseconds, bytes a millisecond.
 */

import { ZERO } from '../numbers/fraction.js';
import type { RateSample, SenderView } from './controller.js';

/** draft 2.4: a share of lost bytes above which the amount in flight was too much. */
const LOSS_THRESH = 0.02;
/**
 * The same where no queue is seen. A path that loses at random loses without delay, and to yield to that helps no flow.
 * An overrun of a bottleneck without a buffer still shows, because a probe sends a quarter more than passes.
 */
const LOSS_THRESH_NO_QUEUE = 0.125;
/** The most that is taken for a path's own loss when the rate is raised to make up for it. */
const RANDOM_LOSS_MOST = 0.06;
const BETA = 0.7;
const HEADROOM = 0.15;
/** draft 2.14: ms. */
const MIN_RTT_FILTER = 10_000;
/**
 * ACKs over which a round trip is averaged, at least. With fewer of them the lowest of many averages would be as low as
 * the lowest round trip.
 */
const MEAN_RTT_ACKS = 16;
const PROBE_RTT_INTERVAL = 5000;
/** draft 5.5.9: rounds. */
const EXTRA_ACKED_FILTER = 10;

export const UNBOUNDED = Number.POSITIVE_INFINITY;

export class BbrModel {
  /** Rounds of packet-timed round trips (draft 5.5.1). */
  roundStart = false;
  round = 0;
  roundsSinceProbe = 0;
  private nextRoundDelivered = 0;

  /** The highest delivery rate of this probing cycle and the one before (draft 5.5.5). */
  private bwNow = ZERO;
  private bwBefore = ZERO;

  minRtt = ZERO;
  private minRttStamp = ZERO;
  private probeRttMin = ZERO;
  probeRttMinStamp = ZERO;
  probeRttExpired = false;

  /** Aggregation (draft 5.5.9): the largest excess of this filter period and the one before. */
  private extraNow = ZERO;
  private extraBefore = ZERO;
  private extraRound = 0;
  private extraStart = ZERO;
  private extraDelivered = 0;

  /** Short-term bounds, and long-term ones: what loss taught in this cycle, and in all cycles. */
  bwShortterm = UNBOUNDED;
  inflightShortterm = UNBOUNDED;
  inflightLongterm = UNBOUNDED;

  private bwLatest = ZERO;
  inflightLatest = 0;
  private lossRoundDelivered = 0;
  lossRoundStart = false;
  /** Lost and delivered in this loss round; ACKs that reported losses. */
  private lostInRound = 0;
  private deliveredInRound = 0;
  lossEvents = 0;
  /**
   * The shortest round trip among the round's ACKs that reported losses: that of the data sent right behind the lost
   * data. The shortest, since a busy host makes many round trips long. `UNBOUNDED`: none.
   */
  private lossRtt = UNBOUNDED;
  /**
   * Round trips of at least a round and `MEAN_RTT_ACKS`, and the lowest average of those: of this filter period and of
   * the one before.
   */
  private rttSum = ZERO;
  private rttCount = 0;
  private usualNow = UNBOUNDED;
  private usualBefore = UNBOUNDED;
  private usualStamp = ZERO;
  private roundRttSum = ZERO;
  private roundRttCount = 0;
  /** The share that the path loses by itself, as far as it shows: an average over rounds that saw no queue. */
  randomLoss = ZERO;

  start(now: number, rtt: number): void {
    this.minRtt = this.probeRttMin = rtt;
    this.minRttStamp = this.probeRttMinStamp = now;
    this.extraStart = this.usualStamp = now;
  }

  get maxBw(): number {
    return Math.max(this.bwNow, this.bwBefore);
  }

  get bw(): number {
    return Math.min(this.maxBw, this.bwShortterm);
  }

  get extraAcked(): number {
    return Math.max(this.extraNow, this.extraBefore);
  }

  startRound(delivered: number): void {
    this.nextRoundDelivered = delivered;
  }

  /**
   * `gain`: the factor that the rate of sending was multiplied by. 0: more than the known bandwidth is being tried, so
   * that loss sets no short-term bounds (draft 5.5.10).
   */
  update(sender: SenderView, sample: RateSample, cwnd: number, gain: number, now: number): void {
    const delivered = sender.delivered;
    const passed = delivered - sample.priorDelivered;
    const measured = sample.deliveryRate > 0;
    this.lossRoundStart = false;
    this.roundStart = false;
    if (sample.rtt > 0) {
      this.roundRttSum += sample.rtt;
      this.roundRttCount++;
      if (sample.newlyLost > 0 && sample.rtt < this.lossRtt) this.lossRtt = sample.rtt;
    }
    this.lostInRound += sample.newlyLost;
    this.deliveredInRound += sample.newlyDelivered;
    if (sample.newlyLost > 0) this.lossEvents++;
    if (sample.newlyDelivered > 0) {
      this.bwLatest = Math.max(this.bwLatest, sample.deliveryRate);
      this.inflightLatest = Math.max(this.inflightLatest, passed);
      if (sample.priorDelivered >= this.lossRoundDelivered) {
        this.lossRoundDelivered = delivered;
        this.lossRoundStart = true;
      }
      if (sample.priorDelivered >= this.nextRoundDelivered) {
        this.startRound(delivered);
        this.round++;
        this.roundsSinceProbe++;
        this.roundStart = true;
      }
    }
    if (measured && (sample.deliveryRate >= this.maxBw || !sample.appLimited)) {
      this.bwNow = Math.max(this.bwNow, sample.deliveryRate);
    }
    if (this.lossRoundStart) this.averageRtt(now);
    if (this.lossRoundStart && gain > 0 && this.roundLossy()) this.lower(cwnd, Math.min(gain, 1));
  }

  /** Ends the round's account of losses, after everything that wanted it has looked. */
  advance(sender: SenderView, sample: RateSample): void {
    if (!this.lossRoundStart) return;
    const round = this.lostInRound + this.deliveredInRound;
    if (round > 0) {
      // A round that lost at a queue does not show random loss. Too many such rounds make it doubtful.
      if (this.queueSeen()) this.randomLoss *= 31 / 32;
      else this.randomLoss += (Math.min(this.lostInRound / round, RANDOM_LOSS_MOST) - this.randomLoss) / 8;
    }
    this.bwLatest = sample.deliveryRate;
    this.inflightLatest = sender.delivered - sample.priorDelivered;
    this.forgetRound();
  }

  private forgetRound(): void {
    this.lostInRound = this.deliveredInRound = this.lossEvents = 0;
    this.lossRtt = UNBOUNDED;
    this.roundRttSum = this.roundRttCount = 0;
  }

  /** The round lost more than a path may lose by itself. */
  roundLossy(): boolean {
    const lost = this.lostInRound;
    return lost > this.threshold() * (lost + this.deliveredInRound);
  }

  /** The round lost enough to end Startup (draft 5.3.1.3). */
  roundTooLossy(): boolean {
    return this.lossEvents >= 6 && this.roundLossy();
  }

  /** draft 5.5.10.1, IsInflightTooHigh. */
  inflightTooHigh(sample: RateSample): boolean {
    return sample.lost > this.threshold() * sample.txInFlight;
  }

  private threshold(): number {
    return this.queueSeen() ? LOSS_THRESH : LOSS_THRESH_NO_QUEUE;
  }

  /**
   * Whether the loss was at a queue. Then the data right behind the lost data waited longer than the jitter of hosts
   * and our own probes explain, and also longer than the path's lowest average wait. The average, because on a path
   * that jitters every wait is above the lowest.
   */
  private queueSeen(): boolean {
    if (this.lossRtt === UNBOUNDED || this.lossRtt <= this.usualRtt * 1.4 + 1) return false;
    return this.lossRtt * this.roundRttCount >= this.roundRttSum;
  }

  /** The lowest average round trip; until there is one, the lowest round trip. */
  private get usualRtt(): number {
    const usual = Math.min(this.usualNow, this.usualBefore);
    return usual === UNBOUNDED ? this.minRtt : usual;
  }

  private averageRtt(now: number): void {
    this.rttSum += this.roundRttSum;
    this.rttCount += this.roundRttCount;
    if (this.rttCount < MEAN_RTT_ACKS) return;
    if (now > this.usualStamp + MIN_RTT_FILTER) {
      this.usualBefore = this.usualNow;
      this.usualNow = UNBOUNDED;
      this.usualStamp = now;
    }
    this.usualNow = Math.min(this.usualNow, this.rttSum / this.rttCount);
    this.rttSum = this.rttCount = 0;
  }

  /** draft 5.5.10.3. A rate that we held down ourselves says nothing against a higher one: the gain is taken out. */
  private lower(cwnd: number, gain: number): void {
    if (this.bwShortterm === UNBOUNDED) this.bwShortterm = this.maxBw;
    if (this.inflightShortterm === UNBOUNDED) this.inflightShortterm = cwnd;
    this.bwShortterm = Math.max(Math.min(this.bwLatest / gain, this.maxBw), BETA * this.bwShortterm);
    this.inflightShortterm = Math.max(this.inflightLatest, BETA * this.inflightShortterm);
  }

  resetShortterm(): void {
    this.bwShortterm = UNBOUNDED;
    this.inflightShortterm = UNBOUNDED;
  }

  resetSignals(): void {
    this.bwLatest = this.inflightLatest = 0;
    this.forgetRound();
  }

  advanceMaxBw(): void {
    if (this.bwNow === 0) return;
    this.bwBefore = this.bwNow;
    this.bwNow = 0;
  }

  /**
   * draft 5.5.9, behind `update`: how far ACKs came in bursts. `filled`: the pipe is (draft 5.3.1), so that more rounds
   * count.
   */
  aggregate(acked: number, cwnd: number, filled: boolean, now: number): void {
    let expected = this.bw * (now - this.extraStart);
    if (this.extraDelivered <= expected) {
      this.extraDelivered = 0;
      this.extraStart = now;
      expected = 0;
    }
    this.extraDelivered += acked;
    const extra = Math.min(this.extraDelivered - expected, cwnd);
    if (this.round - this.extraRound >= (filled ? EXTRA_ACKED_FILTER : 1)) {
      this.extraBefore = this.extraNow;
      this.extraNow = 0;
      this.extraRound = this.round;
    }
    if (extra > this.extraNow) this.extraNow = extra;
  }

  /** Sending begins again after a pause: the pause is no aggregation of ACKs. */
  restart(now: number): void {
    this.extraStart = now;
    this.extraDelivered = 0;
  }

  /** draft 5.5.7. */
  updateMinRtt(rtt: number, now: number): void {
    this.probeRttExpired = now > this.probeRttMinStamp + PROBE_RTT_INTERVAL;
    if (rtt > 0 && (this.probeRttMin === 0 || rtt < this.probeRttMin || this.probeRttExpired)) {
      this.probeRttMin = rtt;
      this.probeRttMinStamp = now;
    }
    if (this.probeRttMin === 0) return;
    if (this.minRtt === 0 || this.probeRttMin < this.minRtt || now > this.minRttStamp + MIN_RTT_FILTER) {
      this.minRtt = this.probeRttMin;
      this.minRttStamp = this.probeRttMinStamp;
    }
  }

  /** draft 5.5.10.1, HandleInflightTooHigh. */
  tooHigh(sample: RateSample, target: number): void {
    if (!sample.appLimited) this.inflightLongterm = Math.max(sample.txInFlight, target * BETA);
  }

  /** Room for others below what was found to fit (draft 5.5.10). */
  withHeadroom(mss: number): number {
    if (this.inflightLongterm === UNBOUNDED) return UNBOUNDED;
    const headroom = Math.max(mss, HEADROOM * this.inflightLongterm);
    return Math.max(this.inflightLongterm - headroom, 4 * mss);
  }
}
