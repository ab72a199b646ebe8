/** Reads the files of a site. */

import type { SiteOptions } from '../options.js';
import { blobOf, blobOfFile } from '../site/blob.js';
import { type BuildMemory, stampOf } from '../site/build-memory.js';
import { namedByContent } from '../site/fingerprint.js';
import { blobOfLargeFile, largeFrom } from '../site/large-file.js';
import { mediaType } from '../site/media-type.js';
import { readWhole } from '../site/read-file.js';
import { SmallFiles } from '../site/read-small.js';
import type { Blob, SiteFile } from '../site/site.js';
import { closedLater, type Found } from '../site/walk.js';
import { filtered, mapped, Slices } from '../slices.js';
import { ClosedError, fileError, StoreError } from '../store-error.js';
import { precompressedByName } from './precompressed.js';

const NO_BYTES = new Uint8Array(0);
const READS_AT_ONCE = 16;
/** Known files between two looks at the clock. */
const LOOK = 64;
/**
 * Bytes of file content that are kept in memory; files beyond that are read again when they are written into the
 * bundle.
 */
const KEPT_BYTES = 2 ** 29;

/** The files of `found` that can be read, with their contents, and the entries that these are of, in the same order. */
export async function readFiles(
  found: readonly Found[],
  options: SiteOptions,
  memory?: BuildMemory,
): Promise<{ readonly files: readonly SiteFile[]; readonly content: readonly Found[] }> {
  const files = new Array<SiteFile | undefined>(found.length);
  const closed: Closed[] = [];
  let next = 0;
  let done = 0;
  let kept = 0;
  const slices = new Slices();
  const small = new SmallFiles();
  const sizes = await slices.through(mapped(found, ({ size }) => size));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const large = await slices.through(largeFrom(sizes));
  for (const [i, one] of memory === undefined ? [] : found.entries()) {
    if (i % LOOK === 0 && slices.due) await slices.rest();
    const same = memory?.same(one);
    if (same === undefined) continue;
    files[i] = same;
    kept += heldOf(same.coded[0]!.blob);
  }
  const work = async (): Promise<void> => {
    while (next < found.length) {
      if (slices.due) await slices.rest();
      const i = next++;
      if (i >= found.length || files[i] !== undefined) continue;
      const one = found[i]!;
      const read = await readUnlessClosed(one, { keep: kept < KEPT_BYTES, large, small }, memory);
      if (read instanceof ClosedError) {
        closed.push({ i, file: one.file, message: read.message });
        continue;
      }
      const { blob, start } = read;
      kept += heldOf(blob);
      const coded = precompressedByName(one.path, start);
      const file: SiteFile = {
        path: one.path,
        type: mediaType(coded?.inner ?? one.path, coded ? NO_BYTES : start, options.mime),
        immutable: namedByContent(one.path, start, blob.sha256),
        coded: [{ coding: coded?.coding ?? 'identity', blob }],
      };
      files[i] = file;
      memory?.note(one, file);
      done += one.size;
      options.onProgress?.({ phase: 'read', done, total });
    }
  };
  try {
    await Promise.all(Array.from({ length: READS_AT_ONCE }, work));
  } finally {
    small.close();
  }
  memory?.end();
  if (closed.length === 0) return { files: files as SiteFile[], content: found };
  tellClosed(closed, options, memory);
  const left = new Set(closed.map(({ i }) => found[i]));
  return {
    files: (await slices.through(filtered(files, (file) => file !== undefined))) as SiteFile[],
    content: await slices.through(filtered(found, (one) => !left.has(one))),
  };
}

/** One that cannot be read. `i`: where it is in the list. */
interface Closed {
  readonly i: number;
  readonly file: string;
  readonly message: string;
}

/** Each is told of once, until it can be read again. Throws a StoreError where the site is to be refused. */
function tellClosed(closed: readonly Closed[], { strict, onWarning }: SiteOptions, memory?: BuildMemory): void {
  const messages = closed.toSorted((a, b) => a.i - b.i);
  if (strict) throw new StoreError(messages.map(({ message }) => message).join('\n'));
  for (const { file, message } of messages) if (memory?.tell(file) !== false) onWarning?.(`${message} (left out)`);
}

async function readUnlessClosed(
  one: Found,
  reading: Reading,
  memory?: BuildMemory,
): Promise<Awaited<ReturnType<typeof readOne>> | ClosedError> {
  if (one.closed) return new ClosedError(closedLater(one.file));
  try {
    return await readOne(one, reading, memory);
  } catch (error) {
    if (error instanceof ClosedError) return error;
    throw error;
  }
}

function heldOf(blob: Blob): number {
  return blob.large === undefined ? blob.size : 0;
}

interface Reading {
  /** Content stays in memory. */
  readonly keep: boolean;
  /** The size from which it never does. */
  readonly large: number;
  readonly small: SmallFiles;
}

/** The file's content, and its first bytes at least. */
async function readOne(
  { file, size, load }: Found,
  { keep, large, small }: Reading,
  memory?: BuildMemory,
): Promise<{ blob: Blob; start: Uint8Array }> {
  if (load) {
    const start = await load();
    const blob = blobOf(start);
    return { blob: keep ? blob : { ...blob, load }, start };
  }
  try {
    const known = memory?.recall(file);
    if (known) return { blob: known, start: known.large?.start ?? (await known.load()) };
    const kept = size >= large ? undefined : small.read(file);
    const stamp = kept?.stamp ?? (memory ? stampOf(file) : '');
    if (size >= large) {
      const { blob, start } = await blobOfLargeFile(file);
      return { blob: memory?.keep(file, stamp, blob) ?? blob, start };
    }
    const start = kept?.bytes ?? (await readWhole(file));
    const blob = keep ? blobOf(start) : blobOfFile(file, start);
    return { blob: memory?.keep(file, stamp, blob) ?? blob, start };
  } catch (error) {
    throw fileError(error, file);
  }
}
