/** Events of a recording, one after the other, over its segments. What is cut off or damaged ends it. */
import * as E from './events.js';

export interface Event {
  kind: number;
  now: number;
  marks: number;
  /** Bytes of a frame, a write, or a state. */
  bytes: Uint8Array;
  value: number;
  flow: number;
  memory: number;
  start: number;
  end: number;
  content: number;
  frames: number;
  high: number;
  low: number;
  stateHigh: number;
  stateLow: number;
}

const nothing = new Uint8Array(0);

/** The next event is cut off, or damaged. */
class Torn extends Error {}

export class Events {
  /** The event that comes next; kind 0: there is none. */
  readonly next: Event = {
    kind: 0,
    now: 0,
    marks: 0,
    bytes: nothing,
    value: 0,
    flow: 0,
    memory: 0,
    start: 0,
    end: 0,
    content: 0,
    frames: 0,
    high: 0,
    low: 0,
    stateHigh: 0,
    stateLow: 0,
  };
  /** Events that were read. */
  count = 0;
  /** Number of the segment that `next` lies in, from 0. */
  segment = 0;
  private at = 0;
  private view: DataView;

  constructor(private readonly segments: readonly Uint8Array[]) {
    this.view = viewOf(segments[0] ?? nothing);
    this.advance();
  }

  /** Goes on to the event after `next`. */
  advance(): void {
    for (;;) {
      if (this.read()) return;
      if (this.segment + 1 >= this.segments.length) {
        this.next.kind = 0;
        return;
      }
      this.segment += 1;
      this.at = 0;
      this.view = viewOf(this.segments[this.segment] as Uint8Array);
    }
  }

  private read(): boolean {
    const { view, next } = this;
    try {
      const kind = this.at < view.byteLength ? view.getUint8(this.at) : 0;
      if (kind === 0) return false;
      let at = this.at + 1;
      next.kind = kind;
      switch (kind) {
        case E.FRAME:
          next.now = view.getFloat64(at, true);
          next.marks = view.getUint8(at + 8);
          at = this.take(at + 9);
          break;
        case E.FLUSH:
        case E.POLL:
        case E.POLL_STACK:
        case E.OUTSIDE:
        case E.START:
        case E.STOP:
        case E.LINK_UP:
          next.now = view.getFloat64(at, true);
          at += 8;
          break;
        case E.SLEPT:
          next.now = view.getFloat64(at, true);
          next.value = view.getFloat64(at + 8, true);
          at += 16;
          break;
        case E.RESIZED:
          next.now = view.getFloat64(at, true);
          next.value = view.getUint32(at + 8, true);
          at += 12;
          break;
        case E.RANDOM:
          next.value = view.getInt32(at, true);
          at += 4;
          break;
        case E.REMEMBERED:
          next.value = view.getInt32(at, true);
          next.content = view.getUint8(at + 4);
          at += 5;
          break;
        case E.LISTEN:
        case E.UNLISTEN:
          next.value = view.getUint16(at, true);
          at += 2;
          break;
        case E.FLUSH_FLOW:
        case E.END:
        case E.RESET:
        case E.PAUSE:
        case E.RESUME:
          next.flow = view.getUint32(at, true);
          at += 4;
          break;
        case E.CALLBACK:
        case E.LOW_WATER:
          next.flow = view.getUint32(at, true);
          next.value = view.getUint32(at + 4, true);
          at += 8;
          break;
        case E.WRITE:
          at = this.write(at);
          break;
        case E.MARK:
        case E.FINISH:
          at = this.mark(at, kind);
          break;
        case E.STATE:
          at = this.take(at);
          break;
        case E.REFUSED:
        case E.DONE:
        case E.ENTRY:
        case E.ABORT_ALL:
          break;
        default:
          throw new Torn();
      }
      this.at = at;
      this.count += 1;
      return true;
    } catch (error) {
      // What lies before it is good. A RangeError: a field lies beyond the end.
      if (!(error instanceof Torn || error instanceof RangeError)) throw error;
      this.segment = this.segments.length - 1;
      return false;
    }
  }

  /** A length and that number of bytes; returns where they end. */
  private take(at: number): number {
    const length = this.view.getUint32(at, true);
    if (at + 4 + length > this.view.byteLength) throw new Torn();
    this.next.bytes = new Uint8Array(this.view.buffer, this.view.byteOffset + at + 4, length);
    return at + 4 + length;
  }

  private write(at: number): number {
    const { view, next } = this;
    next.flow = view.getUint32(at, true);
    next.memory = view.getUint32(at + 4, true);
    next.start = view.getUint32(at + 8, true);
    next.end = view.getUint32(at + 12, true);
    next.content = view.getUint8(at + 16);
    next.bytes = nothing;
    if (next.content !== 1) return at + 17;
    const length = next.end - next.start;
    if (length < 0 || at + 17 + length > view.byteLength) throw new Torn();
    next.bytes = new Uint8Array(view.buffer, view.byteOffset + at + 17, length);
    return at + 17 + length;
  }

  private mark(at: number, kind: number): number {
    const { view, next } = this;
    next.frames = view.getUint32(at, true);
    next.high = view.getInt32(at + 4, true);
    next.low = view.getInt32(at + 8, true);
    if (kind === E.MARK) return at + 12;
    next.stateHigh = view.getInt32(at + 12, true);
    next.stateLow = view.getInt32(at + 16, true);
    next.now = view.getFloat64(at + 20, true);
    return at + 28;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
