import { ShardedMap } from '../sharded-map.js';

/** Bytes that are gathered one after the other, in chunks, so that growing copies nothing. */
const CHUNK = 1 << 20;
const encoder = new TextEncoder();

export class Arena {
  private readonly chunks: Uint8Array[] = [];
  private last = Buffer.alloc(0);
  private used = 0;
  length = 0;

  /** Adds `bytes`; returns where they begin. */
  add(bytes: Uint8Array): number {
    const at = this.length;
    if (bytes.length > this.last.length - this.used) this.next(Math.max(CHUNK, bytes.length));
    this.last.set(bytes, this.used);
    this.used += bytes.length;
    this.length += bytes.length;
    return at;
  }

  /** Adds the UTF-8 bytes of `text`; returns where they begin. Short texts are encoded in place. */
  addText(text: string): number {
    if (text.length * 3 > CHUNK) return this.add(encoder.encode(text));
    if (text.length * 3 > this.last.length - this.used) this.next(CHUNK);
    // A view for each text would be garbage for each.
    const written = this.last.write(text, this.used);
    const at = this.length;
    this.used += written;
    this.length += written;
    return at;
  }

  private next(bytes: number): void {
    if (this.used > 0) this.chunks.push(this.last.subarray(0, this.used));
    this.last = Buffer.alloc(bytes);
    this.used = 0;
  }

  /** Fills with zeros up to a multiple of `step`. */
  pad(step: number): void {
    const rest = this.length % step;
    if (rest === 0) return;
    const zeros = step - rest;
    if (zeros > this.last.length - this.used) this.next(CHUNK);
    this.used += zeros;
    this.length += zeros;
  }

  /** The pieces, in order. */
  *pieces(): Generator<Uint8Array> {
    yield* this.chunks;
    if (this.used > 0) yield this.last.subarray(0, this.used);
  }
}

/** Strings by their bytes, equal ones once. */
export class StringPool {
  readonly arena = new Arena();
  private readonly known = new ShardedMap<string, { readonly at: number; readonly length: number }>();
  /** Byte length of what was added last. */
  lastLength = 0;

  /** Where `text` begins; its length in bytes is `lastLength`. */
  add(text: string): number {
    const there = this.known.get(text);
    if (there !== undefined) {
      this.lastLength = there.length;
      return there.at;
    }
    const at = this.arena.addText(text);
    this.lastLength = this.arena.length - at;
    this.known.set(text, { at, length: this.lastLength });
    return at;
  }
}
