/** Puts handshake messages together that come in several records (RFC 8446 5.1). */
import { TlsError } from '../common/alert.js';

const HEADER = 4;

export class Messages {
  /** Bytes of a message that is not whole: `#held[0..#length)`. */
  #held: Uint8Array | undefined = undefined;
  #length = 0;

  /** Whether a message has begun that is not whole. */
  get pending(): boolean {
    return this.#length > 0;
  }

  /**
   * Takes the content of a handshake record, `bytes[at..end)`, and returns the first message that is whole, with its
   * header; what follows it stays in `rest`. Undefined: more is needed. Messages longer than `most` bytes are refused
   * before they are kept.
   */
  next(bytes: Uint8Array, at: number, end: number, most: number): Uint8Array | undefined {
    if (this.#length === 0) {
      const size = sizeOf(bytes, at, end, most);
      if (size > 0 && end - at >= size) {
        this.rest = at + size;
        return bytes.slice(at, this.rest);
      }
      this.#hold(bytes, at, end);
      this.rest = end;
      return undefined;
    }
    let from = at;
    if (this.#length < HEADER) {
      const count = Math.min(HEADER - this.#length, end - from);
      this.#hold(bytes, from, from + count);
      from += count;
    }
    const size = sizeOf(this.#held!, 0, this.#length, most);
    if (size === 0) {
      this.rest = end;
      return undefined;
    }
    const count = Math.min(size - this.#length, end - from);
    this.#hold(bytes, from, from + count);
    this.rest = from + count;
    if (this.#length < size) return undefined;
    const message = this.#held!.subarray(0, size);
    this.#held = undefined;
    this.#length = 0;
    return message;
  }

  rest = 0;

  /** A copy of what has come of a message that is not whole. */
  get held(): Uint8Array {
    return this.#length === 0 ? new Uint8Array(0) : this.#held!.slice(0, this.#length);
  }

  /** Goes on behind `bytes`, which another program held: the beginning of a message. */
  restore(bytes: Uint8Array): void {
    this.#hold(bytes, 0, bytes.length);
  }

  #hold(bytes: Uint8Array, at: number, end: number): void {
    const needed = this.#length + end - at;
    if (this.#held === undefined || this.#held.length < needed) {
      const larger = new Uint8Array(Math.max(64, 2 * needed));
      if (this.#held !== undefined) larger.set(this.#held.subarray(0, this.#length));
      this.#held = larger;
    }
    this.#held.set(bytes.subarray(at, end), this.#length);
    this.#length = needed;
  }
}

/** Bytes of the message that begins at `at`, its header included; 0: the header is not whole. */
function sizeOf(bytes: Uint8Array, at: number, end: number, most: number): number {
  if (end - at < HEADER) return 0;
  const size = HEADER + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!);
  if (size > most) throw new TlsError('decodeError', 'a handshake message is longer than it may be');
  return size;
}
