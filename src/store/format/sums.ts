/** One's-complement sums (RFC 1071) of any range, computed from running sums. */
import { SUM_BLOCK, SUM_SHIFT } from './format.js';

/** Folds to 16 bits. `sum` is below 2^48. */
function fold(sum: number): number {
  let s = (sum & 0xffff) + Math.floor(sum / 0x10000);
  s = (s & 0xffff) + (s >>> 16);
  return (s & 0xffff) + (s >>> 16);
}

/** The sum of `bytes[start..end)`, its first byte the high one of a word. */
export function sumBytes(bytes: Uint8Array, start: number, end: number): number {
  let sum = 0;
  let i = start;
  const even = start + ((end - start) & ~1);
  for (; i < even; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  if (i < end) sum += bytes[i]! << 8;
  return fold(sum);
}

/** Adds up while content is written, in any pieces, and notes the sum before each block. */
export class RunningSums {
  private sum = 0;
  private odd = false;
  private at = 0;
  private readonly sums: Uint8Array;
  private readonly view: DataView;

  /** For `length` bytes of content. */
  constructor(length: number) {
    this.sums = new Uint8Array(sumsBytes(length));
    this.view = new DataView(this.sums.buffer);
  }

  add(bytes: Uint8Array): void {
    let i = 0;
    while (i < bytes.length) {
      if ((this.at & (SUM_BLOCK - 1)) === 0) this.view.setUint16((this.at >>> SUM_SHIFT) * 2, this.sum, true);
      const n = Math.min(bytes.length - i, SUM_BLOCK - (this.at & (SUM_BLOCK - 1)));
      this.piece(bytes, i, i + n);
      i += n;
      this.at += n;
    }
    if ((this.at & (SUM_BLOCK - 1)) === 0) this.view.setUint16((this.at >>> SUM_SHIFT) * 2, this.sum, true);
  }

  private piece(bytes: Uint8Array, start: number, end: number): void {
    let s = start;
    let sum = this.sum;
    if (this.odd) {
      sum += bytes[s++]!;
      this.odd = false;
    }
    sum += sumBytes(bytes, s, end);
    this.odd = ((end - s) & 1) === 1;
    this.sum = fold(sum);
  }

  /** The section: one sum before each block, and one behind the last whole one. */
  bytes(): Uint8Array {
    return this.sums;
  }
}

/** How long the section is for `length` bytes of content. */
export function sumsBytes(length: number): number {
  return (Math.floor(length / SUM_BLOCK) + 1) * 2;
}

/**
 * A `Memory.sum` for `bytes`, whose running sums lie in it at `sumsAt` and cover `bytes[from..to)`. What lies outside
 * is added up byte by byte.
 */
export function rangeSum(
  bytes: Uint8Array,
  from: number,
  to: number,
  sumsAt: number,
): (start: number, end: number) => number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** The sum of `bytes[from..at)`; words begin at `from`. */
  const before = (at: number): number => {
    const block = (at - from) >>> SUM_SHIFT;
    const begin = from + block * SUM_BLOCK;
    const sum = view.getUint16(sumsAt + block * 2, true) + (at === begin ? 0 : sumBytes(bytes, begin, at));
    return sum > 0xffff ? sum - 0xffff : sum;
  };
  return (start, end) => {
    if (end - start < SUM_BLOCK || start < from || end > to) return sumBytes(bytes, start, end);
    const sum = before(end) + (before(start) ^ 0xffff);
    const folded = sum > 0xffff ? sum - 0xffff : sum;
    // In a range that begins in the middle of a word the high and low bytes are swapped (RFC 1071 2B).
    return ((start - from) & 1) === 0 ? folded : ((folded & 0xff) << 8) | (folded >>> 8);
  };
}
