/** Serves a directory while a generator rebuilds it. */

import { readdir } from 'node:fs/promises';
import { errorText } from '../../errors/report.js';
import type { OpenOptions } from '../options.js';
import { walkOptions } from '../plan/build.js';
import type { BundleStore } from '../read/bundle-store.js';
import { ShardedMap } from '../sharded-map.js';
import { BuildMemory } from '../site/build-memory.js';
import type { Found } from '../site/walk.js';
import { WalkMemory } from '../site/walk-memory.js';
import { Slices } from '../slices.js';
import type { Store } from '../store.js';
import { fileError } from '../store-error.js';
import { liveStore } from './directory.js';
import { TreeWatcher } from './watch-tree.js';

export interface WatchOptions extends OpenOptions {
  /** Milliseconds without a change after which a build counts as done. Default 50. */
  readonly settle?: number | undefined;
  /** Called with a message when the tree cannot be served as it is; the store that is served stays. */
  readonly onError?: ((sentence: string) => void) | undefined;
}

export interface Watcher {
  /** Checks everything soon, also what no event has told of. */
  check(): void;
  close(): void;
}

const SETTLE = 50;
/** Files between two looks at the clock. */
const STEP = 256;
/** Milliseconds that a tree that looks half-written gets to become complete, before it is accepted as it is. */
const PATIENCE = 1000;
/** How often a directory that is gone is looked for. */
const GONE = 100;
/**
 * Milliseconds after a change of single files until everything is checked. The check notices writes by another name of
 * a file, or into a map of it, and events that the kernel had no room to report.
 */
const CHECK = 1000;
/** Milliseconds until a tree that could not be served is tried again: of free descriptors there is no event. */
const RETRY = 10_000;

/**
 * Calls `onStore` with a store of `dir` now, and with another one after each change that made it a different site. It
 * waits while the tree changes, or changes during the reading. A tree that lost its home page, or in which a page has
 * become empty, gets another second: no half-written build is served. Nothing is compressed unless asked for. Rejects
 * with a StoreError when the directory cannot be served at first.
 */
export async function watchStore(
  dir: string,
  options: WatchOptions,
  onStore: (store: Store) => void,
): Promise<Watcher> {
  const watching = new Watching(dir, options, onStore);
  await watching.start();
  return watching;
}

class Watching implements Watcher {
  private readonly dir: string;
  private readonly options: WatchOptions;
  private readonly onStore: (store: Store) => void;
  private readonly memory = new BuildMemory();
  private readonly tree: TreeWatcher;
  private readonly walked: WalkMemory;
  private current: BundleStore | undefined;
  /** The files that `current` was made of. */
  private served: readonly Found[] = [];
  private changes = 0;
  /** When the last change was; performance.now(). */
  private lastChange = 0;
  private timer: NodeJS.Timeout | undefined;
  private busy = false;
  /** The warning that not everything can be watched has been given. */
  private toldBlind = false;
  /** What the operator was told last, until the tree is served again. */
  private told: string | undefined;
  private closed = false;

  constructor(dir: string, options: WatchOptions, onStore: (store: Store) => void) {
    this.dir = dir;
    this.options = options;
    this.onStore = onStore;
    this.tree = new TreeWatcher(dir, () => this.changed(), options.follow);
    this.walked = new WalkMemory(dir, walkOptions(options));
  }

  async start(): Promise<void> {
    await this.tree.sync();
    try {
      this.served = await this.walked.all();
      this.current = await liveStore(this.served, this.dir, this.options, this.memory);
    } catch (error) {
      this.close();
      throw error;
    }
    this.onStore(this.current);
    if (this.changes > 0) this.wait(this.settle);
    else this.taken(false);
  }

  /** The touched files are served. `again`: everything is checked once more. */
  private taken(again: boolean): void {
    this.told = undefined;
    this.tree.settled();
    if (again || this.tree.blind) this.wait(CHECK, true);
    if (!this.tree.blind || this.toldBlind) return;
    this.toldBlind = true;
    this.options.onError?.(
      `${this.dir}: the system has no watches left for all of it, so it is looked through each second; raise fs.inotify.max_user_watches`,
    );
  }

  check(): void {
    this.told = undefined;
    this.wait(0, true);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.tree.close();
  }

  private get settle(): number {
    return this.options.settle ?? SETTLE;
  }

  private changed(): void {
    this.changes++;
    this.lastChange = performance.now();
    if (this.current) this.wait(this.settle);
  }

  private wait(ms: number, all = false): void {
    clearTimeout(this.timer);
    if (!this.closed) this.timer = setTimeout(() => void this.rebuild(all), ms);
  }

  /** `all`: check everything, also files without an event. */
  private async rebuild(all: boolean): Promise<void> {
    if (this.busy) return this.wait(this.settle, all);
    this.busy = true;
    const before = this.changes;
    try {
      const { touched } = this.tree;
      const again = all || touched === undefined ? undefined : await this.walked.again(touched);
      if (again === undefined && !(await this.tree.sync())) {
        await this.lookForGone();
        return this.wait(GONE);
      }
      const found = again ?? (await this.walked.all());
      const store = await liveStore(found, this.dir, this.options, this.memory);
      await eventsSeen();
      // Files written meanwhile may be half of a build; their own timer runs.
      if (before !== this.changes || this.closed) return;
      if (store.id !== this.current?.id) {
        if (await new Slices().through(this.looksUnfinished(found))) return this.wait(this.settle);
        if (before !== this.changes || this.closed) return;
        this.current = store;
        this.served = found;
        this.onStore(store);
      }
      this.taken(again !== undefined);
    } catch (error) {
      if (this.closed || before !== this.changes) return;
      if (performance.now() - this.lastChange < PATIENCE) this.wait(this.settle * 2);
      else {
        this.tell(errorText(error));
        this.wait(RETRY, true);
      }
    } finally {
      this.busy = false;
    }
  }

  /** A directory that is built again is gone for a moment; the operator hears of one that stays away. */
  private async lookForGone(): Promise<void> {
    if (performance.now() - this.lastChange < PATIENCE) return;
    try {
      await readdir(this.dir);
    } catch (error) {
      this.tell(errorText(fileError(error, this.dir)));
    }
  }

  /** Once, however often it is tried. */
  private tell(failure: string): void {
    if (this.told === failure) return;
    this.told = failure;
    this.options.onError?.(`${failure}; the version that was served stays`);
  }

  private *looksUnfinished(found: readonly Found[]): Generator<void, boolean> {
    if (performance.now() - this.lastChange >= PATIENCE) return false;
    const sizes = new ShardedMap<string, number>();
    for (const [i, { path, size }] of found.entries()) {
      if (i % STEP === 0) yield;
      sizes.set(path, size);
    }
    for (const [i, { path, size }] of this.served.entries()) {
      if (i % STEP === 0) yield;
      const now = sizes.get(path);
      if ((now === 0 && size > 0) || (now === undefined && path === '/index.html')) return true;
    }
    return false;
  }
}

/** Lets the loop read the kernel's events so far: it polls between two turns. */
async function eventsSeen(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve));
}
