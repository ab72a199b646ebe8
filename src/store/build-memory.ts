import { statSync } from 'node:fs';
import type { Blob } from './site.js';

interface Remembered {
  readonly stamp: string;
  readonly blob: Blob;
}

/** What the last build read, so that the next one reads only what has another size, time or place on the disk. */
export class BuildMemory {
  private before = new Map<string, Remembered>();
  private now = new Map<string, Remembered>();

  /** Begins a build: what the last one did not use is forgotten. */
  begin(): void {
    if (this.now.size > 0) this.before = this.now;
    this.now = new Map();
  }

  /** The content of `file` as it was, if it did not change. */
  recall(file: string): Blob | undefined {
    const there = this.before.get(file);
    if (!there || there.stamp !== stampOf(file)) return undefined;
    this.now.set(file, there);
    return there.blob;
  }

  /** `stamp` is from before the reading: a file that changed since has another one next time. */
  keep(file: string, stamp: string, blob: Blob): void {
    this.now.set(file, { stamp, blob });
  }
}

/** Changes whenever the file does. Nanoseconds: two writes in one millisecond are two. */
export function stampOf(file: string): string {
  const stats = statSync(file, { bigint: true });
  return `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`;
}
