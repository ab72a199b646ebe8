/** A directory that is served at once, as it is, while its files are compressed in the background. */

import { errorText } from '../../errors/report.js';
import { bundleInMemory, liveBundle } from '../bundle/write-bundle.js';
import { levelOf } from '../compress/codings.js';
import { codingsOf, compressOne, fromBundle, type Task, tasksStepwise, withCodings } from '../compress/compress.js';
import { CompressPool } from '../compress/compress-pool.js';
import { CompressionCache } from '../compress/compression-cache.js';
import { inServingOrder, promote } from '../compress/compression-order.js';
import type { OpenOptions } from '../options.js';
import { decide, layOutPlan, type Plan, walkOptions } from '../plan/build.js';
import { BundleStore } from '../read/bundle-store.js';
import { walkStepwise } from '../site/walk.js';
import { Slices } from '../slices.js';
import type { Store } from '../store.js';

export interface ServeDirectoryOptions extends OpenOptions {
  /** Called with each version of the same site that has more codings than the last. */
  readonly onCoded: (store: Store) => void;
  /** Called with a message about the progress of the compression. */
  readonly onNote: (sentence: string) => void;
  /** Bytes of compressible files up to which a site is compressed before it is served. Default 1 MiB. */
  readonly atOnce?: number | undefined;
  /** Milliseconds between two versions at least. Default 5,000. */
  readonly interval?: number | undefined;
}

const AT_ONCE = 2 ** 20;
const INTERVAL = 5000;
/** The largest share of the time that laying out versions may take. */
const SHARE = 1 / 20;
/** Tasks under way: reading, waiting for a thread, writing to the cache. */
const UNDER_WAY = 8;
/** Milliseconds between the first version and the work in the background. */
const BEGIN = 50;
/** Tasks between two looks at the clock. */
const STEP = 256;
/** Tasks between two checks which files were requested. */
const LOOK = 128;

/** One directory and its compressed contents, which stay from one reading to the next. */
export class ServedDirectory {
  private readonly options: ServeDirectoryOptions;
  private readonly done = new Map<string, Task>();
  private running: Compression | undefined;

  constructor(
    private readonly dir: string,
    options: ServeDirectoryOptions,
  ) {
    this.options = { compressors: 'node', ...options, compression: options.compression ?? 'fast' };
  }

  /**
   * Reads the directory. The store has the contents compressed before, and all codings when there is little to
   * compress. Rejects with a StoreError; the work of an earlier reading ends.
   */
  async open(): Promise<Store> {
    this.close();
    const slices = new Slices();
    const found = await slices.through(walkStepwise(this.dir, walkOptions(this.options)));
    const plan = await decide(found, this.dir, this.options);
    const tasks = this.options.compression === 'none' ? [] : await slices.through(tasksStepwise(plan.files));
    const { left, bytes } = await slices.through(this.undone(tasks));
    const little = bytes <= (this.options.atOnce ?? AT_ONCE);
    const compression = new Compression(this.dir, plan, this.options, { done: this.done, left, background: !little });
    this.running = compression;
    if (little) {
      await compression.work();
      return compression.whole();
    }
    const store = await compression.version();
    // The order of the work alone takes a tenth of a second for a large site: it is listened on first.
    compression.announce();
    setTimeout(() => void compression.run(store), BEGIN);
    return store;
  }

  /** Ends the work in the background. */
  close(): void {
    this.running?.stop();
    this.running = undefined;
  }

  /** Those of `tasks` that are not done, and the bytes of their contents. What is not wanted any more is forgotten. */
  private *undone(tasks: readonly Task[]): Generator<void, { left: Set<Task>; bytes: number }> {
    const { done } = this;
    const first = done.size === 0;
    const wanted = new Set<string>();
    const left = new Set<Task>();
    let bytes = 0;
    let last = '';
    for (const [i, task] of tasks.entries()) {
      if (i % STEP === 0) yield;
      if (!first) {
        const key = keyOf(task);
        wanted.add(key);
        if (done.has(key)) continue;
      }
      left.add(task);
      // The tasks of one content follow each other.
      if (task.blob.sha256 !== last) bytes += task.blob.size;
      last = task.blob.sha256;
    }
    for (const key of done.keys()) if (!wanted.has(key)) done.delete(key);
    return { left, bytes };
  }
}

function keyOf({ blob, coding }: Task): string {
  return `${blob.sha256} ${coding}`;
}

/** What is compressed, what is not yet, and whether the server runs meanwhile. */
interface Work {
  readonly done: Map<string, Task>;
  readonly left: Set<Task>;
  readonly background: boolean;
}

