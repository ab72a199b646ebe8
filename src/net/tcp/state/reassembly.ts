/**
 * Data (and a FIN) that came out of order, kept (copied, bounded) until the gap before it is filled, and the SACK
 * blocks that report it to the sender (RFC 2018): the block with the newest segment first, then the next newest.
 *
 * Data is kept in runs: stretches that lie side by side are one run, however many segments brought them. A run costs
 * three numbers, so that a byte here and a byte there costs its sender more than us.
 */
import { Steps } from '../../steps.js';
import { after, before, notAfter } from '../numbers/sequence.js';
import { SparseBytes } from './sparse-bytes.js';

/** A window of 256 KiB in segments of 536 bytes, every other one lost. A larger one may have a run for each KiB. */
export const MOST_RUNS = 256;
const FEW_RUNS = 8;
/** What an empty `Reassembly` was measured to cost: its own objects and theirs. */
const OVERHEAD = 640;
/** Three numbers of 32 bits. */
const RUN_COST = 12;

type Give = (bytes: Uint8Array, start: number, end: number) => void;

export class Reassembly {
  /** Bytes kept. */
  size = 0;
  /** The first stretch of the newest segment that was here already; none: both are equal (RFC 2883 4.1). */
  twiceLeft = 0;
  twiceRight = 0;
  private readonly bytes = new SparseBytes();
  /** The runs, in order; `touched` is a counter: larger is newer. */
  private runs = 0;
  private left: Int32Array = new Int32Array(FEW_RUNS);
  private right: Int32Array = new Int32Array(FEW_RUNS);
  private touched: Int32Array = new Int32Array(FEW_RUNS);
  private counter = 0;
  /** Runs that were begun or continued since the last report. */
  untold = 0;
  /** The run that was, last. */
  private last = 0;
  /** The runs that `blocks` reports. */
  private readonly newest = [0, 0, 0, 0];
  /** A FIN takes a sequence number, and is reported like data: a sender that knows sends only what is missing. */
  private finAt = 0;
  private finTouched = 0;

  constructor(private readonly steps: Steps = new Steps()) {}

  get empty(): boolean {
    return this.runs === 0 && this.finTouched === 0;
  }

  /** Bytes of memory that it takes. */
  get cost(): number {
    return OVERHEAD + this.bytes.cost + this.left.length * RUN_COST;
  }

  /** A FIN at `seq` came, with or without data before it. */
  fin(seq: number): void {
    this.finAt = seq;
    this.finTouched = ++this.counter;
  }

  /**
   * Keeps `bytes[start..end)` at `seq`; what is there already is not kept twice. False: the bounds forbid some of it.
   * They are `limit` bytes in all, and `MOST_RUNS` runs or one for each KiB of `limit`.
   */
  add(seq: number, bytes: Uint8Array, start: number, end: number, limit: number): boolean {
    const stop = (seq + end - start) | 0;
    this.counter++;
    this.twiceLeft = this.twiceRight = 0;
    const first = this.find(seq);
    if (
      (first === this.runs || after(this.left[first] as number, stop)) &&
      this.runs >= Math.max(MOST_RUNS, limit >> 10)
    )
      return false;
    // All bytes up to `from` are there; the runs `first..until - 1` lie in the new stretch or touch it.
    let from = seq;
    let until = first;
    let kept = true;
    while (kept) {
      const next =
        until < this.runs && notAfter(this.left[until] as number, stop) ? (this.left[until] as number) : stop;
      if (before(from, next)) {
        const length = (next - from) | 0;
        kept = this.size + length <= limit;
        if (!kept) break;
        const offset = start + ((from - seq) | 0);
        this.bytes.put(from, bytes, offset, offset + length);
        this.size += length;
        from = next;
      }
      if (until === this.runs || after(this.left[until] as number, stop)) break;
      const right = this.right[until] as number;
      this.twice(from, after(right, stop) ? stop : right);
      if (after(right, from)) from = right;
      until++;
      this.steps.taken++;
    }
    if (until > first || from !== seq) this.merge(first, until, seq, from);
    return kept;
  }

