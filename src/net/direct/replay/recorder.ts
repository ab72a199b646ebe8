/** Writes down what goes into a stack, as events, in a ring of segments that a `Tape` keeps. */
import type { Memory } from '../../../memory/memory.js';
import type { TxFrame } from '../../device/tx-frame.js';
import type { Random } from '../../random.js';
import { Digest, digestFrame } from './digest.js';
import * as E from './events.js';

/** Where events are kept. */
export interface Tape {
  /** Bytes of a segment. */
  readonly size: number;
  /** A new segment begins, in the place of the oldest. */
  turn(): void;
  /** Appends `bytes[0..end)` to the present segment, at `at`. It is kept, whatever becomes of the process. */
  keep(bytes: Uint8Array, end: number, at: number): void;
  close(): void;
}

/** Room for the largest events: a frame of 64 KiB, a write of 64 KiB. */
const BUFFER = 4 * 65_536;
/** Bytes between two marks. */
const MARK_INTERVAL = 64 * 1024;

export class Recorder {
  readonly sent = new Digest();
  framesOut = 0;
  private readonly bytes = new Uint8Array(BUFFER);
  private readonly view = new DataView(this.bytes.buffer);
  /** Events that wait in `bytes`; where they go in the segment. */
  private used = 0;
  private at = 0;
  private sinceMark = 0;
  /** Callbacks and entries that run: a segment ends between two turns only. */
  private depth = 0;
  private memories = 0;
  private memoryIds = new WeakMap<Memory, number>();
  private known = new Set<string>();

  /** `state`: called when a segment begins after another. */
  constructor(
    private readonly tape: Tape,
    private readonly state: () => E.Beginning | undefined = () => undefined,
  ) {
    this.tape.turn();
  }

  /** Draws from `random` and writes down what came. */
  recording(random: Random): Random {
    return {
      random32: () => {
        const value = random.random32();
        this.begin(E.RANDOM, 5);
        this.view.setInt32(this.used, value, true);
        this.used += 4;
        return value;
      },
    };
  }

  private begin(kind: number, size: number): void {
    if (this.used + size > BUFFER - 1) this.commit();
    this.bytes[this.used++] = kind;
  }

  /** What was gathered is kept. */
  commit(): void {
    if (this.used === 0) return;
    this.bytes[this.used] = 0;
    this.tape.keep(this.bytes, this.used + 1, this.at);
    this.at += this.used;
    this.sinceMark += this.used;
    this.used = 0;
  }

  /** Between two turns: a mark, and a new segment when this one is full. */
  private between(next: number): void {
    if (this.depth > 0) return;
    if (this.sinceMark + this.used >= MARK_INTERVAL) this.mark(E.MARK);
    if (this.at + this.used + next + BUFFER < this.tape.size) return;
    this.mark(E.MARK);
    this.commit();
    this.tape.turn();
    this.at = 0;
    this.known = new Set();
    const state = this.state();
    if (state === undefined) return;
    const text = new TextEncoder().encode(JSON.stringify(state));
    this.long(E.STATE, text);
  }

  private long(kind: number, bytes: Uint8Array): void {
    const event = new Uint8Array(bytes.length + 6);
    event[0] = kind;
    new DataView(event.buffer).setUint32(1, bytes.length, true);
    event.set(bytes, 5);
    this.commit();
    this.tape.keep(event, event.length, this.at);
    this.at += event.length - 1;
  }

  private mark(kind: number): void {
    this.sinceMark = 0;
    this.begin(kind, 13);
    this.view.setUint32(this.used, this.framesOut, true);
    this.view.setInt32(this.used + 4, this.sent.high, true);
    this.view.setInt32(this.used + 8, this.sent.low, true);
    this.used += 12;
  }

  /** Kept before the stack sees it: a frame that ends the process is the one that is wanted. */
  frame(bytes: Uint8Array, start: number, end: number, marks: number, now: number): void {
    this.between(end - start);
    this.begin(E.FRAME, 14 + end - start);
    this.view.setFloat64(this.used, now, true);
    this.bytes[this.used + 8] = marks;
    this.view.setUint32(this.used + 9, end - start, true);
    this.bytes.set(bytes.subarray(start, end), this.used + 13);
    this.used += 13 + end - start;
    this.commit();
  }

