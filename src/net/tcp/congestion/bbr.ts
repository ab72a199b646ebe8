/**
 * BBR version 3 (draft-ietf-ccwg-bbr): sends at the bandwidth that was measured on the path, tries a little more now
 * and then, and yields to loss that comes with a queue. Bytes, milliseconds, bytes a millisecond.
 */

import { ZERO } from '../numbers/fraction.js';
import { BbrModel, UNBOUNDED } from './bbr-model.js';
import { BbrUndo } from './bbr-undo.js';
import type { CongestionControl, RateSample, SenderView } from './controller.js';
import { FullPipe } from './full-pipe.js';
import { ProbeSlope } from './probe-slope.js';
import { initialWindow } from './window.js';

const STARTUP = 0;
const DRAIN = 1;
const DOWN = 2;
const CRUISE = 3;
const REFILL = 4;
const UP = 5;
const PROBE_RTT = 6;

/** By state, draft 5.1.1 and 5.6.1. */
const PACING_GAIN = [2.77, 0.5, 0.9, 1, 1, 1.25, 1];
const CWND_GAIN = [2, 2, 2, 2, 2, 2.25, 0.5];

const ACKS_INIT = 0;
const ACKS_REFILLING = 1;
const ACKS_PROBE_STARTING = 2;
const ACKS_PROBE_FEEDBACK = 3;
const ACKS_PROBE_STOPPING = 4;

/** draft 2.5: one percent below the bandwidth, so that queues drain. */
const PACING_MARGIN = 0.99;
const PROBE_RTT_DURATION = 200;
/** A millisecond of sending may leave at once (draft 5.6.3). */
const QUANTUM_MAX = 65_536;

export class Bbr implements CongestionControl {
  readonly name = 'bbr';
  readonly rates = true;
  cwnd = ZERO;
  /** BBR has no `ssthresh`: a reader of this field finds no slow start. */
  ssthresh = 0x3fff_ffff;
  pacingRate = ZERO;
  private readonly model = new BbrModel();
  private state = STARTUP;
  private ackPhase = ACKS_INIT;
  private initial = ZERO;
  private maxInflight = ZERO;
  private quantum = ZERO;
  private readonly pipe = new FullPipe();

  private cycleStamp = ZERO;
  private probeWait = ZERO;
  private probeSamples = false;
  private readonly slope = new ProbeSlope();

  private probeRttDone = ZERO;
  private probeRttRoundDone = false;
  private idleRestart = false;
  private priorCwnd = ZERO;

  private undoState = STARTUP;
  private readonly undo = new BbrUndo();

  start(sender: SenderView, now: number): void {
    this.initial = this.cwnd = initialWindow(sender.mss);
    this.model.start(now, sender.minRtt);
    this.model.startRound(sender.delivered);
    this.cycleStamp = now;
    // draft 5.6.2: until something is measured, the initial window over the handshake's round trip.
    this.pacingRate = (PACING_GAIN[STARTUP] * this.cwnd) / (sender.srtt > 0 ? sender.srtt : 1);
    this.setQuantum(sender);
  }

  onAck(sender: SenderView, sample: RateSample, inRecovery: boolean, now: number): void {
    const { model } = this;
    model.update(sender, sample, this.cwnd, this.probing() ? 0 : PACING_GAIN[this.state], now);
    model.aggregate(sample.newlyDelivered, this.cwnd, this.pipe.filled, now);
    this.pipe.check(sample, model.roundStart);
    this.checkStartup(inRecovery);
    if (this.state === DRAIN && sender.inFlight <= this.inflight(sender, 1)) this.down(sender, now);
    if (this.pipe.filled) this.cycle(sender, sample, now);
    model.updateMinRtt(sample.rtt, now);
    this.checkProbeRtt(sender, sample, now);
    model.advance(sender, sample);
    this.setPacing(PACING_GAIN[this.state]);
    this.setQuantum(sender);
    this.setCwnd(sender, sample);
  }

  private probing(): boolean {
    return this.state === STARTUP || this.state === REFILL || this.state === UP;
  }

  private inProbeBw(): boolean {
    return this.state >= DOWN && this.state <= UP;
  }

  // ---- Startup and Drain (draft 5.3.1, 5.3.2)

  private checkStartup(inRecovery: boolean): void {
    if (this.state !== STARTUP) return;
    const { model } = this;
    if (!this.pipe.filled && inRecovery && model.lossRoundStart && model.roundTooLossy()) {
      this.pipe.filled = true;
      model.inflightLongterm = Math.max(this.bdp(1), model.inflightLatest);
    }
    if (this.pipe.filled) this.state = DRAIN;
  }

  // ---- ProbeBW (draft 5.3.3)

