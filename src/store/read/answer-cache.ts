import type { Lookup } from '../store.js';

const CHUNK_SHIFT = 8;
const CHUNK = 1 << CHUNK_SHIFT;

/**
 * Answers by their number, made once and kept; at most about `limit` of them. There are two generations: a full young
 * one becomes the old one, and answers that are still requested move to the new young one. A hit costs two reads and
 * allocates nothing.
 */
export class AnswerCache {
  private young: (Lookup | undefined)[][] = [];
  private old: (Lookup | undefined)[][] = [];
  private count = 0;
  private readonly half: number;

  constructor(limit: number) {
    this.half = Math.max(1, limit >>> 1);
  }

  get(index: number): Lookup | undefined {
    const there = this.young[index >>> CHUNK_SHIFT]?.[index & (CHUNK - 1)];
    if (there !== undefined) return there;
    const before = this.old[index >>> CHUNK_SHIFT]?.[index & (CHUNK - 1)];
    if (before !== undefined) this.set(index, before);
    return before;
  }

  /** Whether the answer was made, and is still kept. */
  has(index: number): boolean {
    const at = index & (CHUNK - 1);
    return (this.young[index >>> CHUNK_SHIFT]?.[at] ?? this.old[index >>> CHUNK_SHIFT]?.[at]) !== undefined;
  }

  set(index: number, answer: Lookup): void {
    if (this.count >= this.half) {
      this.old = this.young;
      this.young = [];
      this.count = 0;
    }
    let chunk = this.young[index >>> CHUNK_SHIFT];
    if (!chunk) {
      chunk = new Array<Lookup | undefined>(CHUNK).fill(undefined);
      this.young[index >>> CHUNK_SHIFT] = chunk;
    }
    chunk[index & (CHUNK - 1)] = answer;
    this.count++;
  }

  clear(): void {
    this.young = [];
    this.old = [];
    this.count = 0;
  }
}
