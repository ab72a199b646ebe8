import type { Lookup } from '../store.js';

/** Longer paths are looked up each time. */
const LONGEST = 256;

/** Answers to paths that are in no table, by their bytes: SLOTS of them at most, a newer one replaces an older one. */
export class PathCache {
  private readonly answers: (Lookup | undefined)[];
  private readonly lengths: Uint16Array;
  private readonly paths: Uint8Array;
  private readonly mask: number;

  /** `slots` is a power of two. */
  constructor(slots: number) {
    this.answers = new Array<Lookup | undefined>(slots).fill(undefined);
    this.lengths = new Uint16Array(slots);
    this.paths = new Uint8Array(slots * LONGEST);
    this.mask = slots - 1;
  }

  get(hash: number, bytes: Uint8Array, start: number, end: number): Lookup | undefined {
    const slot = hash & this.mask;
    const answer = this.answers[slot];
    const length = end - start;
    if (answer === undefined || this.lengths[slot] !== length) return undefined;
    const at = slot * LONGEST;
    for (let i = 0; i < length; i++) if (this.paths[at + i] !== bytes[start + i]) return undefined;
    return answer;
  }

  set(hash: number, bytes: Uint8Array, start: number, end: number, answer: Lookup): void {
    if (end - start > LONGEST) return;
    const slot = hash & this.mask;
    this.answers[slot] = answer;
    this.lengths[slot] = end - start;
    for (let i = start; i < end; i++) this.paths[slot * LONGEST + i - start] = bytes[i]!;
  }
}
