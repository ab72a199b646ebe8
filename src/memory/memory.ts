/**
 * Bytes before a memory that has headroom: virtio-net, Ethernet, IPv4 and TCP headers with all their options, and some.
 */
const HEADROOM = 128;

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
   * set where there is no native code. Only `native/` writes it. The owner of the bytes keeps them reachable. Minus
   * zero at first: with a whole number the shape of all memories would change when the first address comes.
   */
  address = -0;

  /**
   * Returns the one's-complement sum (RFC 1071; unfolded to 16 bits, not inverted) of `bytes[start..end)`, with the
   * byte at `start` taken as the high byte of the first word; undefined where no running sums are kept and the caller
   * adds up the bytes itself.
   */
  readonly sum: ((start: number, end: number) => number) | undefined;

  /**
   * Words right before `bytes[0]`, in the same buffer, that a device may write over at any time: room for the headers
   * of a frame whose payload these bytes are. Undefined: there is none.
   */
  readonly headroom: Int32Array | undefined;

  constructor(bytes: Uint8Array, sum?: (start: number, end: number) => number, headroom?: Int32Array) {
    this.bytes = bytes;
    this.sum = sum;
    this.headroom = headroom;
  }

  /** `size` bytes with headroom, to be filled before the first reference is handed out. */
  static withHeadroom(size: number): Memory {
    const buffer = new ArrayBuffer(HEADROOM + size);
    return new Memory(new Uint8Array(buffer, HEADROOM), undefined, new Int32Array(buffer, 0, HEADROOM / 4));
  }

  /** A memory of its own with the UTF-8 bytes of `text`. For heads and messages, not for the path of a segment. */
  static of(text: string): Memory {
    return new Memory(new TextEncoder().encode(text));
  }
}
