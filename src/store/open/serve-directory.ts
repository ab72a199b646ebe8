/** A directory that is served at once, as it is, while its files are compressed in the background. */

import { errorText } from '../../errors/report.js';
import type { Layout } from '../bundle/layout.js';
import { bundleInMemory, liveBundle } from '../bundle/write-bundle.js';
import { levelOf } from '../compress/codings.js';
import { compressOne, fromBundle, Results, tasksStepwise, withCodings } from '../compress/compress.js';
import { CompressPool } from '../compress/compress-pool.js';
import { type CompressionCache, cacheOf } from '../compress/compression-cache.js';
import { servingOrder, TaskQueue } from '../compress/compression-order.js';
import type { Given, Made, SharedWork } from '../compress/shared-work.js';
import type { Task } from '../compress/task.js';
import type { OpenOptions } from '../options.js';
import { decide, layOutPlan, type Plan, walkOptions } from '../plan/build.js';
import { BundleStore } from '../read/bundle-store.js';
import { ShardedMap } from '../sharded-map.js';
import { BuildMemory } from '../site/build-memory.js';
import { Slabs } from '../site/slabs.js';
import { walkStepwise } from '../site/walk.js';
import { filtered, mapped, Slices } from '../slices.js';
import type { Store } from '../store.js';

export interface ServeDirectoryOptions extends OpenOptions {
  /** Called with each version of the same site that has more codings than the last. */
  readonly onCoded: (store: Store) => void;
  /** Called with a message about the progress of the compression. */
  readonly onNote: (sentence: string) => void;
  /** Bytes of compressible files up to which a site is compressed before it is served. Default 1 MiB. */
  readonly atOnce?: number | undefined;
  /** Other processes that serve the same directory, and take a part of the work in the background. Default: none. */
  readonly shared?: SharedWork | undefined;
  /** Milliseconds between two versions at least. Default 5,000. */
  readonly interval?: number | undefined;
}

const AT_ONCE = 2 ** 20;
const INTERVAL = 5000;
/** The largest share of the time that laying out versions may take. */
const SHARE = 1 / 20;
/**
 * Tasks beside those that threads work on: they read from the cache, and write to it. Of each something may be done on
 * the serving thread between two answers.
 */
const BESIDE = 2;
/** Milliseconds between the first version and the work in the background. */
const BEGIN = 50;
/** Tasks between two looks at the clock. */
const STEP = 256;
/** Tasks between two checks which files were requested. */
const LOOK = 128;
/** Bytes; the contents of a larger site are not copied into one piece of memory. */
const COPIED = 2 ** 26;

/** What is not compressed yet. */
interface Undone {
  readonly tasks: readonly Task[];
  /** Contents. */
  readonly files: number;
  /** Of the contents. */
  readonly bytes: number;
  /** Of the contents, once for each task. */
  readonly work: number;
}

/** One directory and its compressed contents, which stay from one reading to the next. */
export class ServedDirectory {
  private readonly options: ServeDirectoryOptions;
  private readonly done = new Results();
  private readonly memory = new BuildMemory();
  private running: Compression | undefined;
  /** The work that the last reading left, until `begin`. */
  private next: { readonly compression: Compression; readonly store: BundleStore } | undefined;

  constructor(
    private readonly dir: string,
    options: ServeDirectoryOptions,
  ) {
    this.options = { compressors: 'node', ...options, compression: options.compression ?? 'fast' };
  }

  /**
   * Reads the directory; files that did not change since the last reading are not read again. The store has the
   * contents compressed before, and all codings when there is little to compress; `begin` makes the rest. Rejects with
   * a StoreError. The work of an earlier reading rests meanwhile, and goes on until `begin`, because its store may be
   * served further.
   */
  async open(): Promise<Store> {
    this.next = undefined;
    const { running } = this;
    running?.rest();
    try {
      return await this.read();
    } finally {
      running?.goOn();
    }
  }

  private async read(): Promise<Store> {
    const slices = new Slices();
    const found = await slices.through(walkStepwise(this.dir, walkOptions(this.options)));
    this.memory.begin();
    const plan = await decide(found, this.dir, this.options, this.memory);
    const tasks = this.options.compression === 'none' ? [] : await slices.through(tasksStepwise(plan.files));
    const undone = await slices.through(this.undone(tasks));
    const little = undone.bytes <= (this.options.atOnce ?? AT_ONCE);
    const work = { done: this.done, undone, background: !little };
    const compression = new Compression(this.dir, plan, this.options, work);
    if (little) {
      await compression.work();
      return compression.whole();
    }
    const store = await compression.version();
    this.next = { compression, store };
    return store;
  }

