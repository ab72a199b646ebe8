/**
 * Writes the presentation language of RFC 8446 3. Vectors are opened, filled and closed, so that no length is counted
 * twice.
 */

export class Writer {
  #bytes: Uint8Array;
  #at = 0;

  constructor(size = 512) {
    this.#bytes = new Uint8Array(size);
  }

  /** What is written, as a view. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  get length(): number {
    return this.#at;
  }

  u8(value: number): this {
    this.#room(1);
    this.#bytes[this.#at++] = value;
    return this;
  }

  u16(value: number): this {
    return this.u8(value >> 8).u8(value & 255);
  }

  u24(value: number): this {
    return this.u8(value >> 16).u16(value & 0xffff);
  }

  u32(value: number): this {
    return this.u16(value >>> 16).u16(value & 0xffff);
  }

  /** A number of 0 to 2^53 - 1. */
  u64(value: number): this {
    return this.u32(Math.floor(value / 0x100000000)).u32((value % 0x100000000) >>> 0);
  }

  /** Characters of Latin-1. */
  text(characters: string): this {
    for (let i = 0; i < characters.length; i++) this.u8(characters.charCodeAt(i));
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  /** A vector whose length takes `width` bytes, with what `fill` writes. */
  vector(width: 1 | 2 | 3, fill: (writer: this) => void): this {
    const at = this.#at;
    for (let i = 0; i < width; i++) this.u8(0);
    fill(this);
    const length = this.#at - at - width;
    if (length >= 2 ** (8 * width)) throw new RangeError(`${length} bytes in a vector with a length of ${width}`);
    for (let i = 0; i < width; i++) this.#bytes[at + i] = (length >> (8 * (width - 1 - i))) & 255;
    return this;
  }

  /** A handshake message (RFC 8446 4). */
  message(type: number, fill: (writer: this) => void): this {
    return this.u8(type).vector(3, fill);
  }

  /** An extension (RFC 8446 4.2). */
  extension(type: number, fill: (writer: this) => void): this {
    return this.u16(type).vector(2, fill);
  }

  #room(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#at + count));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
