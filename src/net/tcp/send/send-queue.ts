/**
 * What is queued or unacknowledged, as references (the site is the send buffer): `(memory, start, end)` and the sequence
 * number of each first byte. No byte is copied to here.
 *
 * The references are a list of entries out of one pool: an answer takes three and gives them back when it is acknowledged, so
 * that a busy connection allocates nothing and an idle one holds nothing.
 */
import { Memory } from '../../../memory/memory.js';
import type { TxFrame } from '../../device/tx-frame.js';
import { MAX_PIECES } from '../../device/tx-frame.js';

const nothing = new Memory(new Uint8Array(0));

class Entry {
  memory: Memory = nothing;
  start = 0;
  stop = 0;
  /** Sequence number of the byte at `start`. */
  seq = 0;
  next: Entry | undefined = undefined;
}

/** Entries that nobody uses, kept for the next answer; beyond the bound they are the collector's. */
const POOL_MOST = 16_384;
let pool: Entry | undefined;
let pooled = 0;

function take(memory: Memory, start: number, stop: number, seq: number): Entry {
  let one = pool;
  if (one === undefined) one = new Entry();
  else {
    pool = one.next;
    pooled--;
    one.next = undefined;
  }
  one.memory = memory;
  one.start = start;
  one.stop = stop;
  one.seq = seq;
  return one;
}

function give(one: Entry): void {
  one.memory = nothing;
  if (pooled >= POOL_MOST) return;
  one.next = pool;
  pool = one;
  pooled++;
}

export class SendQueue {
  /** Sequence number after the last queued byte. */
  end = 0;
  private head: Entry | undefined = undefined;
  private tail: Entry | undefined = undefined;
  /** Where the last look-up ended: the next one mostly goes on there. */
  private cursor: Entry | undefined = undefined;

  /** Empties it; the next byte gets `seq`. */
  reset(seq: number): void {
    this.end = seq;
    for (let one = this.head; one !== undefined; ) {
      const { next } = one;
      give(one);
      one = next;
    }
    this.head = this.tail = this.cursor = undefined;
  }

  push(memory: Memory, start: number, end: number): void {
    const last = this.tail;
    if (last !== undefined && last.memory === memory && last.stop === start) last.stop = end;
    else {
      const one = take(memory, start, end, this.end);
      if (last === undefined) this.head = one;
      else last.next = one;
      this.tail = one;
    }
    this.end = (this.end + end - start) | 0;
  }

  /** What lies from `seq` on, in order. */
  *from(seq: number): IterableIterator<{ readonly memory: Memory; readonly start: number; readonly end: number }> {
    for (let one = this.head; one !== undefined; one = one.next) {
      const skip = Math.max(0, (seq - one.seq) | 0);
      if (one.start + skip < one.stop) yield { memory: one.memory, start: one.start + skip, end: one.stop };
    }
  }

  /** Drops pieces that lie wholly before `una`. */
  release(una: number): void {
    let one = this.head;
    while (one !== undefined && ((one.seq + one.stop - one.start - una) | 0) <= 0) {
      const next: Entry | undefined = one.next;
      if (this.cursor === one) this.cursor = next;
      give(one);
      one = next;
    }
    this.head = one;
    if (one === undefined) this.tail = this.cursor = undefined;
  }

  /** Adds `length` bytes from `seq` on to the frame; answers how many, fewer when its places are taken. */
  fill(tx: TxFrame, seq: number, length: number): number {
    let one = this.find(seq);
    let done = 0;
    while (done < length && one !== undefined && tx.pieces < MAX_PIECES) {
      const from = one.start + ((seq + done - one.seq) | 0);
      const until = Math.min(one.stop, from + length - done);
      tx.push(one.memory, from, until);
      done += until - from;
      one = one.next;
    }
    return done;
  }

  /** Copies `length` bytes from `seq` on to `target[to..)`. */
  copy(target: Uint8Array, to: number, seq: number, length: number): void {
    let one = this.find(seq);
    let done = 0;
    while (done < length && one !== undefined) {
      const from = one.start + ((seq + done - one.seq) | 0);
      const until = Math.min(one.stop, from + length - done);
      target.set(one.memory.bytes.subarray(from, until), to + done);
      done += until - from;
      one = one.next;
    }
  }

  /** The piece with the byte `seq`. */
  private find(seq: number): Entry | undefined {
    let one = this.cursor;
    if (one === undefined || ((seq - one.seq) | 0) < 0) one = this.head;
    while (one?.next !== undefined && ((one.next.seq - seq) | 0) <= 0) one = one.next;
    this.cursor = one;
    return one;
  }
}
