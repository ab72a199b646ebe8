/** A device that wraps another one and is like it in everything. What differs is for a class that extends it. */
import type { Device, FrameSink, Offload } from '../device.js';
import type { TxFrame } from '../tx-frame.js';

export abstract class PassThrough implements Device {
  readonly mac: Uint8Array;
  readonly offload: Offload;
  readonly tx: TxFrame;

  constructor(protected readonly inner: Device) {
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
    return this.inner.transmit();
  }

  close(): void {
    this.inner.close();
  }
}
