/** CUBIC (RFC 9438) with HyStart++ (RFC 9406) for slow start. Windows in bytes, times in milliseconds. */

import { ZERO } from '../numbers/fraction.js';
import type { RateSample, SenderView } from './controller.js';
import { HyStart } from './hystart.js';
import { LossBased } from './window.js';

/** RFC 9438 4.6. */
const BETA = 0.7;
/** RFC 9438 5.1, segments a second cubed. */
const C = 0.4;
/** RFC 9438 4.3. */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);

export class Cubic extends LossBased {
  readonly name = 'cubic';
  private wMax = ZERO;
  private epochStart = ZERO;
  private cwndEpoch = ZERO;
  private k = ZERO;
  private wEst = ZERO;
  private undoWMax = ZERO;
  private readonly hystart = new HyStart();

  constructor() {
    super();
    this.epochStart = -1;
  }

  override renew(): void {
    super.renew();
    this.wMax = this.cwndEpoch = this.k = this.wEst = this.undoWMax = 0;
    this.epochStart = -1;
    this.hystart.renew();
  }

  override start(sender: SenderView, now: number): void {
    super.start(sender, now);
    this.hystart.start(sender);
  }

  protected override slowStart(sender: SenderView, sample: RateSample, _now: number): number {
    const divisor = this.hystart.divisor(sender, sample);
    if (divisor > 0) return sample.acked / divisor;
    this.ssthresh = this.cwnd;
    return 0;
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
    // RFC 9438 4.3: the window that Reno would have. It grows as fast as Reno's once it is back where it was.
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
    this.hystart.stop();
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
