/** A device whose outbound frames are counted in, and its refusals written down. */
import type { Device, FrameSink, Offload } from '../../device/device.js';
import type { TxFrame } from '../../device/tx-frame.js';
import type { Recorder } from './recorder.js';

export class RecordedDevice implements Device {
  readonly mac: Uint8Array;
  readonly offload: Offload;
  readonly tx: TxFrame;

  constructor(
    private readonly inner: Device,
    private readonly recorder: Recorder,
  ) {
    this.mac = inner.mac;
    this.offload = inner.offload;
    this.tx = inner.tx;
  }

  get mtu(): number {
    return this.inner.mtu;
  }

  resize(mtu: number): void {
    this.inner.resize?.(mtu);
  }

  get onReadable(): (() => void) | undefined {
    return this.inner.onReadable;
  }

  set onReadable(listener: (() => void) | undefined) {
    this.inner.onReadable = listener;
  }

  receive(sink: FrameSink, budget: number): number {
    return this.inner.receive(sink, budget);
  }

  join(group: Uint8Array): void {
    this.inner.join?.(group);
  }

  leave(group: Uint8Array): void {
    this.inner.leave?.(group);
  }

  transmit(): boolean {
    const taken = this.inner.transmit();
    this.recorder.out(this.tx, taken);
    return taken;
  }

  close(): void {
    this.inner.close();
  }
}