  /** The store of the last reading is served: its contents are compressed in the background from now on. */
  begin(): void {
    const { next } = this;
    this.close();
    if (next === undefined) return;
    const { compression, store } = next;
    this.running = compression;
    compression.announce();
    // The order of the work alone takes a tenth of a second for a large site: it is listened on first.
    setTimeout(() => void compression.run(store), BEGIN);
  }

  /** Ends the work in the background. */
  close(): void {
    this.running?.stop();
    this.running = undefined;
    this.next = undefined;
  }

  /** Those of `tasks` that are not done, and the bytes of their contents. What is not wanted any more is forgotten. */
  private *undone(tasks: readonly Task[]): Generator<void, Undone> {
    const { done } = this;
    const first = done.empty;
    const wanted = new ShardedMap<string, true>();
    const left: Task[] = [];
    let files = 0;
    let bytes = 0;
    let work = 0;
    let last = '';
    for (const [i, task] of tasks.entries()) {
      if (i % STEP === 0) yield;
      if (!first) {
        wanted.set(task.blob.sha256, true);
        if (done.of(task) !== undefined) continue;
      }
      left.push(task);
      // The tasks of one content follow each other.
      if (task.blob.sha256 !== last) {
        files++;
        bytes += task.blob.size;
      }
      work += task.blob.size;
      last = task.blob.sha256;
    }
    yield* done.forget((sha256) => wanted.has(sha256));
    return { tasks: left, files, bytes, work };
  }
}

/** What is compressed, what is not yet, and whether the server runs meanwhile. */
interface Work {
  readonly done: Results;
  readonly undone: Undone;
  readonly background: boolean;
}

/** The compression of one reading. */
class Compression {
  private readonly done: Results;
  private readonly undone: Undone;
  private readonly pool: CompressPool;
  private readonly cache: CompressionCache | undefined;
  private readonly slabs = new Slabs();
  /** The contents that clients requested; hashes. */
  private readonly hot = new Set<string>();
  private bytes = 0;
  private readonly shared: SharedWork | undefined;
  private given: Given | undefined;
  private looking = false;
  private stopped = false;
  private resting: Promise<void> | undefined = undefined;
  private wake: () => void = () => undefined;
  private halt: () => void = () => undefined;
  private readonly halted = new Promise<void>((resolve) => {
    this.halt = resolve;
  });

  constructor(
    private readonly dir: string,
    private readonly plan: Plan,
    private readonly options: ServeDirectoryOptions,
    { done, undone, background }: Work,
  ) {
    this.done = done;
    this.undone = undone;
    this.pool = new CompressPool({ background });
    this.cache = cacheOf(options);
    // Before the first answer this process makes everything itself: a wait for another one would delay it.
    this.shared = background ? options.shared : undefined;
  }

