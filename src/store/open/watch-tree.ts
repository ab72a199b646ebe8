import { type FSWatcher, watch } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';

/** More files than this are as good as all. */
const TOUCHED = 10_000;

/** Watches a directory and all below it. Call `sync` when `touched` does not say what changed: directories come and go. */
export class TreeWatcher {
  private readonly root: string;
  private readonly changed: () => void;
  private readonly watchers = new Map<string, FSWatcher>();
  private closed = false;
  /** A directory could not be watched: the system has no watches left. What changes there is not noticed. */
  blind = false;
  /**
   * Paths from the root, `/blog/index.html`, of what may have changed since `settled`, if that is nothing but files; undefined: anything
   * may.
   */
  touched: Set<string> | undefined;

  constructor(root: string, changed: () => void) {
    this.root = resolve(root);
    this.changed = changed;
  }

  /** Watches what is there now; what is written from then on is noticed. False: the root is not there. */
  async sync(): Promise<boolean> {
    const seen = new Set<string>();
    this.blind = false;
    const there = await this.visit(this.root, seen);
    for (const [dir, watcher] of this.watchers) {
      if (seen.has(dir)) continue;
      watcher.close();
      this.watchers.delete(dir);
    }
    return there;
  }

  /** What was touched has been taken in. */
  settled(): void {
    this.touched = new Set();
  }

  close(): void {
    this.closed = true;
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
  }

  private async visit(dir: string, seen: Set<string>): Promise<boolean> {
    try {
      // First the watch, then the look: what appears between them is seen by one of the two.
      if (!this.watchers.has(dir) && !this.closed) this.tryToAdd(dir);
      const entries = await readdir(dir, { withFileTypes: true });
      seen.add(dir);
      for (const entry of entries) if (entry.isDirectory()) await this.visit(join(dir, entry.name), seen);
      return true;
    } catch {
      return false;
    }
  }

  private tryToAdd(dir: string): void {
    try {
      this.add(dir);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOSPC' && code !== 'EMFILE') throw error;
      this.blind = true;
    }
  }

  private add(dir: string): void {
    const watcher = watch(dir, { persistent: true }, (event, name) => {
      const path = name === null ? undefined : join(dir, name);
      // The kernel tells of the directory itself by its own name.
      const known = path !== undefined && !this.watchers.has(path) && path !== join(dir, basename(dir));
      // A directory that is replaced by another one of the same name has another inode: watch that.
      if (event === 'rename' && path !== undefined) this.forget(path);
      this.touch(known ? path : undefined);
    });
    watcher.on('error', () => {
      this.forget(dir);
      this.touch(undefined);
    });
    this.watchers.set(dir, watcher);
  }

  private touch(path: string | undefined): void {
    if (path === undefined || (this.touched?.size ?? 0) >= TOUCHED) this.touched = undefined;
    else this.touched?.add(`/${relative(this.root, path).replaceAll(sep, '/')}`);
    this.changed();
  }

  private forget(dir: string): void {
    this.watchers.get(dir)?.close();
    this.watchers.delete(dir);
  }
}
