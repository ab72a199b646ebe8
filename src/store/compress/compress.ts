/** Adds to files a representation in each coding that makes them smaller. */

import type { Compressors, SiteOptions } from '../options.js';
import { ShardedMap } from '../sharded-map.js';
import { blobOf } from '../site/blob.js';
import { compressible } from '../site/media-type.js';
import type { Blob, Coded, SiteFile } from '../site/site.js';
import { atOnce, mapped, sorted } from '../slices.js';
import { StoreError } from '../store-error.js';
import { COMPRESSED, type Compressed, compressorVersion, levelOf, worthKeeping, worthTrying } from './codings.js';
import { CompressPool } from './compress-pool.js';
import { type CompressionCache, cacheOf } from './compression-cache.js';
import { isChecked } from './decompress-now.js';
import type { Made, SharedWork } from './shared-work.js';
import type { Task } from './task.js';

/** What is compressed, by the hash of the content. */
export class Results {
  private readonly all = new ShardedMap<string, { [coding in Compressed]?: Blob | 'no smaller' }>();

  /** Undefined: it is not known yet. */
  of({ blob, coding }: Task): Blob | 'no smaller' | undefined {
    return this.all.get(blob.sha256)?.[coding];
  }

  /** `result`: undefined where the coding does not make it smaller. */
  set({ blob, coding }: Task, result: Blob | undefined): void {
    const there = this.all.get(blob.sha256);
    if (there === undefined) this.all.set(blob.sha256, { [coding]: result ?? 'no smaller' });
    else there[coding] = result ?? 'no smaller';
  }

  /** The representations of a content, in the order in which a bundle has them. */
  coded(sha256: string): Coded[] {
    const coded: Coded[] = [];
    const there = this.all.get(sha256);
    for (const coding of there === undefined ? [] : COMPRESSED) {
      const blob = there?.[coding];
      if (blob !== undefined && blob !== 'no smaller') coded.push({ coding, blob });
    }
    return coded;
  }

  get empty(): boolean {
    return this.all.size === 0;
  }

  /** Forgets contents that are not `wanted`. Yields now and then. */
  *forget(wanted: (sha256: string) => boolean): Generator<void, void> {
    let n = 0;
    for (const sha256 of this.all.keys()) {
      if (n++ % STEP === 0) yield;
      if (!wanted(sha256)) this.all.delete(sha256);
    }
  }
}

const AT_ONCE = 16;
/** Files between two looks at the clock. */
const STEP = 256;

/** `files` with their compressed representations, identity first. Equal files are compressed once. */
export async function compressFiles(files: readonly SiteFile[], options: SiteOptions): Promise<SiteFile[]> {
  const compression = options.compression ?? 'none';
  if (compression === 'none') return [...files];
  const tasks = tasksOf(files);
  const cache = cacheOf(options);
  const pool = new CompressPool();
  const total = tasks.reduce((sum, task) => sum + task.blob.size, 0);
  const results = new Results();
  let done = 0;
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < tasks.length) {
      const task = tasks[next++]!;
      results.set(task, await compressOne(task, levelOf(compression, task.coding), options, { pool, cache }));
      done += task.blob.size;
      options.onProgress?.({ phase: 'compress', done, total });
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } finally {
    await pool.close();
  }
  await cache?.trim();
  return atOnce(withCodings(files, results));
}

/** The entry of the manifest for the compressors. */
export function compressors(options: SiteOptions): Record<string, string> {
  const compression = options.compression ?? 'none';
  if (compression === 'none') return {};
  return Object.fromEntries(
    COMPRESSED.map((coding) => [
      coding,
      options.compressedBy?.[coding] ?? settingsOf(coding, levelOf(compression, coding), options.compressors),
    ]),
  );
}

function settingsOf(coding: Compressed, level: number, compressors: Compressors = 'packages'): string {
  return `${compressorVersion(coding, compressors)} level ${level}`;
}

/** The tasks for `files`, the largest first, so that no thread has a large one left at the end. */
export function tasksOf(files: readonly SiteFile[]): Task[] {
  return atOnce(tasksStepwise(files));
}

