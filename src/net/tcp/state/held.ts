/**
 * Data that came while its owner does not read. It is copied together, so that a byte that comes alone does not cost a
 * hundred.
 */
const CHUNK = 4096;
/** What a chunk was measured to cost beyond its bytes, and what an empty `Held` costs. */
const CHUNK_OVERHEAD = 240;
const OVERHEAD = 160;

export class Held {
  /** Bytes held. */
  size = 0;
  /** Bytes of memory that it takes. */
  cost = OVERHEAD;
  private readonly chunks: Uint8Array[] = [];
  /** Bytes in use of the last chunk. */
  private filled = 0;

  push(bytes: Uint8Array, start: number, end: number): void {
    let from = start;
    while (from < end) {
      let last = this.chunks[this.chunks.length - 1];
      if (last === undefined || this.filled === last.length) {
        last = new Uint8Array(Math.max(CHUNK, end - from));
        this.chunks.push(last);
        this.cost += last.length + CHUNK_OVERHEAD;
        this.filled = 0;
      }
      const count = Math.min(last.length - this.filled, end - from);
      last.set(bytes.subarray(from, from + count), this.filled);
      this.filled += count;
      from += count;
    }
    this.size += end - start;
  }

  /** Hands the oldest bytes over; 0 bytes: nothing is left. */
  shift(give: (bytes: Uint8Array, start: number, end: number) => void): number {
    const first = this.chunks[0];
    if (first === undefined) return 0;
    const stop = this.chunks.length === 1 ? this.filled : first.length;
    this.chunks.shift();
    this.size -= stop;
    this.cost -= first.length + CHUNK_OVERHEAD;
    if (this.chunks.length === 0) this.filled = 0;
    give(first, 0, stop);
    return stop;
  }
}
