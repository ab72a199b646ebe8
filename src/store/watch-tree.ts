import { type FSWatcher, watch } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Watches a directory and all below it. Call `sync` after each change: directories come and go. */
export class TreeWatcher {
  private readonly root: string;
  private readonly changed: () => void;
  private readonly watchers = new Map<string, FSWatcher>();
  private closed = false;

  constructor(root: string, changed: () => void) {
    this.root = root;
    this.changed = changed;
  }

  /** Watches what is there now; what is written from then on is noticed. False: the root is not there. */
  async sync(): Promise<boolean> {
    const seen = new Set<string>();
    const there = await this.visit(this.root, seen);
    for (const [dir, watcher] of this.watchers) {
      if (seen.has(dir)) continue;
      watcher.close();
      this.watchers.delete(dir);
    }
    return there;
  }

  close(): void {
    this.closed = true;
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
  }

  private async visit(dir: string, seen: Set<string>): Promise<boolean> {
    try {
      // First the watch, then the look: what appears between them is seen by one of the two.
      if (!this.watchers.has(dir) && !this.closed) this.add(dir);
      const entries = await readdir(dir, { withFileTypes: true });
      seen.add(dir);
      for (const entry of entries) if (entry.isDirectory()) await this.visit(join(dir, entry.name), seen);
      return true;
    } catch {
      return false;
    }
  }

  private add(dir: string): void {
    const watcher = watch(dir, { persistent: true }, (event, name) => {
      // A directory that is replaced by another one of the same name has another inode: watch that.
      if (event === 'rename' && name !== null) this.forget(join(dir, name));
      this.changed();
    });
    watcher.on('error', () => {
      this.forget(dir);
      this.changed();
    });
    this.watchers.set(dir, watcher);
  }

  private forget(dir: string): void {
    this.watchers.get(dir)?.close();
    this.watchers.delete(dir);
  }
}
