import { type FSWatcher, statSync, watch } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { expectSystemError, ifSystemError } from '../../errors/codes.js';
import { isBelow } from '../site/walk.js';
import { identityOf, PathWatcher } from './watch-path.js';

/** With more files than this everything counts as changed. */
const TOUCHED = 10_000;

/** A watch belongs to a directory, and a path may lead to another one later. */
interface Watched {
  readonly watcher: FSWatcher;
  readonly identity: string | undefined;
}

/**
 * Watches a directory and all below it, and the way to it. Call `sync` when `touched` does not say what changed:
 * directories come and go.
 */
export class TreeWatcher {
  private readonly root: string;
  private readonly changed: () => void;
  private readonly watchers = new Map<string, Watched>();
  private readonly way: PathWatcher;
  /** Links may lead out of the tree. */
  private readonly follow: boolean;
  private closed = false;
  /** A directory could not be watched: the system has no watches left. Changes there are not noticed. */
  blind = false;
  /**
   * Paths from the root, `/blog/index.html`, of the files that may have changed since `settled`, if only files have;
   * undefined: anything may have changed.
   */
  touched: Set<string> | undefined;

  /** `follow`: directories elsewhere into which links may lead. */
  constructor(root: string, changed: () => void, follow: readonly string[] = []) {
    this.root = resolve(root);
    this.follow = follow.length > 0;
    this.changed = changed;
    this.way = new PathWatcher(this.root, () => this.touch(undefined));
  }

  /** Watches the present tree; later writes are noticed. False: the root is missing. */
  async sync(): Promise<boolean> {
    const seen = new Set<string>();
    this.blind = false;
    this.way.sync();
    const there = await this.visit(this.root, seen);
    for (const dir of this.watchers.keys()) if (!seen.has(dir)) this.forget(dir);
    return there;
  }

  /** The touched files have been read. */
  settled(): void {
    this.touched = new Set();
  }

  close(): void {
    this.closed = true;
    this.way.close();
    for (const { watcher } of this.watchers.values()) watcher.close();
    this.watchers.clear();
  }

  private async visit(dir: string, seen: Set<string>): Promise<boolean> {
    try {
      // First the watch, then the listing: an entry that appears between them is seen by one of the two.
      const watched = this.watchers.get(dir);
      if (watched !== undefined && watched.identity !== identityOf(dir)) this.forget(dir);
      if (!this.watchers.has(dir) && !this.closed) this.tryToAdd(dir);
      const entries = await readdir(dir, { withFileTypes: true });
      seen.add(dir);
      for (const entry of entries) {
        const path = join(dir, entry.name);
        if (entry.isDirectory()) await this.visit(path, seen);
        else if (this.follow && entry.isSymbolicLink()) await this.visitTarget(path, seen);
      }
      return true;
    } catch (error) {
      // The folder is gone, is another one by now, or may not be read.
      expectSystemError(error);
      return false;
    }
  }

  /** Watches the target of a link, if it is outside of the tree. */
  private async visitTarget(link: string, seen: Set<string>): Promise<void> {
    const target = await realpath(link).catch(ifSystemError(undefined));
    if (target === undefined || seen.has(target) || isBelow(target, await realpath(this.root))) return;
    const isDirectory = statSync(target, { throwIfNoEntry: false })?.isDirectory() ?? false;
    if (isDirectory) await this.visit(target, seen);
    else if (!seen.has(dirname(target))) {
      if (!this.watchers.has(dirname(target)) && !this.closed) this.tryToAdd(dirname(target));
      seen.add(dirname(target));
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
    const identity = identityOf(dir);
    const watcher = watch(dir, { persistent: true }, (event, name) => {
      const path = name === null ? undefined : join(dir, name);
      // The kernel reports the directory itself under its own name.
      const itself = path === join(dir, basename(dir));
      const known = path !== undefined && !this.watchers.has(path) && !itself;
      // A directory that was replaced by another one of the same name has another inode: watch the new one.
      if (event === 'rename' && path !== undefined) this.forget(path);
      if (event === 'rename' && itself) this.forget(dir);
      this.touch(known ? path : undefined);
    });
    watcher.on('error', () => {
      this.forget(dir);
      this.touch(undefined);
    });
    this.watchers.set(dir, { watcher, identity });
  }

  private touch(path: string | undefined): void {
    if (path === undefined || (this.touched?.size ?? 0) >= TOUCHED) this.touched = undefined;
    else this.touched?.add(`/${relative(this.root, path).replaceAll(sep, '/')}`);
    this.changed();
  }

  private forget(dir: string): void {
    this.watchers.get(dir)?.watcher.close();
    this.watchers.delete(dir);
  }
}
