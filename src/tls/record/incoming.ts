/** Puts records together out of what comes. A record that comes whole is not copied; the beginning of one is kept. */
import { MOST_PROTECTED, RECORD_HEADER } from '../wire/numbers.js';

/** Gets the records that were read. */
export interface RecordSink {
  /**
   * Bytes of the record whose header is at `bytes[at]`, header included; 0: it may not be so long, and the connection
   * has ended.
   */
  sizeAt(bytes: Uint8Array, at: number): number;
  /** A record, `bytes[at..end)` with its header. */
  record(bytes: Uint8Array, at: number, end: number): void;
}

export class Incoming {
  #partial: Uint8Array | undefined = undefined;
  #length = 0;

  /** Hands the first record of `bytes[start..end)` to `sink`, or keeps the beginning of one; the place behind it. */
  next(bytes: Uint8Array, start: number, end: number, sink: RecordSink): number {
    let at = start;
    if (this.#partial === undefined) {
      if (end - at >= RECORD_HEADER) {
        const size = sink.sizeAt(bytes, at);
        if (size === 0) return end;
        if (end - at >= size) {
          sink.record(bytes, at, at + size);
          return at + size;
        }
      }
      this.#keep(bytes, at, end);
      return end;
    }
    if (this.#length < RECORD_HEADER) {
      const count = Math.min(RECORD_HEADER - this.#length, end - at);
      this.#keep(bytes, at, at + count);
      at += count;
      if (this.#length < RECORD_HEADER) return at;
    }
    const size = sink.sizeAt(this.#partial, 0);
    if (size === 0) return end;
    const count = Math.min(size - this.#length, end - at);
    this.#keep(bytes, at, at + count);
    if (this.#length === size) {
      const record = this.#partial;
      this.forget();
      sink.record(record, 0, size);
    }
    return at + count;
  }

  /** What is kept grows with what has come. */
  #keep(bytes: Uint8Array, at: number, end: number): void {
    const needed = this.#length + end - at;
    if (this.#partial === undefined || this.#partial.length < needed) {
      const larger = new Uint8Array(Math.min(RECORD_HEADER + MOST_PROTECTED, Math.max(64, 2 * needed)));
      if (this.#partial !== undefined) larger.set(this.#partial.subarray(0, this.#length));
      this.#partial = larger;
    }
    this.#partial.set(bytes.subarray(at, end), this.#length);
    this.#length = needed;
  }

  /** A copy of what is kept. */
  get kept(): Uint8Array {
    return this.#partial === undefined ? new Uint8Array(0) : this.#partial.slice(0, this.#length);
  }

  /** Goes on behind `bytes`, which another program kept: the beginning of a record. */
  restore(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#keep(bytes, 0, bytes.length);
  }

  /** Lets go of what is kept. */
  forget(): void {
    this.#partial = undefined;
    this.#length = 0;
  }
}
