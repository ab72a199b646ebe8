/**
 * A cable in memory: two devices, each other's far end. What one transmits the other receives, whole, in order and at
 * once; bad cables are made by `faults.ts`. It needs no kernel and no root, and runs in a browser.
 */
import { type Device, type FrameSink, type Offload, RX_PLAIN } from '../device.js';
import { ETHERNET_HEADER, TxFrame } from '../tx-frame.js';
import { SoftwareOffload } from './software-offload.js';

export interface MemoryLinkOptions {
  /** Largest IP packet, bytes; 1500 by default. */
  readonly mtu?: number;
  /** Frames that may wait at each end before further ones are lost; 1024 by default. */
  readonly queue?: number;
  /** What both ends claim to do for their stack (and then do, in software); nothing by default. */
  readonly offload?: Offload;
  /** MAC addresses of the two ends, six bytes each; 02:00:00:00:00:01 and :02 by default. */
  readonly macs?: readonly [Uint8Array, Uint8Array];
}

export const NO_OFFLOAD: Offload = { checksum: false, segmentation: 0 };

export class MemoryDevice implements Device {
  mtu: number;
  readonly mac: Uint8Array;
  readonly offload: Offload;
  readonly tx = new TxFrame();
  onReadable: (() => void) | undefined = undefined;
  /**
   * Takes what this end sends: a complete frame of its own, which the taker keeps. Undefined: the cable is unplugged.
   */
  wire: ((frame: Uint8Array) => boolean) | undefined = undefined;
  private readonly software = new SoftwareOffload();
  private readonly waiting: Uint8Array[] = [];
  private readonly limit: number;
  private closed = false;

  constructor(mac: Uint8Array, options: MemoryLinkOptions = {}) {
    this.mac = mac;
    this.mtu = options.mtu ?? 1500;
    this.offload = options.offload ?? NO_OFFLOAD;
    this.limit = options.queue ?? 1024;
  }

  /** Frames that wait to be received. */
  get backlog(): number {
    return this.waiting.length;
  }

  /** A frame arrives at this end. It must not change afterwards. False: the queue is full, the frame is lost. */
  deliver(frame: Uint8Array): boolean {
    if (this.closed || this.waiting.length >= this.limit) return false;
    this.waiting.push(frame);
    if (this.waiting.length === 1) this.onReadable?.();
    return true;
  }

  resize(mtu: number): void {
    this.mtu = mtu;
  }

  receive(sink: FrameSink, budget: number): number {
    let taken = 0;
    // Frames that arrive while these are handled are taken too, as on a device that is read until it is dry.
    while (taken < budget) {
      const frame = this.waiting[taken];
      if (frame === undefined) break;
      taken += 1;
      sink(frame, 0, frame.length, RX_PLAIN);
    }
    this.waiting.splice(0, taken);
    return taken;
  }

  transmit(): boolean {
    const wire = this.wire;
    if (this.closed || wire === undefined) return false;
    let taken = true;
    this.software.frames(this.tx, (bytes, length) => {
      // A frame larger than the wire carries is the sender's mistake: it is lost, as on any Ethernet.
      if (length > this.mtu + ETHERNET_HEADER || !wire(bytes.slice(0, length))) taken = false;
    });
    return taken;
  }

  close(): void {
    this.closed = true;
    this.waiting.length = 0;
    this.onReadable = undefined;
  }
}

/** Two ends of one cable. */
export function memoryLink(options: MemoryLinkOptions = {}): [MemoryDevice, MemoryDevice] {
  const [one, two] = options.macs ?? [Uint8Array.of(2, 0, 0, 0, 0, 1), Uint8Array.of(2, 0, 0, 0, 0, 2)];
  const left = new MemoryDevice(one, options);
  const right = new MemoryDevice(two, options);
  left.wire = (frame) => right.deliver(frame);
  right.wire = (frame) => left.deliver(frame);
  return [left, right];
}
