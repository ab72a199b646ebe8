/**
 * Immutable bytes that stay where they are: what the store serves from, and what every send queue refers to.
 *
 * A connection never copies what it sends. It remembers `(memory, start, end)`, and first transmissions and
 * retransmissions alike read from there. So nothing that lies in a `Memory` may change once a reference was handed out.
 */
export class Memory {
  /** The bytes. Never written after the first reference to them was handed out. */
  readonly bytes: Uint8Array;

  /**
   * Where `bytes[0]` lies in this process, as a plain number for `writev`; 0 until a device has asked for it, and never
   * set where there is no native code. Only `native/` writes it. The owner of the bytes keeps them reachable.
   */
  address = 0;

  /**
   * Answers the one's-complement sum (RFC 1071; unfolded to 16 bits, not inverted) of `bytes[start..end)`, with the byte
   * at `start` taken as the high byte of the first word; undefined where no running sums are kept and the caller adds up
   * the bytes itself.
   */
  readonly sum: ((start: number, end: number) => number) | undefined;

  constructor(bytes: Uint8Array, sum?: (start: number, end: number) => number) {
    this.bytes = bytes;
    this.sum = sum;
  }

  /** A memory of its own with the UTF-8 bytes of `text`. For heads and messages, not for the path of a segment. */
  static of(text: string): Memory {
    return new Memory(new TextEncoder().encode(text));
  }
}
