import { CLASS, COMMA, DIGIT, isToken, name, skipSpace, trimEnd } from '../parse/octets.js';

export const IGNORED = 0;
export const SATISFIABLE = 1;
export const UNSATISFIABLE = 2;
export type RangeVerdict = typeof IGNORED | typeof SATISFIABLE | typeof UNSATISFIABLE;

const BYTES = name('bytes');
/** More specifiers than this in one field come from an attacker, not from a browser (RFC 9110 17.15). */
const SPECIFIERS = 256;

/**
 * The ranges of one request, resolved against a length; used again for each request. `[starts[i]..ends[i])`, `count` of
 * them.
 */
export class RangeSet {
  count = 0;
  readonly starts: number[] = [];
  readonly ends: number[] = [];

  /**
   * Reads `bytes=0-99,-500,9500-` (RFC 9110 14.1.2) for a representation of `length` bytes. `IGNORED` when it is
   * malformed, in another unit, or asks for more than `limit` parts; the requested order is kept, and ranges that
   * overlap or touch become one.
   */
  parse(bytes: Uint8Array, start: number, end: number, length: number, limit: number): RangeVerdict {
    this.count = 0;
    let equals = start;
    while (equals < end && bytes[equals] !== 0x3d) equals++;
    if (equals === end || !isToken(bytes, start, equals, BYTES)) return IGNORED;
    let specifiers = 0;
    for (let at = equals + 1; at <= end; ) {
      let stop = at;
      while (stop < end && bytes[stop] !== COMMA) stop++;
      const from = skipSpace(bytes, at, stop);
      const to = trimEnd(bytes, from, stop);
      at = stop + 1;
      if (from === to) continue;
      if (++specifiers > SPECIFIERS || !this.#add(bytes, from, to, length)) return IGNORED;
    }
    // For empty content a suffix selects all of it (RFC 9110 14.1.2), and Content-Range cannot express that. `0-` gets
    // the whole empty content, too, as with nginx (14.2 allows the field to be ignored).
    if (specifiers === 0 || length === 0) return IGNORED;
    if (this.count === 0) return UNSATISFIABLE;
    return this.count > limit ? IGNORED : SATISFIABLE;
  }

  #add(bytes: Uint8Array, from: number, to: number, length: number): boolean {
    let dash = from;
    while (dash < to && bytes[dash] !== 0x2d) dash++;
    if (dash === to || to - from === 1) return false;
    const first = number(bytes, from, dash);
    const last = number(bytes, dash + 1, to);
    if (Number.isNaN(first) || Number.isNaN(last)) return false;
    if (dash === from) {
      // A suffix. "-0" selects nothing.
      if (last > 0) this.#insert(Math.max(0, length - last), length);
      return true;
    }
    if (dash + 1 < to && last < first) return false;
    if (first < length) this.#insert(first, dash + 1 === to ? length : Math.min(length, last + 1));
    return true;
  }

  #insert(start: number, end: number): void {
    let { count } = this;
    for (let i = 0; i < count; i++) {
      if (start > this.ends[i]! || end < this.starts[i]!) continue;
      // The earlier range grows, and may now reach others: take it out, and put the union in at its place.
      start = Math.min(start, this.starts[i]!);
      end = Math.max(end, this.ends[i]!);
      this.starts.splice(i, 1);
      this.ends.splice(i, 1);
      count--;
      for (let j = count - 1; j >= 0; j--) {
        if (start > this.ends[j]! || end < this.starts[j]!) continue;
        start = Math.min(start, this.starts[j]!);
        end = Math.max(end, this.ends[j]!);
        this.starts.splice(j, 1);
        this.ends.splice(j, 1);
        count--;
        if (j < i) i--;
        j = count;
      }
      this.starts.splice(i, 0, start);
      this.ends.splice(i, 0, end);
      this.count = count + 1;
      return;
    }
    this.starts[count] = start;
    this.ends[count] = end;
    this.count = count + 1;
  }
}

/** `*DIGIT`: infinite when a number cannot hold it exactly, NaN when it has other characters. */
function number(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let i = start; i < end; i++) {
    if ((CLASS[bytes[i]!]! & DIGIT) === 0) return Number.NaN;
    value = value * 10 + bytes[i]! - 0x30;
  }
  return value > Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : value;
}
