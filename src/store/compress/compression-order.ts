/** In which order files are compressed while they are served. */

import { ShardedMap } from '../sharded-map.js';
import type { SiteFile } from '../site/site.js';
import type { Compressed } from './codings.js';
import type { Task } from './task.js';

/** Browsers that know brotli take it: it comes first. */
const CODINGS = ['br', 'gzip', 'zstd'];

/** Files that every page needs, then pages, those near the root first, then the rest. */
function rankOf({ path, type }: SiteFile): number {
  const kind = /^text\/(?:css|javascript)/.test(type) ? 0 : type.startsWith('text/html') ? 1 : 2;
  return kind * 1000 + Math.min(path.split('/').length, 999);
}

/** Files, or tasks, between two looks at the clock. */
const STEP = 256;

/** `tasks` in the order that suits visitors of whose requests nothing is known yet. Yields now and then. */
export function* servingOrder(tasks: Iterable<Task>, files: readonly SiteFile[]): Generator<void, Task[]> {
  const ranks = new ShardedMap<string, number>();
  for (const [i, file] of files.entries()) {
    if (i % STEP === 0) yield;
    const { sha256 } = file.coded[0]!.blob;
    ranks.set(sha256, Math.min(rankOf(file), ranks.get(sha256) ?? Number.POSITIVE_INFINITY));
  }
  const rank = ({ blob, coding }: Task): number =>
    (ranks.get(blob.sha256) ?? 0) * CODINGS.length + CODINGS.indexOf(coding);
  // Hundreds of thousands of tasks have a few dozen ranks: they are not compared with one another.
  const ranked: Task[][] = [];
  let n = 0;
  for (const task of tasks) {
    if (n++ % STEP === 0) yield;
    const there = ranked[rank(task)];
    if (there === undefined) ranked[rank(task)] = [task];
    else there.push(task);
  }
  const ordered: Task[] = [];
  for (const group of ranked)
    for (const task of group ?? []) {
      if (ordered.length % STEP === 0) yield;
      ordered.push(task);
    }
  return ordered;
}

const WAITS = 0;
const TAKEN = 1;
const PROMOTED = 2;

/** Tasks in their order, each of which is taken once; what is requested goes before the rest. */
export class TaskQueue {
  private readonly tasks: readonly Task[];
  /** The numbers of the tasks of each content (its hash). */
  private readonly byContent = new ShardedMap<string, number[]>();
  /** By the numbers of the tasks. */
  private readonly state: Uint8Array;
  /** Numbers of those that were promoted. */
  private readonly first: number[] = [];
  private nextFirst = 0;
  private next = 0;

  private constructor(tasks: readonly Task[]) {
    this.tasks = tasks;
    this.state = new Uint8Array(tasks.length);
  }

  /** Yields now and then. */
  static *of(tasks: readonly Task[]): Generator<void, TaskQueue> {
    const queue = new TaskQueue(tasks);
    for (const [i, task] of tasks.entries()) {
      if (i % STEP === 0) yield;
      const { sha256 } = task.blob;
      const others = queue.byContent.get(sha256);
      if (others === undefined) queue.byContent.set(sha256, [i]);
      else others.push(i);
    }
    return queue;
  }

  /** Takes the next task; undefined: none is left. */
  take(): Task | undefined {
    const number = this.nextPromoted() ?? this.nextInOrder();
    if (number === undefined) return undefined;
    this.state[number] = TAKEN;
    return this.tasks[number];
  }

  /** Takes that task of the content with this hash; undefined: it is not here, or was taken. */
  takeThat(sha256: string, coding: Compressed): Task | undefined {
    for (const number of this.byContent.get(sha256) ?? []) {
      if (this.state[number] === TAKEN || this.tasks[number]!.coding !== coding) continue;
      this.state[number] = TAKEN;
      return this.tasks[number];
    }
    return undefined;
  }

  /** Brings the tasks of `hot` contents (their hashes) before those that were not requested. */
  promote(hot: Iterable<string>): void {
    for (const hash of hot)
      for (const number of this.byContent.get(hash) ?? []) {
        if (this.state[number] !== WAITS) continue;
        this.state[number] = PROMOTED;
        this.first.push(number);
      }
  }

  private nextPromoted(): number | undefined {
    while (this.nextFirst < this.first.length) {
      const number = this.first[this.nextFirst++]!;
      if (this.state[number] === PROMOTED) return number;
    }
    return undefined;
  }

  private nextInOrder(): number | undefined {
    while (this.next < this.tasks.length) {
      const number = this.next++;
      if (this.state[number] === WAITS) return number;
    }
    return undefined;
  }
}
