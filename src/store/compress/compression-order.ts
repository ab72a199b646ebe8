/** In which order files are compressed while they are served. */

import type { SiteFile } from '../site/site.js';
import type { Task } from './compress.js';

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
export function* inServingOrder(tasks: Iterable<Task>, files: readonly SiteFile[]): Generator<void, Task[]> {
  const ranks = new Map<string, number>();
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
  return ranked.flat();
}

/** Brings the tasks of `hot` contents (their hashes) to the front, in their present order. */
export function promote(queue: Task[], hot: ReadonlySet<string>): void {
  if (hot.size === 0) return;
  const isHot = ({ blob }: Task): boolean => hot.has(blob.sha256);
  const first = queue.filter(isHot);
  if (first.length === 0) return;
  const rest = queue.filter((task) => !isHot(task));
  queue.length = 0;
  for (const task of first) queue.push(task);
  for (const task of rest) queue.push(task);
}
