/**
 * Data (and a FIN) that came out of order, kept (copied, bounded) until the gap before it is filled, and the SACK blocks that tell the
 * sender of it (RFC 2018): the block with the newest segment first, then the next newest.
 */
import { after, before, notAfter } from '../sequence.js';

interface Piece {
  seq: number;
  end: number;
  bytes: Uint8Array;
  /** A counter: larger is newer. */
  touched: number;
}

export class Reassembly {
  /** Bytes kept. */
  size = 0;
  /** What the newest segment brought that was here already, its first stretch; none: both alike (RFC 2883 4.1). */
  twiceLeft = 0;
  twiceRight = 0;
  private pieces: Piece[] = [];
  private counter = 0;
  /** A FIN takes a sequence number, and is told of like data: a sender that knows sends only what is missing. */
  private finAt = 0;
  private finTouched = 0;

  get empty(): boolean {
    return this.pieces.length === 0 && this.finTouched === 0;
  }

  /** A FIN at `seq` came, with or without data before it. */
  fin(seq: number): void {
    this.finAt = seq;
    this.finTouched = ++this.counter;
  }

  /**
   * Keeps `bytes[start..end)` at `seq`; what is there already is not kept twice. False when the bounds forbid it: `limit`
   * bytes, and 256 pieces besides one for each 512 bytes that are kept (so that crumbs cannot cost more than they carry).
   */
  add(seq: number, bytes: Uint8Array, start: number, end: number, limit: number): boolean {
    const stop = (seq + end - start) | 0;
    this.counter++;
    let at = 0;
    while (at < this.pieces.length && notAfter(this.pieces[at].end, seq)) at++;
    let from = seq;
    let kept = true;
    this.twiceLeft = this.twiceRight = 0;
    while (before(from, stop)) {
      const next = this.pieces[at];
      if (next !== undefined && notAfter(next.seq, from)) {
        next.touched = this.counter;
        if (after(next.end, from)) {
          this.twice(from, after(next.end, stop) ? stop : next.end);
          from = next.end;
        }
        at++;
        continue;
      }
      const until = next !== undefined && before(next.seq, stop) ? next.seq : stop;
      const length = (until - from) | 0;
      if (this.size + length > limit || this.pieces.length >= 256 + (this.size >> 9)) {
        kept = false;
        break;
      }
      const offset = start + ((from - seq) | 0);
      const piece = { seq: from, end: until, bytes: bytes.slice(offset, offset + length), touched: this.counter };
      this.pieces.splice(at, 0, piece);
      this.size += length;
      at++;
      from = until;
    }
    return kept;
  }

  private twice(left: number, right: number): void {
    if (this.twiceLeft === this.twiceRight) {
      this.twiceLeft = left;
      this.twiceRight = right;
    } else if (this.twiceRight === left) this.twiceRight = right;
  }

  /** Hands over what now follows `next`; answers the new `rcvNxt`. */
  drain(next: number, give: (bytes: Uint8Array, start: number, end: number) => void): number {
    let expected = next;
    this.twiceLeft = this.twiceRight = 0;
    while (this.pieces.length > 0 && notAfter(this.pieces[0].seq, expected)) {
      const piece = this.pieces.shift() as Piece;
      this.size -= piece.bytes.length;
      // Only what lies before `next` came twice: what was kept does not overlap itself.
      if (before(piece.seq, next)) this.twice(piece.seq, after(piece.end, next) ? next : piece.end);
      if (after(piece.end, expected)) {
        const skip = (expected - piece.seq) | 0;
        expected = piece.end;
        give(piece.bytes, skip, piece.bytes.length);
      }
    }
    return expected;
  }

  /** Writes at most `most` blocks (left, right) to `out`; answers how many. */
  blocks(out: Int32Array, at: number, most: number): number {
    const runs: { left: number; right: number; touched: number }[] = [];
    for (const piece of this.pieces) {
      const last = runs[runs.length - 1];
      if (last !== undefined && last.right === piece.seq) {
        last.right = piece.end;
        last.touched = Math.max(last.touched, piece.touched);
      } else runs.push({ left: piece.seq, right: piece.end, touched: piece.touched });
    }
    if (this.finTouched !== 0) {
      const run = runs.find((one) => one.right === this.finAt);
      if (run !== undefined) {
        run.right = (run.right + 1) | 0;
        run.touched = Math.max(run.touched, this.finTouched);
      } else runs.push({ left: this.finAt, right: (this.finAt + 1) | 0, touched: this.finTouched });
    }
    runs.sort((a, b) => b.touched - a.touched);
    const count = Math.min(most, runs.length);
    for (let i = 0; i < count; i++) {
      out[at + i * 2] = runs[i].left;
      out[at + i * 2 + 1] = runs[i].right;
    }
    return count;
  }

  clear(): void {
    this.pieces = [];
    this.size = 0;
    this.finTouched = 0;
  }
}
