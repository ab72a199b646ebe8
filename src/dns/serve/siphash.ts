/**
 * SipHash-2-4 with 64 bits (Aumasson, Bernstein), as server cookies use it (RFC 9018 4.4). Numbers of 64 bits are two
 * of 32.
 */

export class SipHash {
  private readonly v = new Int32Array(8);
  private readonly k: Int32Array;

  /** `key`: 16 bytes. */
  constructor(key: Uint8Array) {
    this.k = Int32Array.from({ length: 4 }, (_, i) => littleEndian(key, i * 4));
  }

  /** Writes the eight bytes of the hash of `bytes[0..length)` to `into[at..at + 8)`. */
  hash(bytes: Uint8Array, length: number, into: Uint8Array, at: number): void {
    const { v, k } = this;
    v[0] = 0x70736575 ^ k[0];
    v[1] = 0x736f6d65 ^ k[1];
    v[2] = 0x6e646f6d ^ k[2];
    v[3] = 0x646f7261 ^ k[3];
    v[4] = 0x6e657261 ^ k[0];
    v[5] = 0x6c796765 ^ k[1];
    v[6] = 0x79746573 ^ k[2];
    v[7] = 0x74656462 ^ k[3];
    const whole = length & ~7;
    for (let i = 0; i < whole; i += 8) this.word(littleEndian(bytes, i), littleEndian(bytes, i + 4));
    let low = 0;
    let high = length << 24;
    for (let i = 0; i < (length & 7); i++) {
      if (i < 4) low |= bytes[whole + i] << (8 * i);
      else high |= bytes[whole + i] << (8 * (i - 4));
    }
    this.word(low, high);
    v[4] ^= 0xff;
    this.rounds(4);
    put(into, at, v[0] ^ v[2] ^ v[4] ^ v[6]);
    put(into, at + 4, v[1] ^ v[3] ^ v[5] ^ v[7]);
  }

  private word(low: number, high: number): void {
    const { v } = this;
    v[6] ^= low;
    v[7] ^= high;
    this.rounds(2);
    v[0] ^= low;
    v[1] ^= high;
  }

  private rounds(count: number): void {
    const { v } = this;
    for (let i = 0; i < count; i++) {
      add(v, 0, 2);
      rotate(v, 2, 13);
      xor(v, 2, 0);
      swap(v, 0);
      add(v, 4, 6);
      rotate(v, 6, 16);
      xor(v, 6, 4);
      add(v, 0, 6);
      rotate(v, 6, 21);
      xor(v, 6, 0);
      add(v, 4, 2);
      rotate(v, 2, 17);
      xor(v, 2, 4);
      swap(v, 4);
    }
  }
}

function littleEndian(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

function put(bytes: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < 4; i++) bytes[at + i] = value >>> (8 * i);
}

/** v[a] += v[b], each of them a low and a high half. */
function add(v: Int32Array, a: number, b: number): void {
  const low = (v[a] >>> 0) + (v[b] >>> 0);
  v[a] = low;
  v[a + 1] = v[a + 1] + v[b + 1] + (low > 0xffff_ffff ? 1 : 0);
}

function xor(v: Int32Array, a: number, b: number): void {
  v[a] ^= v[b];
  v[a + 1] ^= v[b + 1];
}

/** By less than 32 bits to the left. */
function rotate(v: Int32Array, a: number, bits: number): void {
  const low = v[a];
  const high = v[a + 1];
  v[a] = (low << bits) | (high >>> (32 - bits));
  v[a + 1] = (high << bits) | (low >>> (32 - bits));
}

/** A rotation by 32 bits. */
function swap(v: Int32Array, a: number): void {
  const low = v[a];
  v[a] = v[a + 1];
  v[a + 1] = low;
}
