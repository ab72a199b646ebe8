/** Keeps compressed bytes on the disk, by the content's hash and the compressor. */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expectSystemError, ifSystemError } from '../../errors/codes.js';
import { cacheFolder } from '../../native/home.js';
import { makeFolder } from '../../native/make-folder.js';
import { HASH_BYTES } from '../format/format.js';
import type { SiteOptions } from '../options.js';
import { hashOf } from '../site/blob.js';

/**
 * Of a large site hundreds of thousands of entries are read while it is served: Node's `FileHandle` takes twice as long
 * on the serving thread, and leaves more garbage.
 */
const { constants } = fs;
const open = promisify(fs.open);
const fstat = promisify(fs.fstat);
const read = promisify(fs.read);
const futimes = promisify(fs.futimes);
const close = promisify(fs.close);
const writeFile = promisify(fs.writeFile);
const rename = promisify(fs.rename);

const LARGEST = 2 ** 30;
/** Names that `file` and `put` give: a directory that a user names may also hold other files. */
const OWN_FOLDER = /^[0-9a-f]{2}$/;
const OWN_FILE = /^[0-9a-f]{62}(\.[0-9a-f]{12}\.part)?$/;
/** How old an entry's time may be before a use renews it. */
const FRESH_MS = 86_400_000;

export function defaultCacheDirectory(): string {
  return join(cacheFolder(), 'compressed');
}

/** Where results are kept. */
export interface CachePlaces {
  /** Bytes beyond which the longest unused entries go. Default 1 GiB. */
  readonly largest?: number | undefined;
  /**
   * The directory that a sealed server writes, from the moment when it is sealed; undefined before. What is in it may
   * be of a server that a stranger had taken over.
   */
  readonly sealed?: (() => string | undefined) | undefined;
}

/**
 * A directory of files, each the SHA-256 of what follows, then that. A damaged one counts as missing. A directory that
 * cannot be written is no error either: then contents are compressed again.
 */
export class CompressionCache {
  private readonly own: string;
  private readonly largest: number;
  private readonly sealed: () => string | undefined;
  private wrote = false;
  /** Folders that are there, as far as it is known. */
  private readonly folders = new Set<string>();

  constructor(directory = defaultCacheDirectory(), { largest = LARGEST, sealed }: CachePlaces = {}) {
    this.own = directory;
    this.largest = largest;
    this.sealed = sealed ?? (() => undefined);
  }

  /** The bytes that were put for `content` (hex of its SHA-256) and `settings`; empty: it does not get smaller. */
  get(content: string, settings: string): Promise<Uint8Array | undefined> {
    return entryOf(join(this.own, nameOf(content, settings)));
  }

  /** The same out of the directory of sealed servers, if there is one: what it says is to be checked. */
  async getUnchecked(content: string, settings: string): Promise<Uint8Array | undefined> {
    const directory = this.sealed();
    return directory === undefined ? undefined : entryOf(join(directory, nameOf(content, settings)));
  }

  async put(content: string, settings: string, bytes: Uint8Array): Promise<void> {
    const file = join(this.directory, nameOf(content, settings));
    const part = `${file}.${randomBytes(6).toString('hex')}.part`;
    try {
      const folder = dirname(file);
      if (!this.folders.has(folder)) makeFolder(folder);
      await writeFile(part, Buffer.concat([Buffer.from(hashOf(bytes), 'hex'), bytes]), { mode: 0o600, flag: 'wx' });
      await rename(part, file);
      this.folders.add(folder);
      this.wrote = true;
    } catch (error) {
      // The folder may have been removed; the next result finds it again.
      this.folders.clear();
      // On a full or read-only disk there is no cache.
      expectSystemError(error);
      await rm(part, { force: true }).catch(ifSystemError(undefined));
    }
  }

  /** Removes the longest unused entries beyond the largest size. Call when a build is done. */
  async trim(): Promise<void> {
    if (!this.wrote) return;
    const entries: { file: string; size: number; used: number }[] = [];
    let size = 0;
    try {
      const { directory } = this;
      for (const dir of await readdir(directory)) {
        if (!OWN_FOLDER.test(dir)) continue;
        for (const name of await readdir(join(directory, dir))) {
          if (!OWN_FILE.test(name)) continue;
          const file = join(directory, dir, name);
          const stats = await stat(file);
          entries.push({ file, size: stats.size, used: stats.mtimeMs });
          size += stats.size;
        }
      }
      entries.sort((a, b) => a.used - b.used);
      for (const entry of entries) {
        if (size <= this.largest) return;
        await rm(entry.file, { force: true });
        size -= entry.size;
      }
    } catch (error) {
      // Another build trims at the same time, or the directory is gone: nothing is lost.
      expectSystemError(error);
    }
  }

  /** Whether what is put is to be checked when it is read. */
  get isSealed(): boolean {
    return this.sealed() !== undefined;
  }

  /** The one that is written now. */
  private get directory(): string {
    return this.sealed() ?? this.own;
  }
}

/** The cache that `options` ask for; undefined: none. */
export function cacheOf({ cache, cacheBytes, sealedCache }: SiteOptions): CompressionCache | undefined {
  return cache === false ? undefined : new CompressionCache(cache, { largest: cacheBytes, sealed: sealedCache });
}

function nameOf(content: string, settings: string): string {
  const name = hashOf(`${content} ${settings}`);
  return join(name.slice(0, 2), name.slice(2));
}

/** The bytes of a whole entry. */
async function entryOf(file: string): Promise<Uint8Array | undefined> {
  try {
    // A server that was taken over may have put another kind in its place: a pipe, or a link to an endless device.
    const fd = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = await fstat(fd);
      if (!stats.isFile() || stats.size > LARGEST || stats.size < HASH_BYTES) return undefined;
      const entry = Buffer.allocUnsafeSlow(stats.size);
      // One that is cut short meanwhile has another hash.
      if ((await read(fd, entry, 0, entry.length, 0)).bytesRead !== entry.length) return undefined;
      const bytes = new Uint8Array(entry.buffer, HASH_BYTES);
      if (hashOf(bytes) !== entry.toString('hex', 0, HASH_BYTES)) return undefined;
      const now = new Date();
      if (now.getTime() - stats.mtimeMs > FRESH_MS) await futimes(fd, now, now);
      return bytes;
    } finally {
      await close(fd);
    }
  } catch (error) {
    // No entry, or none that can be read: it is compressed anew.
    expectSystemError(error);
    return undefined;
  }
}
