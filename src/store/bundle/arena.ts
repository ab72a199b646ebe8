/** Bytes that are gathered one after the other, in chunks, so that growing copies nothing. */
const CHUNK = 1 << 20;
const encoder = new TextEncoder();

export class Arena {
  private readonly chunks: Uint8Array[] = [];
  private last = new Uint8Array(0);
  private used = 0;
  length = 0;

  /** Adds `bytes`; answers where they begin. */
  add(bytes: Uint8Array): number {
    const at = this.length;
    if (bytes.length > this.last.length - this.used) this.next(Math.max(CHUNK, bytes.length));
    this.last.set(bytes, this.used);
    this.used += bytes.length;
    this.length += bytes.length;
    return at;
  }

  /** Adds the UTF-8 bytes of `text`; answers where they begin. Short texts are encoded in place. */
  addText(text: string): number {
    if (text.length * 3 > CHUNK) return this.add(encoder.encode(text));
    if (text.length * 3 > this.last.length - this.used) this.next(CHUNK);
    const { written } = encoder.encodeInto(text, this.last.subarray(this.used));
    const at = this.length;
    this.used += written;
    this.length += written;
    return at;
  }

  private next(bytes: number): void {
    if (this.used > 0) this.chunks.push(this.last.subarray(0, this.used));
    this.last = new Uint8Array(bytes);
    this.used = 0;
  }

  /** Fills with zeros up to a multiple of `step`. */
  pad(step: number): void {
    const rest = this.length % step;
    if (rest > 0) this.add(new Uint8Array(step - rest));
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
  private readonly known = new Map<string, { readonly at: number; readonly length: number }>();
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
