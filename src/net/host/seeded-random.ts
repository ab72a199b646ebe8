/**
 * Random numbers from a seed: sfc32 (Chris Doty-Humphrey's small fast counter generator), whose state is four int32.
 * `fork` gives a stream of its own to each part, so that one part's draws do not shift another's.
 */
import type { Random } from '../random.js';

/** An avalanche of 32 bits (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

export class SeededRandom implements Random {
  private a = 0;
  private b = 0;
  private c = 0;
  private counter = 1;

  constructor(seed: number, stream = 0) {
    this.reset(seed, stream, 0);
  }

  /** Begins the stream that belongs to these three numbers. */
  reset(seed: number, stream: number, index: number): void {
    this.a = mix(seed);
    this.b = mix((stream + 0x9e3779b9) | 0) ^ mix(Math.trunc(seed / 0x1_0000_0000));
    this.c = mix((index + 0x7f4a7c15) | 0);
    this.counter = 1;
    for (let i = 0; i < 8; i++) this.random32();
  }

  random32(): number {
    const t = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0;
    return t;
  }

  /** In [0, 1). */
  unit(): number {
    return (this.random32() >>> 0) / 0x1_0000_0000;
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** An integer in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.unit() * limit);
  }

  /** A number in [low, high). */
  between(low: number, high: number): number {
    return low + this.unit() * (high - low);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  /** A generator of its own for the part with that number. */
  fork(stream: number): SeededRandom {
    return new SeededRandom(this.random32() >>> 0, stream);
  }
}