/** The same, and yields now and then. */
export function* tasksStepwise(files: readonly SiteFile[]): Generator<void, Task[]> {
  const known = new ShardedMap<string, true>();
  const blobs: Blob[] = [];
  for (const [i, file] of files.entries()) {
    if (i % STEP === 0) yield;
    const { blob, coding } = file.coded[0]!;
    const may = coding === 'identity' && blob.large === undefined && compressible(file.type);
    if (!may || !worthTrying(blob.size) || known.has(blob.sha256)) continue;
    known.set(blob.sha256, true);
    blobs.push(blob);
  }
  const largestFirst = yield* sorted(blobs, (a, b) => b.size - a.size);
  const tasks: Task[] = [];
  for (const [i, blob] of largestFirst.entries()) {
    if (i % STEP === 0) yield;
    for (const coding of COMPRESSED) tasks.push({ blob, coding });
  }
  return tasks;
}

/** Where results are made, and where they may be already. */
export interface Sources {
  readonly pool: CompressPool;
  readonly cache: CompressionCache | undefined;
  /** Other processes with the same files. */
  readonly shared?: SharedWork | undefined;
  /** What one of them gave for the task. */
  readonly given?: Made | undefined;
}

export async function compressOne(
  { blob, coding }: Task,
  level: number,
  { compressors = 'packages', compressedBy }: SiteOptions,
  sources: Sources,
): Promise<Blob | undefined> {
  const { pool, cache, shared } = sources;
  const own = settingsOf(coding, level, compressors);
  const settings = compressedBy?.[coding] ?? own;
  let bytes = (await cache?.get(blob.sha256, settings)) ?? (await checked({ blob, coding }, settings, pool, cache));
  if (!bytes) {
    if (settings !== own)
      throw new StoreError(
        `the site was compressed by ${settings}, and the program here has ${own}: it is of another version than the one that made the image`,
      );
    bytes = await givenFor({ blob, coding }, settings, sources);
    if (!bytes) {
      const made = await pool.run({ bytes: await blob.load(), coding, level, compressors });
      bytes = worthKeeping(made.length, blob.size) ? made : new Uint8Array(0);
      shared?.give({ content: blob.sha256, coding, settings, bytes });
    }
    if (isChecked(coding) || !cache?.isSealed) await cache?.put(blob.sha256, settings, bytes);
  }
  return worthKeeping(bytes.length, blob.size) && bytes.length > 0 ? blobOf(bytes) : undefined;
}

/** What another process gave, if it comes of the content. */
async function givenFor(
  task: Task,
  settings: string,
  { pool, shared, given }: Sources,
): Promise<Uint8Array | undefined> {
  if (shared === undefined || given === undefined || given.settings !== settings) return undefined;
  // The message lies in memory that other messages share.
  const bytes = given.bytes.slice();
  return shared.trusted || (await isOf(task, bytes, pool)) ? bytes : undefined;
}

/** What a sealed server has put for the content, if the content comes out of it. */
async function checked(
  { blob, coding }: Pick<Task, 'blob' | 'coding'>,
  settings: string,
  pool: CompressPool,
  cache: CompressionCache | undefined,
): Promise<Uint8Array | undefined> {
  const bytes = isChecked(coding) ? await cache?.getUnchecked(blob.sha256, settings) : undefined;
  return bytes !== undefined && (await isOf({ blob, coding }, bytes, pool)) ? bytes : undefined;
}

/** Whether `bytes` become the content of the task without their coding, or say that the coding is not worth it. */
async function isOf({ blob, coding }: Task, bytes: Uint8Array, pool: CompressPool): Promise<boolean> {
  // Larger ones are not sent. One that is empty says that the coding is not worth it: the content is sent as it is.
  if (bytes.length > blob.size) return false;
  if (bytes.length === 0) return true;
  const content = await pool.run({ bytes, coding, size: blob.size });
  return Buffer.from(content).toString('hex') === blob.sha256;
}

/** `files` with the results that there are. Yields now and then. */
export function withCodings(files: readonly SiteFile[], results: Results): Generator<void, SiteFile[]> {
  return mapped(files, (file) => {
    if (file.coded[0]!.coding !== 'identity' || !compressible(file.type)) return file;
    const more = results.coded(file.coded[0]!.blob.sha256);
    return more.length > 0 ? { ...file, coded: [...file.coded, ...more] } : file;
  });
}

/** The result of `bundle` for the content of `task`, if the cache has it: it compresses better. */
export async function fromBundle(
  { blob, coding }: Task,
  cache: CompressionCache | undefined,
): Promise<Blob | undefined> {
  const bytes = await cache?.get(blob.sha256, settingsOf(coding, levelOf('full', coding), 'packages'));
  return bytes !== undefined && bytes.length > 0 && worthKeeping(bytes.length, blob.size) ? blobOf(bytes) : undefined;
}