  /** Hands over what now follows `next`; returns the new `rcvNxt`. */
  drain(next: number, give: Give): number {
    let expected = next;
    this.twiceLeft = this.twiceRight = 0;
    let count = 0;
    for (; count < this.runs && notAfter(this.left[count] as number, expected); count++) {
      const left = this.left[count] as number;
      const right = this.right[count] as number;
      this.steps.taken++;
      this.size -= (right - left) | 0;
      // Only what lies before `next` came twice: what was kept does not overlap itself.
      if (before(left, next)) this.twice(left, after(right, next) ? next : right);
      if (after(right, expected)) {
        this.bytes.give(expected, right, give);
        expected = right;
      }
    }
    if (count > 0) {
      this.remove(0, count);
      this.bytes.forget(expected);
    }
    return expected;
  }

  /** Writes at most `most` blocks (left, right), 4 or fewer, to `out`, the newest first; returns how many. */
  blocks(out: Int32Array, at: number, most: number): number {
    const { newest } = this;
    const finAlone = this.finTouched !== 0 && !this.endsAt(this.finAt);
    const all = finAlone ? this.runs + 1 : this.runs;
    this.steps.taken += all;
    this.untold = 0;
    let count = 0;
    for (let i = 0; i < all; i++) {
      const age = this.age(i);
      let place = count < most ? count++ : count;
      for (; place > 0 && this.age(newest[place - 1] as number) < age; place--)
        if (place < most) newest[place] = newest[place - 1] as number;
      if (place < most) newest[place] = i;
    }
    for (let k = 0; k < count; k++) {
      const i = newest[k] as number;
      const right = i === this.runs ? this.finAt : (this.right[i] as number);
      const fin = i === this.runs || (this.finTouched !== 0 && right === this.finAt);
      out[at + k * 2] = i === this.runs ? this.finAt : (this.left[i] as number);
      out[at + k * 2 + 1] = fin ? (right + 1) | 0 : right;
    }
    return count;
  }

  clear(): void {
    this.runs = this.size = this.finTouched = 0;
    this.bytes.clear();
  }

  private endsAt(seq: number): boolean {
    const at = this.find(seq);
    return at < this.runs && this.right[at] === seq;
  }

  /** When run `i` was last touched, or the FIN behind it. The FIN that lies alone is one more. */
  private age(i: number): number {
    if (i === this.runs) return this.finTouched;
    const touched = this.touched[i] as number;
    return this.finTouched !== 0 && this.right[i] === this.finAt ? Math.max(touched, this.finTouched) : touched;
  }

  private twice(left: number, right: number): void {
    if (!before(left, right)) return;
    if (this.twiceLeft === this.twiceRight) {
      this.twiceLeft = left;
      this.twiceRight = right;
    } else if (this.twiceRight === left) this.twiceRight = right;
  }

  /** The first run that ends at `seq` or after it; `runs` if none does. */
  private find(seq: number): number {
    let low = 0;
    let high = this.runs;
    while (low < high) {
      const middle = (low + high) >> 1;
      this.steps.taken++;
      if (before(this.right[middle] as number, seq)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Makes one run of the runs `first..until - 1` and of what came from `from` up to `to`. */
  private merge(first: number, until: number, from: number, to: number): void {
    let left = from;
    let right = to;
    if (until > first) {
      const leftmost = this.left[first] as number;
      const rightmost = this.right[until - 1] as number;
      if (before(leftmost, left)) left = leftmost;
      if (after(rightmost, right)) right = rightmost;
      if (until - first > 1) this.remove(first + 1, until - first - 1);
    } else this.insert(first);
    this.left[first] = left;
    this.right[first] = right;
    this.touched[first] = this.counter;
    if (this.untold === 0 || this.last !== left) this.untold++;
    this.last = left;
  }

  private insert(at: number): void {
    if (this.runs === this.left.length) this.grow();
    for (const column of [this.left, this.right, this.touched]) column.copyWithin(at + 1, at, this.runs);
    this.runs++;
    this.steps.taken++;
  }

  private remove(at: number, count: number): void {
    for (const column of [this.left, this.right, this.touched]) column.copyWithin(at, at + count, this.runs);
    this.runs -= count;
    this.steps.taken++;
  }

  private grow(): void {
    const larger = (old: Int32Array): Int32Array => {
      const column = new Int32Array(old.length * 2);
      column.set(old);
      return column;
    };
    this.left = larger(this.left);
    this.right = larger(this.right);
    this.touched = larger(this.touched);
  }
}
