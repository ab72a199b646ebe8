/** Writes a layout as a bundle, into memory or a file. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { Memory } from '../../memory/memory.js';
import { OutputFile } from '../../native/output-file.js';
import {
  AT,
  align,
  HASH_BYTES,
  HEADER_BYTES,
  HEADER_HASH_AT,
  MAGIC,
  MAX_BEFORE_BODIES,
  MAX_BUNDLE_BYTES,
  MAX_SUMMED_BYTES,
  PAGE,
  SUM_BLOCK,
  VERSION,
} from '../format/format.js';
import { hashPages, PageHasher, pagesOf, sha256 } from '../format/hash-tree.js';
import { upperOf } from '../format/layout-numbers.js';
import { RunningSums, sumsBytes } from '../format/sums.js';
import { ShardedMap } from '../sharded-map.js';
import type { Blob } from '../site/site.js';
import { Slices } from '../slices.js';
import type { Bodies, Content } from '../store.js';
import { fileError, StoreError } from '../store-error.js';
import { BODY_ALIGN, type Layout } from './layout.js';

/** Takes the bytes of a bundle, in order, except for its beginning, which comes last. */
interface Sink {
  write(bytes: Uint8Array, at: number): void | Promise<void>;
}

interface Places {
  readonly header: Uint8Array;
  readonly data: number;
  readonly content: number;
  readonly sums: number;
  readonly end: number;
}

export interface WriteOptions {
  readonly sums: boolean;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** The whole bundle in memory. */
export async function bundleInMemory(layout: Layout, options: WriteOptions): Promise<Uint8Array> {
  const places = place(layout, options.sums);
  const bytes = new Uint8Array(places.end);
  await emit(layout, places, { write: (piece, at) => bytes.set(piece, at) }, options);
  return bytes;
}

/** A bundle without its bodies; the bodies stay where they are, by their place in the content. */
export interface LiveBundle {
  readonly bytes: Uint8Array;
  readonly bodies: Bodies;
}

/** Bytes that are copied or hashed between two looks at the clock. */
const HASHED = 2 ** 20;

const NOTHING = new Memory(new Uint8Array(0));

/**
 * A bundle for this process only, which copies and hashes no content: for a directory that changes. Its identity
 * depends on the hashes of the contents, but is not that of a bundle file. Memories of unchanged blobs stay the same.
 */
export async function liveBundle(layout: Layout): Promise<LiveBundle> {
  const places = place(layout, false);
  const bytes = new Uint8Array(places.content + layout.heads.length);
  const view = new DataView(places.header.buffer);
  const slices = new Slices();
  for (const [id, pieces] of sectionsOf(layout)) await slices.through(writeAt(bytes, view.getUint32(id, true), pieces));
  await slices.through(writeAt(bytes, places.content, layout.heads.pieces()));
  const identity = createHash('sha256');
  for (let at = 0; at < bytes.length; at += HASHED) {
    if (slices.due) await slices.rest();
    identity.update(bytes.subarray(at, at + HASHED));
  }
  const bodies = new ShardedMap<number, Content>();
  for (const [blob, at] of bodiesOf(layout)) {
    if (slices.due) await slices.rest();
    identity.update(blob.sha256);
    if (blob.size === 0) continue;
    if (blob.large !== undefined) {
      bodies.set(at, { memory: NOTHING, start: 0, end: blob.size, source: blob.large.source });
      continue;
    }
    const memory = blob.memory ?? new Memory(await blob.load());
    blob.memory = memory;
    bodies.set(at, { memory, start: 0, end: blob.size });
  }
  places.header.set(identity.digest(), AT.rootHash);
  seal(places.header);
  bytes.set(places.header);
  return { bytes, bodies };
}

function* writeAt(bytes: Uint8Array, offset: number, pieces: Iterable<Uint8Array>): Generator<void, void> {
  let at = offset;
  for (const piece of pieces) {
    for (let from = 0; from < piece.length; from += HASHED) {
      bytes.set(piece.subarray(from, from + HASHED), at + from);
      yield;
    }
    at += piece.length;
  }
}

/** The sections between the tree of hashes and the content. */
function sectionsOf(layout: Layout): [number, Iterable<Uint8Array>][] {
  return [
    [AT.slots, [layout.slots]],
    [AT.keys, [layout.keys]],
    [AT.answers, [layout.answers]],
    [AT.reps, [layout.reps]],
    [AT.strings, layout.strings.pieces()],
    [AT.manifest, [layout.manifest]],
  ];
}

/** The header's hash over itself: the identity. */
function seal(header: Uint8Array): void {
  header.set(sha256(header.subarray(0, HEADER_HASH_AT)), HEADER_HASH_AT);
}

/**
 * Writes the bundle to `file`, whole or not at all: a reader sees the old one or the new one (see `OutputFile` for what
 * is no regular file). Returns its id, in hex, and its size in bytes.
 */
export async function bundleIntoFile(
  layout: Layout,
  file: string,
  options: WriteOptions,
): Promise<{ id: string; bytes: number }> {
  const places = place(layout, options.sums);
  let output: OutputFile | undefined;
  try {
    output = await OutputFile.open(file, 0o644);
    const handle = await open(output.part, 'r+');
    try {
      const sink = new FileSink(handle);
      await emit(layout, places, sink, options);
      await sink.flush();
    } finally {
      await handle.close();
    }
    await output.finish();
  } catch (error) {
    await output?.discard();
    throw fileError(error, file);
  }
  return { id: Buffer.from(places.header.subarray(HEADER_HASH_AT)).toString('hex'), bytes: places.end };
}

/** Gathers small consecutive pieces, so that a site of many small files does not need a call for each. */
class FileSink implements Sink {
  private readonly handle: Awaited<ReturnType<typeof open>>;
  private readonly gathered = new Uint8Array(1 << 20);
  private used = 0;
  private from = 0;