  private down(sender: SenderView, now: number): void {
    this.model.resetSignals();
    this.slope.stop();
    // Wait two to three seconds, so that flows do not probe in step; the sequence numbers are random enough.
    const dice = Math.imul(sender.sndNxt ^ Math.trunc(now * 1000), 0x9e37_79b1) >>> 0;
    this.model.roundsSinceProbe = dice & 1;
    this.probeWait = 2000 + ((dice >>> 1) / 0x7fff_ffff) * 1000;
    this.cycleStamp = now;
    this.ackPhase = ACKS_PROBE_STOPPING;
    this.model.startRound(sender.delivered);
    this.state = DOWN;
  }

  private refill(sender: SenderView): void {
    this.model.resetShortterm();
    this.slope.restart();
    this.ackPhase = ACKS_REFILLING;
    this.model.startRound(sender.delivered);
    this.state = REFILL;
  }

  private up(sender: SenderView, sample: RateSample | undefined, now: number): void {
    this.ackPhase = ACKS_PROBE_STARTING;
    this.model.startRound(sender.delivered);
    this.pipe.watch(sample === undefined ? this.model.maxBw : sample.deliveryRate);
    this.cycleStamp = now;
    this.state = UP;
    this.slope.raise(sender.mss);
  }

  private cycle(sender: SenderView, sample: RateSample, now: number): void {
    this.adaptLongterm(sender, sample, now);
    if (this.state === UP) {
      if (this.timeToGoDown(sender, sample)) this.down(sender, now);
    } else if (this.state === REFILL) {
      // A round at the known bandwidth has filled the pipe: the probe is the cause of any loss from here on.
      if (this.model.roundStart) {
        this.probeSamples = true;
        this.up(sender, sample, now);
      }
    } else if (this.state === DOWN || this.state === CRUISE) {
      if (this.timeToProbe(sender, now)) this.refill(sender);
      else if (this.state === DOWN && this.timeToCruise(sender)) this.state = CRUISE;
    }
  }

  private adaptLongterm(sender: SenderView, sample: RateSample, now: number): void {
    const { model } = this;
    if (model.roundStart) {
      if (this.ackPhase === ACKS_PROBE_STARTING) this.ackPhase = ACKS_PROBE_FEEDBACK;
      else if (this.ackPhase === ACKS_PROBE_STOPPING) {
        this.ackPhase = ACKS_INIT;
        this.probeSamples = false;
        if (this.inProbeBw() && !sample.appLimited) model.advanceMaxBw();
      }
    }
    if (sample.txInFlight > 0 && model.inflightTooHigh(sample)) {
      if (this.probeSamples) {
        this.probeSamples = false;
        model.tooHigh(sample, this.target());
        if (this.state === UP) this.down(sender, now);
      }
      return;
    }
    if (model.inflightLongterm === UNBOUNDED) return;
    if (sample.txInFlight > model.inflightLongterm) model.inflightLongterm = sample.txInFlight;
    if (this.state === UP && sender.cwndLimited && this.cwnd >= model.inflightLongterm) {
      model.inflightLongterm += this.slope.growth(sample.newlyDelivered, this.cwnd);
      if (model.roundStart) this.slope.raise(sender.mss);
    }
  }

  private timeToGoDown(sender: SenderView, sample: RateSample): boolean {
    if (sender.cwndLimited && this.cwnd >= this.model.inflightLongterm) {
      // The probe is limited by its own bound, not by the path.
      this.pipe.watch(sample.deliveryRate);
      return false;
    }
    return this.pipe.full;
  }

  private timeToProbe(sender: SenderView, now: number): boolean {
    if (now > this.cycleStamp + this.probeWait) return true;
    // draft 5.3.3.5: as often as a Reno flow of this window would come back from a loss, at most each 63 rounds.
    return this.model.roundsSinceProbe >= Math.min(this.target() / sender.mss, 63);
  }

  private timeToCruise(sender: SenderView): boolean {
    if (sender.inFlight > this.model.withHeadroom(sender.mss)) return false;
    return sender.inFlight <= this.quantized(sender, this.model.maxBw * this.model.minRtt);
  }

  // ---- ProbeRTT (draft 5.3.4)

  private checkProbeRtt(sender: SenderView, sample: RateSample, now: number): void {
    const { model } = this;
    if (this.state !== PROBE_RTT && model.probeRttExpired && !this.idleRestart) {
      this.saveCwnd();
      this.state = PROBE_RTT;
      this.probeRttDone = 0;
      this.ackPhase = ACKS_PROBE_STOPPING;
      model.startRound(sender.delivered);
    }
    if (this.state === PROBE_RTT) {
      if (this.probeRttDone === 0) {
        if (sender.inFlight <= this.probeRttCwnd(sender)) {
          this.probeRttDone = now + PROBE_RTT_DURATION;
          this.probeRttRoundDone = false;
          model.startRound(sender.delivered);
        }
      } else {
        if (model.roundStart) this.probeRttRoundDone = true;
        if (this.probeRttRoundDone) this.leaveProbeRtt(sender, now);
      }
    }
    if (sample.newlyDelivered > 0) this.idleRestart = false;
  }