/** The compression of one reading. */
class Compression {
  private readonly done: Map<string, Task>;
  private readonly left: Set<Task>;
  private readonly pool: CompressPool;
  private readonly cache: CompressionCache | undefined;
  private total = 0;
  /** Hashes. */
  private readonly hot = new Set<string>();
  private bytes = 0;
  private stopped = false;

  constructor(
    private readonly dir: string,
    private readonly plan: Plan,
    private readonly options: ServeDirectoryOptions,
    { done, left, background }: Work,
  ) {
    this.done = done;
    this.left = left;
    this.pool = new CompressPool({ background });
    this.cache = options.cache === false ? undefined : new CompressionCache(options.cache, options.cacheBytes);
    for (const { blob } of left) this.total += blob.size;
  }

  stop(): void {
    this.stopped = true;
    void this.pool.close();
  }

  /** The site as a bundle in memory, when all is compressed. */
  async whole(): Promise<BundleStore> {
    const coded = withCodings(this.plan.files, codingsOf([...this.done.values()]));
    const bytes = await bundleInMemory(await layOutPlan(this.plan, coded), { sums: this.options.sums ?? true });
    return new BundleStore(bytes, { name: this.dir, trusted: true });
  }

  /** The site with the contents compressed so far; contents stay where they are in memory. */
  async version(): Promise<BundleStore> {
    const { files } = this.plan;
    const slices = new Slices();
    const left = new Set(Array.from(this.left, ({ blob }) => blob.sha256));
    if (slices.due) await slices.rest();
    const results = codingsOf([...this.done.values()]);
    if (slices.due) await slices.rest();
    const coded = withCodings(files, results);
    if (slices.due) await slices.rest();
    const pending = coded.map((file) => (left.has(file.coded[0]!.blob.sha256) ? { ...file, pending: true } : file));
    const { bytes, bodies } = await liveBundle(await layOutPlan(this.plan, pending));
    return new BundleStore(bytes, { name: this.dir, trusted: true, bodies });
  }

  /** What is about to be done. */
  announce(): void {
    const files = new Set(Array.from(this.left, ({ blob }) => blob.sha256)).size;
    this.options.onNote(`${this.dir} is served as it is; ${files} files are compressed in the background`);
  }

  /** Compresses everything, beginning with the files requested from `store`, and publishes versions meanwhile. */
  async run(store: BundleStore): Promise<void> {
    if (this.stopped) return;
    const { onNote, onCoded, interval = INTERVAL } = this.options;
    let current = store;
    let pause = interval;
    let last = performance.now();
    const publish = async (): Promise<void> => {
      const began = performance.now();
      const next = await this.version();
      if (this.stopped) return;
      current = next;
      onCoded(next);
      last = performance.now();
      pause = Math.max(interval, (last - began) / SHARE);
    };
    try {
      const working = this.work(() => this.lookAt(current));
      let finished = false;
      const end = working.then(() => {
        finished = true;
      });
      while (!finished && !this.stopped) {
        await Promise.race([end, wait(Math.max(0, last + pause - performance.now()))]);
        if (finished || this.stopped) break;
        onNote(`${this.dir}: ${Math.floor((this.bytes / Math.max(1, this.total)) * 100)}% is compressed`);
        await publish();
      }
      await working;
      if (this.stopped) return;
      await publish();
      onNote(`${this.dir}: all is compressed`);
    } catch (error) {
      if (this.stopped) return;
      // The site is served all the same; the next reading tries again.
      onNote(`${errorText(error)}; what is not compressed yet is served as it is`);
    }
  }

  /** Does all tasks; `hot` returns the hashes of the contents that come first, and is called now and then. */
  async work(hot: () => ReadonlySet<string> = () => new Set()): Promise<void> {
    const queue = await new Slices().through(inServingOrder(this.left, this.plan.files));
    let taken = 0;
    const one = async (): Promise<void> => {
      while (queue.length > 0 && !this.stopped) {
        if (taken++ % LOOK === 0) promote(queue, hot());
        await this.compress(queue.shift()!);
      }
    };
    try {
      await Promise.all(Array.from({ length: UNDER_WAY }, one));
    } finally {
      await this.pool.close();
    }
    if (!this.stopped) await this.cache?.trim();
  }

  private async compress(task: Task): Promise<void> {
    const { compression = 'fast' } = this.options;
    if (compression === 'none') return;
    task.result =
      (await fromBundle(task, this.cache)) ??
      (await compressOne(task, levelOf(compression, task.coding), this.options, this.pool, this.cache));
    this.bytes += task.blob.size;
    this.done.set(keyOf(task), task);
    this.left.delete(task);
  }

  /** The contents of the files that clients requested, since the first version. */
  private lookAt(store: BundleStore): ReadonlySet<string> {
    for (const [i, file] of this.plan.files.entries()) if (store.wasAsked(i)) this.hot.add(file.coded[0]!.blob.sha256);
    return this.hot;
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
