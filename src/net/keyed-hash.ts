/**
 * HalfSipHash-2-4 (Aumasson, Bernstein): a keyed pseudo-random function on 32-bit words, for initial sequence numbers
 * (RFC 6528), ports (RFC 6056), SYN cookies and the flow table. `node:crypto` would tie the stack to Node.
 */
import type { Random } from './random.js';

const rotl = (x: number, n: number): number => (x << n) | (x >>> (32 - n));

export class KeyedHash {
  private k0: number;
  private k1: number;
  private v0 = 0;
  private v1 = 0;
  private v2 = 0;
  private v3 = 0;

  constructor(random: Random) {
    this.k0 = random.random32() | 0;
    this.k1 = random.random32() | 0;
  }

  /** For who takes this one's place. */
  get keys(): readonly [number, number] {
    return [this.k0, this.k1];
  }

  /** Takes another's place: from now on it answers as that one does. */
  rekey([k0, k1]: readonly [number, number]): void {
    this.k0 = k0 | 0;
    this.k1 = k1 | 0;
  }

  private rounds(n: number): void {
    let { v0, v1, v2, v3 } = this;
    for (let i = 0; i < n; i++) {
      v0 = (v0 + v1) | 0;
      v1 = rotl(v1, 5) ^ v0;
      v0 = rotl(v0, 16);
      v2 = (v2 + v3) | 0;
      v3 = rotl(v3, 8) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = rotl(v3, 7) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = rotl(v1, 13) ^ v2;
      v2 = rotl(v2, 16);
    }
    this.v0 = v0;
    this.v1 = v1;
    this.v2 = v2;
    this.v3 = v3;
  }

  private word(m: number): void {
    this.v3 ^= m;
    this.rounds(2);
    this.v0 ^= m;
  }

  /** 32 pseudo-random bits of four words, as an int32. */
  of(a: number, b: number, c: number, d: number): number {
    this.v0 = this.k0;
    this.v1 = this.k1;
    this.v2 = 0x6c796765 ^ this.k0;
    this.v3 = 0x74656462 ^ this.k1;
    this.word(a | 0);
    this.word(b | 0);
    this.word(c | 0);
    this.word(d | 0);
    // The last word holds the length in its highest byte.
    this.word(16 << 24);
    this.v2 ^= 0xff;
    this.rounds(4);
    return this.v1 ^ this.v3;
  }
}
