/**
 * A device that wraps a device and spoils what passes, both ways, as `faults.ts` decides. Over a TAP in real time it is
 * the development option `--faults`; with a virtual clock it is the bad cable of a test.
 *
 * It offers no offloads, because a fault is a fault of one frame on the wire: wrap a device that was opened without
 * them.
 */
import type { Clock, Timer } from '../../flow.js';
import type { Random } from '../../random.js';
import { type Device, type FrameSink, type Offload, RX_PLAIN } from '../device.js';
import { HEADROOM, TxFrame } from '../tx-frame.js';
import { corrupted, FATE_CORRUPTED, type Faults, Impairment } from './faults.js';

/** Frames that may be held back in each direction. */
const MAX_HELD = 4096;

export class FaultyDevice implements Device {
  readonly mac: Uint8Array;
  readonly offload: Offload = { checksum: false, segmentation: 0 };
  readonly tx = new TxFrame();
  onReadable: (() => void) | undefined = undefined;
  private readonly out: Impairment;
  private readonly in: Impairment;
  /** Frames that have come through and wait for `receive`. */
  private readonly ready: Uint8Array[] = [];
  private readonly timers = new Set<Timer>();
  private heldOut = 0;
  private heldIn = 0;
  private receiving = false;
  private sink: FrameSink = () => undefined;
  private readonly take: FrameSink;

  constructor(
    private readonly inner: Device,
    faults: Faults,
    private readonly random: Random,
    private readonly clock: Clock,
  ) {
    this.mac = inner.mac;
    this.out = new Impairment(faults);
    this.in = new Impairment(faults);
    this.take = (bytes, start, end) => this.arrived(bytes.slice(start, end));
    inner.onReadable = () => this.onReadable?.();
  }

  get mtu(): number {
    return this.inner.mtu;
  }

  resize(mtu: number): void {
    this.inner.resize?.(mtu);
  }

  join(group: Uint8Array): void {
    this.inner.join?.(group);
  }

  leave(group: Uint8Array): void {
    this.inner.leave?.(group);
  }

  transmit(): boolean {
    const sent = new Uint8Array(this.tx.total);
    this.tx.copyTo(sent, 0);
    const { out } = this;
    out.decide(sent.length, this.clock.now(), this.random);
    const frame = (out.fate & FATE_CORRUPTED) !== 0 ? corrupted(sent, this.random) : sent;
    if (frame === undefined) return true;
    for (let i = 0; i < out.copies; i++) {
      if (out.after[i] <= 0) this.send(frame);
      else if (this.heldOut < MAX_HELD) {
        this.heldOut += 1;
        this.later(out.after[i], () => {
          this.heldOut -= 1;
          this.send(frame);
        });
      }
    }
    return true;
  }

  private send(frame: Uint8Array): void {
    const tx = this.inner.tx;
    tx.reset();
    tx.head.set(frame, HEADROOM);
    tx.length = frame.length;
    this.inner.transmit();
  }

  private arrived(whole: Uint8Array): void {
    const way = this.in;
    way.decide(whole.length, this.clock.now(), this.random);
    const frame = (way.fate & FATE_CORRUPTED) !== 0 ? corrupted(whole, this.random) : whole;
    if (frame === undefined) return;
    for (let i = 0; i < way.copies; i++) {
      if (way.after[i] <= 0) this.ready.push(frame);
      else if (this.heldIn < MAX_HELD) {
        this.heldIn += 1;
        this.later(way.after[i], () => {
          this.heldIn -= 1;
          this.ready.push(frame);
          if (!this.receiving) this.onReadable?.();
        });
      }
    }
  }

  private later(delay: number, callback: () => void): void {
    const timer = this.clock.schedule(delay, () => {
      this.timers.delete(timer);
      callback();
    });
    this.timers.add(timer);
  }

  /**
   * For a caller that gets a frame another way than by `receive`: decides about it, and hands to `sink` what is ready.
   */
  handing(sink: FrameSink): FrameSink {
    this.sink = sink;
    return this.pass;
  }

  private readonly pass: FrameSink = (bytes, start, end) => {
    this.take(bytes, start, end, RX_PLAIN);
    for (;;) {
      const frame = this.ready.shift();
      if (frame === undefined) return;
      this.sink(frame, 0, frame.length, RX_PLAIN);
    }
  };

  receive(sink: FrameSink, budget: number): number {
    this.sink = sink;
    this.receiving = true;
    let taken = 0;
    while (taken < budget) {
      if (this.ready.length === 0 && this.inner.receive(this.take, budget - taken) === 0) break;
      const frame = this.ready.shift();
      if (frame === undefined) continue;
      taken += 1;
      sink(frame, 0, frame.length, RX_PLAIN);
    }
    this.receiving = false;
    return taken;
  }

  close(): void {
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
    this.ready.length = 0;
    this.inner.close();
  }
}
