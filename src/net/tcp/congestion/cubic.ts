/** CUBIC (RFC 9438) with HyStart++ (RFC 9406) for slow start. Windows in bytes, times in milliseconds. */
import type { RateSample, SenderView } from '../congestion.js';
import { LossBased } from './window.js';

/** RFC 9438 4.6. */
const BETA = 0.7;
/** RFC 9438 5.1, segments a second cubed. */
const C = 0.4;
/** RFC 9438 4.3. */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);

/** RFC 9406 4.3. */
const MIN_RTT_THRESH = 4;
const MAX_RTT_THRESH = 16;
const RTT_DIVISOR = 8;
const RTT_SAMPLES = 8;
const CSS_GROWTH_DIVISOR = 4;
const CSS_ROUNDS = 5;

export class Cubic extends LossBased {
  readonly name = 'cubic';
  private wMax = 0;
  private epochStart = -1;
  private cwndEpoch = 0;
  private k = 0;
  private wEst = 0;
  private undoWMax = 0;

  // HyStart++
  private roundEnd = 0;
  private roundMin = Number.POSITIVE_INFINITY;
  private lastRoundMin = Number.POSITIVE_INFINITY;
  private samples = 0;
  private cssRounds = 0;
  private cssBaseline = 0;

  override start(sender: SenderView, now: number): void {
    super.start(sender, now);
    this.roundEnd = sender.sndNxt;
  }

  protected override slowStart(sender: SenderView, sample: RateSample, _now: number): number {
    // RFC 9406 4.2: rounds by sequence number; the exit is sought only before the first loss.
    if (((sender.sndUna - this.roundEnd) | 0) >= 0) {
      this.roundEnd = sender.sndNxt;
      this.lastRoundMin = this.roundMin;
      this.roundMin = Number.POSITIVE_INFINITY;
      this.samples = 0;
      if (this.cssRounds > 0 && ++this.cssRounds > CSS_ROUNDS) {
        this.ssthresh = this.cwnd;
        this.cssRounds = 0;
      }
    }
    if (sample.rtt > 0) {
      this.samples++;
      if (sample.rtt < this.roundMin) this.roundMin = sample.rtt;
    }
    if (this.cssRounds > 0) {
      // The delay fell below where it was: slow start was left too soon.
      if (this.samples >= RTT_SAMPLES && this.roundMin < this.cssBaseline) this.cssRounds = 0;
      return sample.acked / CSS_GROWTH_DIVISOR;
    }
    if (this.samples >= RTT_SAMPLES && this.lastRoundMin !== Number.POSITIVE_INFINITY) {
      const thresh = Math.max(MIN_RTT_THRESH, Math.min(this.lastRoundMin / RTT_DIVISOR, MAX_RTT_THRESH));
      if (this.roundMin >= this.lastRoundMin + thresh) {
        this.cssBaseline = this.roundMin;
        this.cssRounds = 1;
      }
    }
    return sample.acked;
  }

  protected avoid(sender: SenderView, sample: RateSample, now: number): void {
    const mss = sender.mss;
    if (this.epochStart < 0) {
      this.epochStart = now;
      this.cwndEpoch = this.cwnd;
      this.wEst = this.cwnd;
      if (this.wMax < this.cwnd) this.wMax = this.cwnd;
      // RFC 9438 4.2, equation 2.
      this.k = Math.cbrt((this.wMax - this.cwndEpoch) / mss / C) * 1000;
    }
    const t = now - this.epochStart;
    const target = this.window(t + sender.srtt, mss);
    // RFC 9438 4.3: what Reno would have; as fast as Reno once it is back where it was.
    this.wEst += (this.wEst >= this.priorCwnd ? 1 : ALPHA) * ((sample.acked * mss) / this.cwnd);
    if (this.window(t, mss) < this.wEst) {
      if (this.wEst > this.cwnd) this.cwnd = this.wEst;
      return;
    }
    const bounded = Math.min(Math.max(target, this.cwnd), 1.5 * this.cwnd);
    this.cwnd += ((bounded - this.cwnd) * Math.min(sample.acked, this.cwnd)) / this.cwnd;
  }

  /** RFC 9438 4.2, equation 1. `t` in ms. */
  private window(t: number, mss: number): number {
    const d = (t - this.k) / 1000;
    return C * d * d * d * mss + this.wMax;
  }

  protected reduced(_sender: SenderView, _ecn: boolean, _now: number): number {
    this.undoWMax = this.wMax;
    // RFC 9438 4.7: fast convergence.
    this.wMax = this.cwnd < this.wMax ? (this.cwnd * (1 + BETA)) / 2 : this.cwnd;
    this.epochStart = -1;
    this.cssRounds = 0;
    return this.cwnd * BETA;
  }

  override onSpurious(sender: SenderView, now: number): void {
    super.onSpurious(sender, now);
    this.wMax = this.undoWMax;
    this.epochStart = -1;
  }

  override onIdle(sender: SenderView, idle: number, now: number): void {
    super.onIdle(sender, idle, now);
    // RFC 9438 4.2: time that passed without sending does not count.
    if (this.epochStart >= 0) this.epochStart += idle;
  }
}