  constructor(handle: Awaited<ReturnType<typeof open>>) {
    this.handle = handle;
  }

  write(bytes: Uint8Array, at: number): void | Promise<void> {
    if (at !== this.from + this.used || bytes.length > this.gathered.length - this.used)
      return this.overflow(bytes, at);
    this.gathered.set(bytes, this.used);
    this.used += bytes.length;
  }

  async flush(): Promise<void> {
    await this.put(this.gathered.subarray(0, this.used), this.from);
    this.from += this.used;
    this.used = 0;
  }

  private async overflow(bytes: Uint8Array, at: number): Promise<void> {
    await this.flush();
    this.from = at;
    if (bytes.length <= this.gathered.length) return this.write(bytes, at);
    await this.put(bytes, at);
    this.from += bytes.length;
  }

  private async put(bytes: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += (await this.handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
    }
  }
}

/** Decides where each section lies, and writes that into the header. */
function place(layout: Layout, wanted: boolean): Places {
  const sums = wanted && layout.contentBytes <= MAX_SUMMED_BYTES;
  const sections: [number, number][] = [
    [AT.slots, layout.slots.length],
    [AT.keys, layout.keys.length],
    [AT.answers, layout.answers.length],
    [AT.reps, layout.reps.length],
    [AT.strings, layout.strings.length],
    [AT.manifest, layout.manifest.length],
    [AT.content, layout.contentBytes],
    [AT.sums, sums ? sumsBytes(layout.contentBytes) : 0],
  ];
  let length = 0;
  for (const [, bytes] of sections) length = align(length, BODY_ALIGN) + bytes;
  const leaves = pagesOf(length) * HASH_BYTES;
  const roots = pagesOf(leaves) * HASH_BYTES;
  const data = HEADER_BYTES + roots + leaves;
  const end = data + length;
  const before = length - sumsBytes(layout.contentBytes) - layout.contentBytes;
  if (end > MAX_BUNDLE_BYTES)
    throw new StoreError(`the site makes a bundle of ${(end / 2 ** 30).toFixed(0)} GiB; one holds 1,024 GiB at most`);
  if (data + before + layout.heads.length > MAX_BEFORE_BODIES)
    throw new StoreError('the site has more files than one bundle takes: what is told of them alone is over 2 GiB');
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  header.set(MAGIC, 0);
  view.setUint32(AT.version, VERSION, true);
  view.setUint32(AT.headerBytes, HEADER_BYTES, true);
  view.setUint32(AT.fileBytes, end % 2 ** 32, true);
  view.setUint32(AT.fileBytesHigh, upperOf(end), true);
  view.setUint32(AT.page, PAGE, true);
  const section = (at: number, offset: number, bytes: number): void => {
    view.setUint32(at, offset % 2 ** 32, true);
    view.setUint32(at + 4, bytes % 2 ** 32, true);
  };
  section(AT.roots, HEADER_BYTES, roots);
  section(AT.leaves, HEADER_BYTES + roots, leaves);
  let at = 0;
  const offsets = new Map<number, number>();
  for (const [id, bytes] of sections) {
    at = align(at, BODY_ALIGN);
    section(id, data + at, bytes);
    offsets.set(id, data + at);
    at += bytes;
  }
  view.setUint32(AT.contentHigh, upperOf(layout.contentBytes), true);
  view.setUint32(AT.sumsHigh, upperOf(offsets.get(AT.sums)!), true);
  view.setUint32(AT.sumBlock, sums ? SUM_BLOCK : 0, true);
  view.setUint32(AT.files, layout.files, true);
  view.setUint32(AT.deepestNotFound, layout.deepestNotFound, true);
  return { header, data, content: offsets.get(AT.content)!, sums: offsets.get(AT.sums)!, end };
}

async function emit(layout: Layout, places: Places, sink: Sink, options: WriteOptions): Promise<void> {
  const pages = new PageHasher(places.end - places.data);
  const sums = places.sums < places.end ? new RunningSums(layout.contentBytes) : undefined;
  const slices = new Slices();
  let at = places.data;
  const write = async (bytes: Uint8Array): Promise<void> => {
    for (let from = 0; from < bytes.length; from += HASHED) {
      if (slices.due) await slices.rest();
      const piece = bytes.subarray(from, from + HASHED);
      pages.add(piece);
      const written = sink.write(piece, at);
      if (written) await written;
      at += piece.length;
    }
  };
  const padTo = async (offset: number): Promise<void> => {
    if (offset > at) await write(new Uint8Array(offset - at));
  };
  const header = new DataView(places.header.buffer);
  const section = async (id: number, pieces: Iterable<Uint8Array>): Promise<void> => {
    await padTo(header.getUint32(id, true));
    for (const piece of pieces) await write(piece);
  };
  for (const [id, pieces] of sectionsOf(layout)) await section(id, pieces);
  await padTo(places.content);
  for await (const piece of contentOf(layout)) {
    for (let from = 0; sums && from < piece.length; from += HASHED) {
      if (slices.due) await slices.rest();
      sums.add(piece.subarray(from, from + HASHED));
    }
    await write(piece);
    options.onProgress?.(at - places.content, layout.contentBytes);
  }
  if (sums) {
    await padTo(places.sums);
    await write(sums.bytes());
  }
  await padTo(places.end);
  const leaves = pages.finish();
  const roots = hashPages(leaves);
  places.header.set(sha256(roots), AT.rootHash);
  seal(places.header);
  await sink.write(places.header, 0);
  await sink.write(roots, HEADER_BYTES);
  await sink.write(leaves, HEADER_BYTES + roots.length);
}

/** Each body with its place in the content. */
function* bodiesOf(layout: Layout): Generator<[Blob, number]> {
  let at = align(layout.heads.length, BODY_ALIGN);
  for (const blob of layout.bodies) {
    at = align(at, BODY_ALIGN);
    yield [blob, at];
    at += blob.size;
  }
}

async function* contentOf(layout: Layout): AsyncGenerator<Uint8Array> {
  let at = layout.heads.length;
  yield* layout.heads.pieces();
  for (const [blob, place] of bodiesOf(layout)) {
    if (place > at) yield new Uint8Array(place - at);
    if (blob.large === undefined) yield await blob.load();
    else yield* blob.large.pieces();
    at = place + blob.size;
  }
  if (layout.contentBytes > at) yield new Uint8Array(layout.contentBytes - at);
}
