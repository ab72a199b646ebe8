/**
 * What a fuzzed run decides by: bytes that were recorded, then bytes that are drawn. Whatever was drawn is recorded
 * too, so that a run is its tape: it can be played again, cut, changed and spliced.
 */
import { SeededRandom } from '../../src/net/host/seeded-random.js';

export class Tape {
  private bytes: Uint8Array;
  private length: number;
  private at = 0;
  private readonly random: SeededRandom;

  constructor(seed: number, recorded: Uint8Array = new Uint8Array(0)) {
    this.bytes = new Uint8Array(Math.max(1024, recorded.length * 2));
    this.bytes.set(recorded);
    this.length = recorded.length;
    this.random = new SeededRandom(seed, 0xf022);
  }

  /** What was used so far. */
  recorded(): Uint8Array {
    return this.bytes.slice(0, this.at);
  }

  get used(): number {
    return this.at;
  }

  byte(): number {
    if (this.at === this.length) {
      if (this.length === this.bytes.length) {
        const larger = new Uint8Array(this.length * 2);
        larger.set(this.bytes);
        this.bytes = larger;
      }
      this.bytes[this.length++] = this.random.random32();
    }
    return this.bytes[this.at++] as number;
  }

  word(): number {
    return (this.byte() << 24) | (this.byte() << 16) | (this.byte() << 8) | this.byte();
  }

  /** An integer in [0, limit), `limit` at most 2 ** 24. */
  below(limit: number): number {
    if (limit <= 256) return this.byte() % limit;
    return ((this.byte() << 16) | (this.byte() << 8) | this.byte()) % limit;
  }

  /** True with about `percent` in a hundred. */
  chance(percent: number): boolean {
    return this.byte() < percent * 2.56;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.byte() % choices.length] as T;
  }

  take(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.byte();
    return bytes;
  }
}
