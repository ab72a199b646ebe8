/** Tapes that reached something new, and how the next ones are made of them. */
import { SeededRandom } from '../../src/net/host/seeded-random.js';

const MOST = 400;

export class Corpus {
  private readonly tapes: Uint8Array[] = [];
  private readonly random: SeededRandom;

  constructor(seed: number) {
    this.random = new SeededRandom(seed, 0xc02b);
  }

  get size(): number {
    return this.tapes.length;
  }

  keep(tape: Uint8Array): void {
    if (this.tapes.length >= MOST) this.tapes[this.random.below(MOST)] = tape;
    else this.tapes.push(tape);
  }

  /** A tape to begin with; undefined: draw all of it. */
  next(): Uint8Array | undefined {
    const { random, tapes } = this;
    if (tapes.length === 0 || random.chance(0.3)) return undefined;
    const one = random.pick(tapes);
    const kind = random.below(3);
    // The beginning of one, then what is drawn; two spliced; a few bytes changed.
    if (kind === 0) return one.slice(0, random.below(one.length));
    if (kind === 1) {
      const other = random.pick(tapes);
      const from = random.below(other.length);
      const head = one.subarray(0, random.below(one.length));
      const whole = new Uint8Array(head.length + other.length - from);
      whole.set(head);
      whole.set(other.subarray(from), head.length);
      return whole;
    }
    const copy = one.slice();
    for (let flips = 1 + random.below(20); flips > 0; flips--) copy[random.below(copy.length)] = random.below(256);
    return copy;
  }
}