  private leaveProbeRtt(sender: SenderView, now: number): void {
    if (this.probeRttDone === 0 || now <= this.probeRttDone) return;
    this.model.probeRttMinStamp = now;
    this.restoreCwnd();
    this.model.resetShortterm();
    if (this.pipe.filled) {
      this.down(sender, now);
      this.state = CRUISE;
    } else this.state = STARTUP;
  }

  private probeRttCwnd(sender: SenderView): number {
    return Math.max(this.bdp(CWND_GAIN[PROBE_RTT]), 4 * sender.mss);
  }

  private saveCwnd(): void {
    this.priorCwnd = this.state === PROBE_RTT ? Math.max(this.priorCwnd, this.cwnd) : this.cwnd;
  }

  private restoreCwnd(): void {
    this.cwnd = Math.max(this.cwnd, this.priorCwnd);
  }

  // ---- What may be in flight, and how fast (draft 5.6)

  private bdp(gain: number): number {
    const { bw, minRtt } = this.model;
    if (minRtt === 0 || bw === 0) return gain * this.initial;
    return gain * bw * minRtt;
  }

  private target(): number {
    return Math.min(this.bdp(1), this.cwnd);
  }

  private quantized(sender: SenderView, bytes: number): number {
    const least = Math.max(bytes, 3 * this.quantum, 4 * sender.mss);
    return this.state === UP ? least + 2 * sender.mss : least;
  }

  private inflight(sender: SenderView, gain: number): number {
    return this.quantized(sender, this.bdp(gain));
  }

  private setPacing(gain: number): void {
    // The measured bandwidth is what arrives. For that rate to arrive, the path's own loss has to be sent in addition.
    const rate = (gain * this.model.bw * PACING_MARGIN) / (1 - this.model.randomLoss);
    if (rate > 0 && (this.pipe.filled || rate > this.pacingRate)) this.pacingRate = rate;
  }

  private setQuantum(sender: SenderView): void {
    // A bandwidth under 1.2 Mbit/s: single segments.
    const least = this.pacingRate < 150 ? sender.mss : 2 * sender.mss;
    this.quantum = Math.max(least, Math.min(this.pacingRate, QUANTUM_MAX));
  }

  private setCwnd(sender: SenderView, sample: RateSample): void {
    const { model } = this;
    const least = 4 * sender.mss;
    this.maxInflight = this.quantized(sender, this.bdp(CWND_GAIN[this.state]) + model.extraAcked);
    if (this.pipe.filled) this.cwnd = Math.min(this.cwnd + sample.newlyDelivered, this.maxInflight);
    else if (this.cwnd < this.maxInflight || sender.delivered < this.initial) this.cwnd += sample.newlyDelivered;
    let cap = UNBOUNDED;
    if (this.state === PROBE_RTT) cap = this.probeRttCwnd(sender);
    if (this.state === CRUISE || this.state === PROBE_RTT) cap = Math.min(cap, model.withHeadroom(sender.mss));
    else if (this.inProbeBw()) cap = model.inflightLongterm;
    cap = Math.min(cap, model.inflightShortterm);
    this.cwnd = Math.max(Math.min(this.cwnd, cap), least);
  }

  /** draft 5.6.4: its own window holds in a recovery, too. */
  recoveryWindow(_prr: number): number {
    return this.cwnd;
  }

  // ---- Losses, timeouts, idleness

  onCongestion(_sender: SenderView, _ecn: boolean, _now: number): void {
    // The model answers to rates of loss, not to a single loss. Its state is saved, in case the loss was spurious.
    this.saveUndo();
    this.saveCwnd();
  }

  private saveUndo(): void {
    this.undoState = this.state;
    this.undo.save(this.model);
  }

  onRecovered(_sender: SenderView, _now: number): void {
    this.restoreCwnd();
  }

  /** draft 5.6.4.4: one segment beyond what is believed to be in flight; the window comes back with the ACKs. */
  onTimeout(sender: SenderView, _now: number): void {
    this.saveUndo();
    this.saveCwnd();
    this.cwnd = Math.max(sender.inFlight + sender.mss, sender.mss);
  }

  onSpurious(sender: SenderView, now: number): void {
    this.restoreCwnd();
    this.pipe.watch(0);
    this.undo.restore(this.model);
    if (this.state === PROBE_RTT || this.state === this.undoState) return;
    if (this.undoState === STARTUP) {
      this.pipe.filled = false;
      this.state = STARTUP;
    } else if (this.undoState === UP) this.up(sender, undefined, now);
  }

  onIdle(_sender: SenderView, _idle: number, _now: number): void {}

  /** draft 5.4.1: after a pause it goes on at the bandwidth that it knows, without a burst. */
  onSend(sender: SenderView, bytes: number, now: number): void {
    if (sender.inFlight > bytes) return;
    this.idleRestart = true;
    this.model.restart(now);
    if (this.inProbeBw()) this.setPacing(1);
    else if (this.state === PROBE_RTT) this.leaveProbeRtt(sender, now);
  }
}
