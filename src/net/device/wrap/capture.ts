/**
 * A device that wraps another one and writes what passes to a capture file that Wireshark opens: pcapng when the file's
 * name ends so, with direction, and the reason as a comment on each frame that the stack dropped; classic pcap
 * otherwise.
 *
 * Frames are as the device sees them: with offloads, super-segments of up to 64 KiB and, on the way out, checksums that
 * are not finished (Wireshark calls them partial).
 */
import { closeSync, writeSync } from 'node:fs';
import { errorText } from '../../../errors/report.js';
import { UserError } from '../../../errors/user-error.js';
import { openLiveOutput } from '../../../native/live-output.js';
import { DROP_NAMES, type DropReason } from '../../drops.js';
import type { Device, FrameSink } from '../device.js';
import { PassThrough } from './pass-through.js';

/** Bytes gathered before they are written. */
const BATCH_SIZE = 256 * 1024;
/** The largest frame (65,550), its headers and a comment. */
const LARGEST_RECORD = 66_000;
/** Milliseconds that a record waits at most. */
const BATCH_TIME = 500;
const LINKTYPE_ETHERNET = 1;

/** One format of a capture file: writes at `at`, returns the end. */
interface Format {
  header(view: DataView, at: number): number;
  /** What precedes the bytes of a frame of `length`. */
  begin(view: DataView, at: number, microseconds: number, length: number): number;
  /** What follows them; `from` is where `begin` wrote. */
  end(view: DataView, from: number, at: number, inbound: boolean, comment: string | undefined): number;
}

/** https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap (classic, microseconds). */
const pcap: Format = {
  header(view, at) {
    view.setUint32(at, 0xa1b2c3d4, true);
    view.setUint16(at + 4, 2, true);
    view.setUint16(at + 6, 4, true);
    view.setUint32(at + 8, 0, true);
    view.setUint32(at + 12, 0, true);
    view.setUint32(at + 16, 262_144, true);
    view.setUint32(at + 20, LINKTYPE_ETHERNET, true);
    return at + 24;
  },
  begin(view, at, microseconds, length) {
    view.setUint32(at, Math.floor(microseconds / 1e6), true);
    view.setUint32(at + 4, microseconds % 1e6, true);
    view.setUint32(at + 8, length, true);
    view.setUint32(at + 12, length, true);
    return at + 16;
  },
  end: (_view, _from, at) => at,
};

const EPB_FLAGS = 2;
const OPT_COMMENT = 1;

/** draft-ietf-opsawg-pcapng: section header, interface description, enhanced packets. */
const pcapng: Format = {
  header(view, at) {
    view.setUint32(at, 0x0a0d0d0a, true);
    view.setUint32(at + 4, 28, true);
    view.setUint32(at + 8, 0x1a2b3c4d, true);
    view.setUint16(at + 12, 1, true);
    view.setUint16(at + 14, 0, true);
    view.setInt32(at + 16, -1, true);
    view.setInt32(at + 20, -1, true);
    view.setUint32(at + 24, 28, true);
    const next = at + 28;
    view.setUint32(next, 1, true);
    view.setUint32(next + 4, 20, true);
    view.setUint16(next + 8, LINKTYPE_ETHERNET, true);
    view.setUint16(next + 10, 0, true);
    view.setUint32(next + 12, 262_144, true);
    view.setUint32(next + 16, 20, true);
    return next + 20;
  },
  begin(view, at, microseconds, length) {
    view.setUint32(at, 6, true);
    view.setUint32(at + 8, 0, true);
    view.setUint32(at + 12, Math.floor(microseconds / 2 ** 32), true);
    view.setUint32(at + 16, microseconds % 2 ** 32, true);
    view.setUint32(at + 20, length, true);
    view.setUint32(at + 24, length, true);
    return at + 28;
  },
  end(view, from, at, inbound, comment) {
    let to = at;
    while (((to - from) & 3) !== 0) view.setUint8(to++, 0);
    view.setUint16(to, EPB_FLAGS, true);
    view.setUint16(to + 2, 4, true);
    view.setUint32(to + 4, inbound ? 1 : 2, true);
    to += 8;
    if (comment !== undefined) {
      view.setUint16(to, OPT_COMMENT, true);
      view.setUint16(to + 2, comment.length, true);
      to += 4;
      for (let i = 0; i < comment.length; i++) view.setUint8(to++, comment.charCodeAt(i));
      while (((to - from) & 3) !== 0) view.setUint8(to++, 0);
    }
    view.setUint32(to, 0, true);
    to += 4;
    const length = to - from + 4;
    view.setUint32(to, length, true);
    view.setUint32(from + 4, length, true);
    return to + 4;
  },
};