  /** Begins nothing until `goOn`: the next version is read, for which the processor and the memory are needed. */
  rest(): void {
    this.resting ??= new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  goOn(): void {
    this.resting = undefined;
    this.wake();
  }

  stop(): void {
    this.stopped = true;
    this.goOn();
    // A large site's pause is a minute, for which all of this version would stay in memory.
    this.halt();
    void this.pool.close();
  }

  /** The site when all is compressed: as a bundle in memory, unless it is too large to be copied. */
  async whole(): Promise<BundleStore> {
    const slices = new Slices();
    const coded = await slices.through(withCodings(this.plan.files, this.done));
    const layout = await layOutPlan(this.plan, coded);
    if (layout.contentBytes > COPIED) return this.live(layout);
    const bytes = await bundleInMemory(layout, { sums: this.options.sums ?? true });
    return new BundleStore(bytes, { name: this.dir, trusted: true });
  }

  /** The site with the contents compressed so far; contents stay where they are in memory. */
  async version(): Promise<BundleStore> {
    const slices = new Slices();
    const left = new ShardedMap<string, true>();
    const { done } = this;
    const look = (task: Task): void => void (done.of(task) === undefined && left.set(task.blob.sha256, true));
    await slices.through(mapped(this.undone.tasks, look));
    const coded = await slices.through(withCodings(this.plan.files, done));
    const pending = mapped(coded, (file) => (left.has(file.coded[0]!.blob.sha256) ? { ...file, pending: true } : file));
    return this.live(await layOutPlan(this.plan, await slices.through(pending)));
  }

  private async live(layout: Layout): Promise<BundleStore> {
    const { bytes, bodies } = await liveBundle(layout);
    return new BundleStore(bytes, { name: this.dir, trusted: true, bodies });
  }

  /** What is about to be done. */
  announce(): void {
    this.options.onNote(`${this.dir} is served as it is; ${this.undone.files} files are compressed in the background`);
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
      const working = this.work((queue) => this.promote(queue, current));
      let finished = false;
      const end = working.then(() => {
        finished = true;
      });
      while (!finished && !this.stopped) {
        await Promise.race([end, this.halted, wait(Math.max(0, last + pause - performance.now()))]);
        await this.resting;
        if (finished || this.stopped) break;
        onNote(`${this.dir}: ${Math.floor((this.bytes / Math.max(1, this.undone.work)) * 100)}% is compressed`);
        await publish();
      }
      await working;
      if (this.stopped) return;
      await publish();
      const { given } = this;
      onNote(`${this.dir}: all is compressed${given === undefined ? '' : `, ${given.count} results by other workers`}`);
    } catch (error) {
      if (this.stopped) return;
      // The site is served all the same; the next reading tries again.
      onNote(`${errorText(error)}; what is not compressed yet is served as it is`);
    }
  }

  /** Does all tasks; `promote` brings those that come first to the front, and is called now and then. */
  async work(promote: (queue: TaskQueue) => Promise<void> = () => Promise.resolve()): Promise<void> {
    const queue = await this.queue();
    const given = this.shared?.for(queue);
    this.given = given;
    let taken = 0;
    const one = async (): Promise<void> => {
      for (;;) {
        await this.resting;
        if (taken++ % LOOK === 0) await promote(queue);
        if (this.stopped) return;
        const next = given?.next();
        const task = next?.task ?? queue.take();
        if (task === undefined) return;
        await this.compress(task, next?.made);
      }
    };
    try {
      await Promise.all(Array.from({ length: this.pool.threads + BESIDE }, one));
    } finally {
      given?.end();
      await this.pool.close();
    }
    if (!this.stopped) await this.cache?.trim();
  }

  /** The tasks in their order. Those of other processes come last, from the end: where they are by then is unknown. */
  private async queue(): Promise<TaskQueue> {
    const { shared } = this;
    const slices = new Slices();
    let tasks = await slices.through(servingOrder(this.undone.tasks, this.plan.files));
    if (shared !== undefined) {
      const own = await slices.through(filtered(tasks, (task) => shared.isOwn(task)));
      const others = await slices.through(filtered(tasks, (task) => !shared.isOwn(task)));
      tasks = own.concat(others.reverse());
    }
    return slices.through(TaskQueue.of(tasks));
  }

  private async compress(task: Task, given: Made | undefined): Promise<void> {
    const { pool, cache, shared } = this;
    const { compression = 'fast' } = this.options;
    if (compression === 'none') return;
    // The work of the reading before may have gone on until this one began.
    if (this.done.of(task) === undefined) {
      const level = levelOf(compression, task.coding);
      const kept = await fromBundle(task, cache);
      const result = kept ?? (await compressOne(task, level, this.options, { pool, cache, shared, given }));
      this.done.set(task, result && (await this.slabs.hold(result)));
    }
    this.bytes += task.blob.size;
  }

  /** The contents of files that clients requested come first. One look at all files is enough at a time. */
  private async promote(queue: TaskQueue, store: BundleStore): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    try {
      await this.lookForRequested(queue, store);
    } finally {
      this.looking = false;
    }
  }

  private async lookForRequested(queue: TaskQueue, store: BundleStore): Promise<void> {
    const slices = new Slices();
    for (const [i, file] of this.plan.files.entries()) {
      if (i % STEP === 0 && slices.due) await slices.rest();
      const { sha256 } = file.coded[0]!.blob;
      if (!store.wasAsked(i) || this.hot.has(sha256)) continue;
      this.hot.add(sha256);
      queue.promote([sha256]);
    }
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
