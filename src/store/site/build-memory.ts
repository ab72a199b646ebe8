import { type BigIntStats, statSync } from 'node:fs';
import { ShardedMap } from '../sharded-map.js';
import type { Blob, SiteFile } from './site.js';
import type { Found } from './walk.js';

interface Remembered {
  readonly stamp: string;
  readonly blob: Blob;
  /** The entry of the file, and what was decided about it. */
  made?: { readonly found: Found; readonly file: SiteFile };
}

/**
 * The contents that the last build read, so that the next one reads only files with another size, time or place on the
 * disk.
 */
export class BuildMemory {
  private before = new ShardedMap<string, Remembered>();
  private now = new ShardedMap<string, Remembered>();
  private readonly told = new Set<string>();

  /** Begins a build: contents that the last one did not use are released. */
  begin(): void {
    if (this.now.size > 0) this.before = this.now;
    this.now = new ShardedMap();
  }

  /** All files were read: contents of the last build that this one does not use are released. */
  end(): void {
    this.before = this.now;
  }

  /** The result for this same file entry, if the file was not touched since. */
  same(found: Found): SiteFile | undefined {
    const there = this.before.get(found.file);
    if (there?.made?.found !== found) return undefined;
    this.now.set(found.file, there);
    return there.made.file;
  }

  /** The earlier content of `file`, if it did not change. */
  recall(file: string): Blob | undefined {
    const there = this.before.get(file);
    if (!there || there.stamp !== stampOf(file)) return undefined;
    this.now.set(file, there);
    return there.blob;
  }

  /**
   * `stamp` is from before the reading: a file that changed since has another one next time. Returns the blob to use:
   * the existing one when the content is the same.
   */
  keep(file: string, stamp: string, blob: Blob): Blob {
    const there = this.before.get(file)?.blob;
    const one = there?.sha256 === blob.sha256 ? there : blob;
    this.now.set(file, { stamp, blob: one });
    return one;
  }

  /** Whether it is news that `file` cannot be read. */
  tell(file: string): boolean {
    const news = !this.told.has(file);
    this.told.add(file);
    return news;
  }

  /** The result for a file entry. */
  note(found: Found, file: SiteFile): void {
    this.told.delete(found.file);
    const there = this.now.get(found.file);
    if (there !== undefined) there.made = { found, file };
  }
}

export function stampOf(file: string): string {
  return stampIn(statSync(file, { bigint: true }));
}

/** Changes whenever the file does. Nanoseconds: two writes in one millisecond are two. */
export function stampIn(stats: BigIntStats): string {
  return `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`;
}