export class CaptureDevice extends PassThrough {
  private readonly wallClock: () => number;
  private readonly format: Format;
  private readonly fd: number;
  private readonly failed: (sentence: string) => void;
  private readonly bytes = new Uint8Array(BATCH_SIZE + 2 * LARGEST_RECORD);
  private readonly view = new DataView(this.bytes.buffer);
  private used = 0;
  private timer: NodeJS.Timeout | undefined = undefined;
  private stopped = false;
  private sink: FrameSink = () => undefined;
  /** Why the frame that the stack has in hand was dropped. */
  private reason: DropReason | undefined = undefined;
  /** What was sent while a frame was in hand: it is written after that frame. */
  private readonly held = new Uint8Array(BATCH_SIZE);
  private heldEnd = 0;
  private inHand = false;

  /**
   * `wallClock`: milliseconds since 1970, with a fraction. `failed` is called once when the file cannot be written any
   * more; the device goes on without it. Throws a `UserError` when the file cannot be made.
   */
  constructor(inner: Device, file: string, wallClock: () => number, failed: (sentence: string) => void) {
    super(inner);
    this.wallClock = wallClock;
    this.failed = failed;
    this.format = file.endsWith('.pcapng') ? pcapng : pcap;
    try {
      this.fd = openLiveOutput(file, 0o600);
    } catch (error) {
      throw new UserError(`the capture: ${errorText(error)}`);
    }
    this.used = this.format.header(this.view, 0);
    this.flush();
  }

  /** For `Drops.watcher`: the frame in hand was dropped. */
  readonly dropped = (reason: DropReason): void => {
    if (this.inHand) this.reason ??= reason;
  };

  override receive(sink: FrameSink, budget: number): number {
    this.sink = sink;
    return this.inner.receive(this.pass, budget);
  }

  /** For a caller that gets a frame another way than by `receive`: records it and hands it to `sink`. */
  handing(sink: FrameSink): FrameSink {
    this.sink = sink;
    return this.pass;
  }

  private readonly pass: FrameSink = (bytes, start, end, marks) => {
    const time = this.wallClock();
    this.inHand = true;
    this.sink(bytes, start, end, marks);
    this.inHand = false;
    const from = this.begin(time, end - start);
    this.bytes.set(bytes.subarray(start, end), this.used);
    const comment = this.reason === undefined ? undefined : DROP_NAMES[this.reason];
    this.finish(from, this.used + end - start, true, comment);
    this.reason = undefined;
    if (this.heldEnd > 0) this.recordHeld();
  };

  override transmit(): boolean {
    const tx = this.tx;
    if (this.inHand && this.heldEnd + 4 + tx.total <= this.held.length) {
      // An answer follows its question in the file, whatever the stack does first.
      const length = tx.copyTo(this.held, this.heldEnd + 4);
      new DataView(this.held.buffer).setUint32(this.heldEnd, length);
      this.heldEnd += 4 + length;
    } else {
      const from = this.begin(this.wallClock(), tx.total);
      this.finish(from, this.used + tx.copyTo(this.bytes, this.used), false, undefined);
    }
    return super.transmit();
  }

  private recordHeld(): void {
    const view = new DataView(this.held.buffer);
    let at = 0;
    while (at < this.heldEnd) {
      const length = view.getUint32(at);
      const from = this.begin(this.wallClock(), length);
      this.bytes.set(this.held.subarray(at + 4, at + 4 + length), this.used);
      this.finish(from, this.used + length, false, undefined);
      at += 4 + length;
    }
    this.heldEnd = 0;
  }

  /** Returns where the record begins; its bytes go to `used`. */
  private begin(time: number, length: number): number {
    if (this.used > BATCH_SIZE) this.flush();
    const from = this.used;
    this.used = this.format.begin(this.view, from, Math.round(time * 1000), length);
    return from;
  }

  private finish(from: number, at: number, inbound: boolean, comment: string | undefined): void {
    this.used = this.format.end(this.view, from, at, inbound, comment);
    this.timer ??= setTimeout(() => this.flush(), BATCH_TIME).unref();
  }

  /** Writes what was gathered. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const end = this.used;
    this.used = 0;
    if (this.stopped) return;
    try {
      let at = 0;
      while (at < end) at += writeSync(this.fd, this.bytes, at, end - at);
    } catch (error) {
      this.stopped = true;
      this.failed(`the capture ends here, its file cannot be written any more: ${errorText(error)}`);
    }
  }

  override close(): void {
    this.flush();
    if (!this.stopped) closeSync(this.fd);
    this.stopped = true;
    super.close();
  }
}
