/**
 * What is queued or unacknowledged, as references (the site is the send buffer): `(memory, start, end)` and the
 * sequence number of each first byte. No byte is copied to here.
 *
 * The references lie in a ring, and the ring keeps its places: a busy connection allocates nothing. A binary search
 * finds a reference. So a retransmission does not walk over all that a peer has asked for and not acknowledged.
 */
import { Memory } from '../../../memory/memory.js';
import type { TxFrame } from '../../device/tx-frame.js';
import { MAX_PIECES } from '../../device/tx-frame.js';
import { Steps } from '../../steps.js';

const nothing = new Memory(new Uint8Array(0));

class Entry {
  memory: Memory = nothing;
  start = 0;
  stop = 0;
  /** Sequence number of the byte at `start`. */
  seq = 0;

  clear(): void {
    this.memory = nothing;
    this.start = this.stop = this.seq = 0;
  }
}

/** Places of a ring: at first, and at most where it is kept for the next connection. */
const SMALL = 4;
const KEPT = 64;
/** Places behind the last look-up that are tried before all others. */
const NEAR = 2;

function places(count: number): Entry[] {
  return Array.from({ length: count }, () => new Entry());
}

/** No places, but an array of entries for V8, which reads all rings by the same code then. */
const NONE = places(1);
NONE.length = 0;

export class SendQueue {
  /** Sequence number after the last queued byte. */
  end = 0;
  /** The first entry. A short answer is one, and has no ring. */
  private head = new Entry();
  /** Those behind the first; its length is a power of two. */
  private ring = NONE;
  /**
   * Numbers of the first entry, and of the next one to add. The place of each behind the first is its number modulo the
   * length of the ring.
   */
  private first = 0;
  private next = 0;
  /** Where the last look-up ended: the next one mostly goes on there. */
  private cursor = 0;

  constructor(private readonly steps: Steps = new Steps()) {}

  /** Empties it; the next byte gets `seq`. */
  reset(seq: number): void {
    this.end = seq;
    if (this.next === 0) return;
    if (this.ring.length > KEPT) this.ring = NONE;
    else for (let at = this.first + 1; at < this.next; at++) this.entry(at).clear();
    this.head.clear();
    this.first = this.next = this.cursor = 0;
  }

  push(memory: Memory, start: number, end: number): void {
    const { first, next } = this;
    if (next > first) {
      const last = this.entry(next - 1);
      if (last.memory === memory && last.stop === start) {
        last.stop = end;
        this.end = (this.end + end - start) | 0;
        return;
      }
    }
    if (next - first > this.ring.length) this.grow();
    const one = this.entry(this.next++);
    one.memory = memory;
    one.start = start;
    one.stop = end;
    one.seq = this.end;
    this.end = (this.end + end - start) | 0;
  }

  /** What lies from `seq` on, in order. */
  *from(seq: number): IterableIterator<{ readonly memory: Memory; readonly start: number; readonly end: number }> {
    for (let at = this.first; at < this.next; at++) {
      const one = this.entry(at);
      const skip = Math.max(0, (seq - one.seq) | 0);
      if (one.start + skip < one.stop) yield { memory: one.memory, start: one.start + skip, end: one.stop };
    }
  }

  /** Drops pieces that lie wholly before `una`. */
  release(una: number): void {
    const { ring, next } = this;
    let { first } = this;
    while (first < next) {
      const one = this.head;
      if (((one.seq + one.stop - one.start - una) | 0) > 0) break;
      one.clear();
      if (++first === next) break;
      const place = first & (ring.length - 1);
      this.head = ring[place] as Entry;
      ring[place] = one;
    }
    // The numbers stay small integers, however long the connection lives.
    if (first === next) this.first = this.next = this.cursor = 0;
    else {
      this.first = first;
      if (this.cursor < first) this.cursor = first;
    }
  }

  /** Adds `length` bytes from `seq` on to the frame; returns how many, fewer when its places are taken. */
  fill(tx: TxFrame, seq: number, length: number): number {
    const { next } = this;
    let done = 0;
    for (let at = this.find(seq); done < length && at < next && tx.pieces < MAX_PIECES; at++) {
      const one = this.entry(at);
      const from = one.start + ((seq + done - one.seq) | 0);
      const until = Math.min(one.stop, from + length - done);
      tx.push(one.memory, from, until);
      done += until - from;
    }
    return done;
  }

  /** Copies `length` bytes from `seq` on to `target[to..)`. */
  copy(target: Uint8Array, to: number, seq: number, length: number): void {
    let done = 0;
    for (let at = this.find(seq); done < length && at < this.next; at++) {
      const one = this.entry(at);
      const from = one.start + ((seq + done - one.seq) | 0);
      const until = Math.min(one.stop, from + length - done);
      target.set(one.memory.bytes.subarray(from, until), to + done);
      done += until - from;
    }
  }

  private entry(number: number): Entry {
    return number === this.first ? this.head : (this.ring[number & (this.ring.length - 1)] as Entry);
  }

  /** Number of the piece with the byte `seq`. */
  private find(seq: number): number {
    const { cursor, next } = this;
    if (cursor < next && ((seq - this.entry(cursor).seq) | 0) >= 0) {
      if (cursor + 1 === next || ((this.entry(cursor + 1).seq - seq) | 0) > 0) return cursor;
    }
    return this.search(seq);
  }

  private search(seq: number): number {
    let low = this.first;
    let high = this.next - 1;
    if (this.cursor <= high && ((seq - this.entry(this.cursor).seq) | 0) >= 0) low = this.cursor;
    for (let near = 0; near < NEAR && low < high; near++) {
      if (((this.entry(low + 1).seq - seq) | 0) > 0) high = low;
      else low++;
    }
    while (low < high) {
      const middle = low + ((high - low + 1) >> 1);
      this.steps.taken++;
      if (((this.entry(middle).seq - seq) | 0) <= 0) low = middle;
      else high = middle - 1;
    }
    this.cursor = low;
    return low;
  }

  private grow(): void {
    const larger = places(Math.max(SMALL, this.ring.length * 2));
    const count = this.next - this.first;
    for (let i = 1; i < count; i++) larger[i] = this.entry(this.first + i);
    this.ring = larger;
    this.cursor = Math.max(0, this.cursor - this.first);
    this.first = 0;
    this.next = count;
  }
}
