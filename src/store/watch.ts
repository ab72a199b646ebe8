/** Serves a directory while a generator rebuilds it. */
import { BuildMemory } from './build-memory.js';
import type { BundleStore } from './bundle-store.js';
import { liveStore } from './directory.js';
import type { OpenOptions } from './options.js';
import type { Resource, Store } from './store.js';
import { TreeWatcher } from './watch-tree.js';

export interface WatchOptions extends OpenOptions {
  /** Milliseconds without a change after which a build counts as done. Default 50. */
  readonly settle?: number | undefined;
  /** Called with a sentence when the tree cannot be served as it is; the store that is served stays. */
  readonly onError?: ((sentence: string) => void) | undefined;
}

export interface Watcher {
  close(): void;
}

const SETTLE = 50;
/** A tree that looks half-written has so long to become whole, in milliseconds, before it is taken for what is meant. */
const PATIENCE = 1000;
/** How often a directory that is gone is looked for. */
const GONE = 100;

/**
 * Calls `onStore` with a store of `dir` now, and with another one after each change that made it a different site. A tree that
 * still changes, or changes while it is read, is waited for, and one that lost its home page, or has a page empty that was
 * not, is given a second: no half-written build is served. Nothing is compressed unless asked for. Rejects with a
 * StoreError when the directory cannot be served at first.
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
  private current: BundleStore | undefined;
  private changes = 0;
  /** When the last change was; performance.now(). */
  private lastChange = 0;
  private timer: NodeJS.Timeout | undefined;
  private busy = false;
  private closed = false;

  constructor(dir: string, options: WatchOptions, onStore: (store: Store) => void) {
    this.dir = dir;
    this.options = options;
    this.onStore = onStore;
    this.tree = new TreeWatcher(dir, () => this.changed());
  }

  async start(): Promise<void> {
    await this.tree.sync();
    try {
      this.current = await liveStore(this.dir, this.options, this.memory);
    } catch (error) {
      this.close();
      throw error;
    }
    this.onStore(this.current);
    if (this.changes > 0) this.wait(this.settle);
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

  private wait(ms: number): void {
    clearTimeout(this.timer);
    if (!this.closed) this.timer = setTimeout(() => void this.rebuild(), ms);
  }

  private async rebuild(): Promise<void> {
    if (this.busy) return this.wait(this.settle);
    this.busy = true;
    const before = this.changes;
    try {
      if (!(await this.tree.sync())) return this.wait(GONE);
      const store = await liveStore(this.dir, this.options, this.memory);
      await eventsSeen();
      // What was written meanwhile may be half of a build; its own timer runs.
      if (before !== this.changes || this.closed || store.id === this.current?.id) return;
      if (this.looksUnfinished(store)) return this.wait(this.settle);
      this.current = store;
      this.onStore(store);
    } catch (error) {
      if (this.closed || before !== this.changes) return;
      if (performance.now() - this.lastChange < PATIENCE) this.wait(this.settle * 2);
      else this.options.onError?.(error instanceof Error ? error.message : String(error));
    } finally {
      this.busy = false;
    }
  }

  private looksUnfinished(store: BundleStore): boolean {
    if (performance.now() - this.lastChange >= PATIENCE || !this.current) return false;
    const sizes = new Map(Array.from(store.resources(), (resource) => [resource.path, sizeOf(resource)]));
    for (const resource of this.current.resources()) {
      const size = sizes.get(resource.path);
      if (size === 0 && sizeOf(resource) > 0) return true;
      if (size === undefined && resource.path === '/index.html') return true;
    }
    return false;
  }
}

/** Lets the loop look at what the kernel has noticed so far: between two turns it polls. */
async function eventsSeen(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve));
}

function sizeOf(resource: Resource): number {
  const body = resource.representations[0]?.body;
  return body ? body.end - body.start : 0;
}