  slept(milliseconds: number, now: number): void {
    this.begin(E.SLEPT, 17);
    this.view.setFloat64(this.used, now, true);
    this.view.setFloat64(this.used + 8, milliseconds, true);
    this.used += 16;
  }

  resized(mtu: number, now: number): void {
    this.begin(E.RESIZED, 13);
    this.view.setFloat64(this.used, now, true);
    this.view.setUint32(this.used + 8, mtu, true);
    this.used += 12;
  }

  /** FLUSH, POLL, POLL_STACK, OUTSIDE, START, STOP, LINK_UP. */
  turn(kind: number, now: number): void {
    if (kind === E.POLL_STACK) this.between(0);
    this.begin(kind, 9);
    this.view.setFloat64(this.used, now, true);
    this.used += 8;
    if (kind === E.POLL) this.commit();
  }

  remembered(address: number | undefined): void {
    this.begin(E.REMEMBERED, 6);
    this.view.setInt32(this.used, address ?? 0, true);
    this.bytes[this.used + 4] = address === undefined ? 0 : 1;
    this.used += 5;
  }

  /** A frame was sent; `taken`: the device took it. */
  out(tx: TxFrame, taken: boolean): void {
    this.framesOut = (this.framesOut + 1) >>> 0;
    digestFrame(this.sent, tx);
    if (!taken) this.begin(E.REFUSED, 1);
  }

  /** The owner asked for something in that callback, for the first time. */
  inCallback(flow: number, number: number): void {
    this.depth += 1;
    this.begin(E.CALLBACK, 9);
    this.view.setUint32(this.used, flow, true);
    this.view.setUint32(this.used + 4, number, true);
    this.used += 8;
  }

  /** ENTRY, DONE, ABORT_ALL. */
  bare(kind: number): void {
    if (kind === E.ENTRY) this.depth += 1;
    else if (kind === E.DONE) this.depth -= 1;
    this.begin(kind, 1);
  }

  port(kind: number, port: number): void {
    this.begin(kind, 3);
    this.view.setUint16(this.used, port, true);
    this.used += 2;
  }

  flow(kind: number, flow: number): void {
    this.begin(kind, 5);
    this.view.setUint32(this.used, flow, true);
    this.used += 4;
  }

  lowWater(flow: number, bytes: number): void {
    this.flow(E.LOW_WATER, flow);
    this.view.setUint32(this.used, Math.min(bytes, 0xffff_ffff), true);
    this.used += 4;
  }

  write(flow: number, memory: Memory, start: number, end: number): void {
    let id = this.memoryIds.get(memory);
    if (id === undefined) {
      id = this.memories++;
      this.memoryIds.set(memory, id);
    }
    const key = `${id} ${start} ${end}`;
    const known = this.known.has(key);
    const content = known ? 0 : end - start <= E.CONTENT_MOST ? 1 : 2;
    if (!known && this.known.size < 100_000) this.known.add(key);
    const size = content === 1 ? end - start : 0;
    if (this.used + 32 + size > BUFFER) this.commit();
    this.flow(E.WRITE, flow);
    this.view.setUint32(this.used, id, true);
    this.view.setUint32(this.used + 4, start, true);
    this.view.setUint32(this.used + 8, end, true);
    this.bytes[this.used + 12] = content;
    this.used += 13;
    if (content !== 1) return;
    this.bytes.set(memory.bytes.subarray(start, end), this.used);
    this.used += size;
  }

  /** The end in order. */
  finish(state: Digest, now: number): void {
    this.mark(E.FINISH);
    this.view.setInt32(this.used, state.high, true);
    this.view.setInt32(this.used + 4, state.low, true);
    this.view.setFloat64(this.used + 8, now, true);
    this.used += 16;
    this.commit();
    this.tape.close();
  }
}
