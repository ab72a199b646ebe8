/** Reads the presentation language of RFC 8446 3. Whatever does not fit is `decode_error` (RFC 8446 6.2). */
import { TlsError } from '../common/alert.js';

export class Reader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  u8(): number {
    return this.bytes[this.take(1)]!;
  }

  u16(): number {
    const at = this.take(2);
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
  }

  u24(): number {
    const at = this.take(3);
    return (this.bytes[at]! << 16) | (this.bytes[at + 1]! << 8) | this.bytes[at + 2]!;
  }

  u32(): number {
    return this.u16() * 0x10000 + this.u16();
  }

  /** What `Writer.u64` wrote. */
  u64(): number {
    return this.u32() * 0x100000000 + this.u32();
  }

  /** `length` bytes, as a view. */
  fixed(length: number): Uint8Array {
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** `opaque<min..max>` with a length of one byte. */
  opaque8(min: number, max: number): Uint8Array {
    return this.fixed(this.checked(this.u8(), min, max));
  }

  opaque16(min: number, max: number): Uint8Array {
    return this.fixed(this.checked(this.u16(), min, max));
  }

  opaque24(min: number, max: number): Uint8Array {
    return this.fixed(this.checked(this.u24(), min, max));
  }

  /** A vector with a length of two bytes, as a reader of its own. */
  vector16(min: number, max: number): Reader {
    const length = this.checked(this.u16(), min, max);
    const at = this.take(length);
    return new Reader(this.bytes, at, at + length);
  }

  vector24(min: number, max: number): Reader {
    const length = this.checked(this.u24(), min, max);
    const at = this.take(length);
    return new Reader(this.bytes, at, at + length);
  }

  /** A vector of 16-bit numbers, with a length of two bytes; at least one number. */
  list16(): number[] {
    const list = this.vector16(2, 65534);
    if (list.left % 2 !== 0) throw new TlsError('decodeError', 'a list of 16-bit numbers has an odd length');
    const numbers: number[] = [];
    while (list.left > 0) numbers.push(list.u16());
    return numbers;
  }

  /** Nothing may be left (RFC 8446 3.4). */
  done(): void {
    if (this.left > 0) throw new TlsError('decodeError', 'a structure has bytes behind its end');
  }

  private checked(length: number, min: number, max: number): number {
    if (length < min || length > max) throw new TlsError('decodeError', 'a vector has a length out of its range');
    return length;
  }

  private take(length: number): number {
    const { at } = this;
    if (length > this.left) throw new TlsError('decodeError', 'a structure ends too early');
    this.at = at + length;
    return at;
  }
}
