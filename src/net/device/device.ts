/**
 * What carries Ethernet frames: a Linux TAP, a network card, an in-memory link, or a device that wraps another one (a
 * pcap tee, a bad cable). A device says what it can do; the sender builds accordingly, on one code path.
 */
import type { TxFrame } from './tx-frame.js';

/** What the device does so that we need not. */
export interface Offload {
  /** Takes TCP and UDP checksums unfinished (the field holds the folded pseudo-header sum, not inverted). */
  readonly checksum: boolean;
  /** Largest TCP super-segment that it cuts by itself, in bytes of the IP packet, up to 65535; 0: none. */
  readonly segmentation: number;
}

/** Marks of a received frame. */
export const RX_PLAIN = 0;
/** The transport checksum was verified below us, or never left the machine unfinished: do not verify it. */
export const RX_CHECKSUM_OK = 1;

/** Takes one frame: `bytes[start..end)` from the Ethernet header on, valid during the call only. */
export type FrameSink = (bytes: Uint8Array, start: number, end: number, marks: number) => void;

export interface Device {
  /** Largest IP packet, in bytes: 1500 on Ethernet. Changes with `resize` alone. */
  readonly mtu: number;
  /** Six bytes. */
  readonly mac: Uint8Array;
  readonly offload: Offload;
  /** The one frame under construction. Written by the stack, sent by `transmit`, used again. */
  readonly tx: TxFrame;
  /** Hands over frames until there are none or `budget` were taken; returns how many. */
  receive(sink: FrameSink, budget: number): number;
  /**
   * Sends `tx` as it stands and resets nothing. The bytes it refers to may be reused or changed as soon as it returns
   * (they were copied or written). False: the device could not take it, and the frame is lost as on any wire.
   */
  transmit(): boolean;
  /**
   * Frames to this group are wanted too, six bytes; and not any more. A device without these hands over every
   * group's.
   */
  join?(group: Uint8Array): void;
  leave?(group: Uint8Array): void;
  /** The link takes packets of `mtu` bytes from now on. A device without it never changes. */
  resize?(mtu: number): void;
  /** Called when frames may be waiting. One listener; a device that is polled never calls it. */
  onReadable: (() => void) | undefined;
  close(): void;
}
