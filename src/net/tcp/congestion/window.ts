/** What Reno and CUBIC share: the initial window, slow start with appropriate byte counting, timeouts, idle, undo. */

import { ZERO } from '../numbers/fraction.js';
import type { CongestionControl, RateSample, SenderView } from './controller.js';

/** RFC 6928 2: ten segments, at most 14,600 bytes unless two segments are more. */
export function initialWindow(mss: number): number {
  return Math.min(10 * mss, Math.max(2 * mss, 14_600));
}

/** `ssthresh` before the first loss. */
const NO_THRESHOLD = 0x3fff_ffff;

export abstract class LossBased implements CongestionControl {
  abstract readonly name: 'reno' | 'cubic';
  readonly rates = false;
  cwnd = ZERO;
  ssthresh = ZERO;
  pacingRate = ZERO;
  protected priorCwnd = ZERO;
  protected priorSsthresh = ZERO;
  private initial = 0;

  constructor() {
    this.ssthresh = NO_THRESHOLD;
  }

  /** No loss so far, and slow start goes on. */
  get calm(): boolean {
    return this.ssthresh === NO_THRESHOLD;
  }

  renew(): void {
    this.cwnd = this.pacingRate = this.priorCwnd = this.priorSsthresh = this.initial = 0;
    this.ssthresh = NO_THRESHOLD;
  }

  start(sender: SenderView, _now: number): void {
    this.initial = this.cwnd = initialWindow(sender.mss);
  }

  onAck(sender: SenderView, sample: RateSample, inRecovery: boolean, now: number): void {
    // RFC 9438 5.8, RFC 7661: a window that was not used does not grow. RFC 3168 6.1.2: nor at an ACK with ECE.
    if (sample.ece) return;
    if (!inRecovery && (sender.cwndLimited || sample.priorInFlight + sample.acked >= this.cwnd) && sample.acked > 0) {
      if (this.cwnd < this.ssthresh) {
        // RFC 3465 2.2: bytes are counted, not ACKs. The limit L of 2.3 is 1 after a timeout. Otherwise there is no
        // limit, since one ACK acknowledges a whole super-segment.
        const growth = this.slowStart(sender, sample, now);
        this.cwnd += sender.timedOut ? Math.min(growth, sender.mss) : growth;
        if (this.cwnd > this.ssthresh) this.cwnd = Math.max(this.ssthresh, sender.mss * 2);
      } else this.avoid(sender, sample, now);
    }
  }

  recoveryWindow(prr: number): number {
    return prr;
  }

  /** Bytes by which slow start grows at this ACK. */
  protected slowStart(_sender: SenderView, sample: RateSample, _now: number): number {
    return sample.acked;
  }

  /** Congestion avoidance. */
  protected abstract avoid(sender: SenderView, sample: RateSample, now: number): void;

  /** What is left of the window after a loss. */
  protected abstract reduced(sender: SenderView, ecn: boolean, now: number): number;

  onCongestion(sender: SenderView, ecn: boolean, now: number): void {
    this.priorCwnd = this.cwnd;
    this.priorSsthresh = this.ssthresh;
    this.ssthresh = Math.max(this.reduced(sender, ecn, now), 2 * sender.mss);
    if (ecn) this.cwnd = this.ssthresh;
  }

  onRecovered(_sender: SenderView, _now: number): void {
    if (this.ssthresh < this.cwnd) this.cwnd = this.ssthresh;
  }

  onTimeout(sender: SenderView, now: number): void {
    // RFC 5681 3.1: the second timeout of the same data does not halve again.
    if (this.cwnd > sender.mss) {
      this.priorCwnd = this.cwnd;
      this.priorSsthresh = this.ssthresh;
      this.ssthresh = Math.max(this.reduced(sender, false, now), 2 * sender.mss);
    }
    this.cwnd = sender.mss;
  }

  onSpurious(_sender: SenderView, _now: number): void {
    if (this.priorCwnd > this.cwnd) this.cwnd = this.priorCwnd;
    if (this.priorSsthresh > this.ssthresh) this.ssthresh = this.priorSsthresh;
  }

  onIdle(sender: SenderView, _idle: number, _now: number): void {
    // RFC 5681 4.1: restart with the initial window, no more. RFC 7661 4.4.1: the window comes back fast to what the
    // path carried.
    this.ssthresh = Math.max(this.ssthresh, this.cwnd * 0.75);
    this.cwnd = Math.min(this.cwnd, Math.max(this.initial, initialWindow(sender.mss)));
  }

  onSend(_sender: SenderView, _bytes: number, _now: number): void {}
}
