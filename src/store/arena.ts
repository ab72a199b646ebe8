/** Bytes that are gathered one after the other, in chunks, so that growing copies nothing. */
const CHUNK = 1 << 20;

export class Arena {
  private readonly chunks: Uint8Array[] = [];
  private last = new Uint8Array(0);
  private used = 0;
  length = 0;

  /** Adds `bytes`; answers where they begin. */
  add(bytes: Uint8Array): number {
    const at = this.length;
    if (bytes.length > this.last.length - this.used) {
      if (this.used > 0) this.chunks.push(this.last.subarray(0, this.used));
      this.last = new Uint8Array(Math.max(CHUNK, bytes.length));
      this.used = 0;
    }
    this.last.set(bytes, this.used);
    this.used += bytes.length;
    this.length += bytes.length;
    return at;
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
  private readonly known = new Map<string, number>();
  private readonly encoder = new TextEncoder();
  /** Byte length of what was added last. */
  lastLength = 0;

  /** Where `text` begins; its length in bytes is `lastLength`. */
  add(text: string, once = true): number {
    const bytes = this.encoder.encode(text);
    this.lastLength = bytes.length;
    const there = once ? this.known.get(text) : undefined;
    if (there !== undefined) return there;
    const at = this.arena.add(bytes);
    if (once) this.known.set(text, at);
    return at;
  }
}
