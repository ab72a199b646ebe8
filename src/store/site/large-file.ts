/** Files that are too large to be held in memory: hashed, copied into bundles and sent in pieces. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { expectSystemError, ifSystemError } from '../../errors/codes.js';
import { Memory } from '../../memory/memory.js';
import { sorted } from '../slices.js';
import type { ContentReader, ContentSource } from '../store.js';
import { fileError, StoreError } from '../store-error.js';
import type { Blob } from './site.js';

/** A file of this many bytes is never held whole. */
export const LARGE_FILE = 2 ** 28;
/** Bytes of smaller files that are held in memory; if there are more, the largest of them count as large, too. */
const HELD_BYTES = 2 ** 30;
const PIECE = 2 ** 20;
/** For the media type: bytes of the beginning. */
const START = 2 ** 16;

/** The size from which files count as large, given all sizes. Yields now and then. */
export function* largeFrom(sizes: readonly number[]): Generator<void, number> {
  let sum = sizes.reduce((all, size) => all + size, 0);
  // Of a hundred thousand files the order alone takes longer than an answer may wait.
  if (sum <= HELD_BYTES) return LARGE_FILE;
  sum = 0;
  for (const size of yield* sorted(sizes, (a, b) => a - b)) {
    sum += size;
    if (sum > HELD_BYTES) return Math.min(size, LARGE_FILE);
  }
  return LARGE_FILE;
}

/**
 * Identifies a version of a file: two writes in one millisecond are distinguished. A rename or another link to the file
 * changes nothing.
 */
async function stateOf(handle: FileHandle): Promise<string> {
  const { dev, ino, size, mtimeNs } = await handle.stat({ bigint: true });
  return `${dev} ${ino} ${size} ${mtimeNs}`;
}

/** A blob of `file` as it is now, and its first bytes. Throws StoreError. */
export async function blobOfLargeFile(file: string): Promise<{ blob: Blob; start: Uint8Array }> {
  try {
    const handle = await open(file, 'r');
    try {
      const state = await stateOf(handle);
      const hash = createHash('sha256');
      let size = 0;
      let start = new Uint8Array(0);
      for await (const piece of piecesOf(handle)) {
        if (size === 0) start = piece.slice(0, START);
        hash.update(piece);
        size += piece.length;
      }
      if ((await stateOf(handle)) !== state)
        throw new StoreError(`${file} changed while it was read; try again when what writes it is done`);
      const source = new LargeFile(file, state);
      const blob: Blob = {
        sha256: hash.digest('hex'),
        size,
        load: () => Promise.reject(new StoreError(`${file} is too large to be held in memory`)),
        large: { source, start, pieces: () => source.pieces() },
      };
      return { blob, start };
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(error, file);
  }
}

/** Yields the same buffer each time. */
async function* piecesOf(handle: FileHandle): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(PIECE);
  for (let at = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, PIECE, at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/**
 * Sends a file from the disk. Each answer opens the file separately: a file that is replaced meanwhile is sent to its
 * end in the old version.
 */
class LargeFile implements ContentSource {
  constructor(
    private readonly file: string,
    private readonly state: string,
  ) {}

  async open(): Promise<ContentReader | undefined> {
    let handle: FileHandle;
    try {
      handle = await open(this.file, 'r');
    } catch (error) {
      // ENOENT, EACCES, EMFILE: there is nothing to send.
      expectSystemError(error);
      return undefined;
    }
    return {
      read: async (start, end) => {
        const bytes = new Uint8Array(end - start);
        try {
          if ((await stateOf(handle)) !== this.state) return undefined;
          return (await fill(handle, bytes, start))
            ? { memory: new Memory(bytes), start: 0, end: bytes.length }
            : undefined;
        } catch (error) {
          // EIO, EBADF after `close`: likewise.
          expectSystemError(error);
          return undefined;
        }
      },
      close: () => void handle.close().catch(ifSystemError(undefined)),
    };
  }

  /** The whole content. Throws a StoreError when the file has changed. */
  async *pieces(): AsyncGenerator<Uint8Array> {
    const { file, state } = this;
    const changed = (): StoreError =>
      new StoreError(`${file} changed while the site was bundled; try again when what writes it is done`);
    const handle = await open(file, 'r').catch((error: unknown) => {
      throw fileError(error, file);
    });
    try {
      if ((await stateOf(handle)) !== state) throw changed();
      yield* piecesOf(handle);
      if ((await stateOf(handle)) !== state) throw changed();
    } finally {
      await handle.close();
    }
  }
}

/** Fills `bytes` from offset `at` of the file. False: the file ends earlier. */
async function fill(handle: FileHandle, bytes: Uint8Array, at: number): Promise<boolean> {
  for (let done = 0; done < bytes.length; ) {
    const length = Math.min(bytes.length - done, PIECE);
    const { bytesRead } = await handle.read(bytes, done, length, at + done);
    if (bytesRead === 0) return false;
    done += bytesRead;
  }
  return true;
}
