/** Keeps compressed bytes on the disk, by the content's hash and the compressor. */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expectSystemError, ifSystemError } from '../../errors/codes.js';
import { cacheFolder } from '../../native/home.js';
import { makeFolder } from '../../native/make-folder.js';
import { equal } from '../format/bundle-header.js';
import { HASH_BYTES } from '../format/format.js';

const LARGEST = 2 ** 30;
/** Names that `file` and `put` give: a directory that a user names may also hold other files. */
const OWN_FOLDER = /^[0-9a-f]{2}$/;
const OWN_FILE = /^[0-9a-f]{62}(\.[0-9a-f]{12}\.part)?$/;
/** How old an entry's time may be before a use renews it. */
const FRESH_MS = 86_400_000;

export function defaultCacheDirectory(): string {
  return join(cacheFolder(), 'compressed');
}

/**
 * A directory of files, each the SHA-256 of what follows, then that. A damaged one counts as missing. A directory that
 * cannot be written is no error either: then contents are compressed again.
 */
export class CompressionCache {
  private readonly directory: string;
  private readonly largest: number;
  private wrote = false;

  constructor(directory = defaultCacheDirectory(), largest = LARGEST) {
    this.directory = directory;
    this.largest = largest;
  }

  /** The bytes that were put for `content` (hex of its SHA-256) and `settings`; empty: it does not get smaller. */
  async get(content: string, settings: string): Promise<Uint8Array | undefined> {
    const file = this.file(content, settings);
    try {
      const entry = await readFile(file);
      if (entry.length < HASH_BYTES) return undefined;
      const bytes = new Uint8Array(entry.buffer, entry.byteOffset + HASH_BYTES, entry.length - HASH_BYTES);
      if (!equal(createHash('sha256').update(bytes).digest(), entry.subarray(0, HASH_BYTES))) return undefined;
      const { mtimeMs } = await stat(file);
      const now = new Date();
      if (now.getTime() - mtimeMs > FRESH_MS) await utimes(file, now, now);
      return bytes;
    } catch (error) {
      // No entry, or none that can be read: it is compressed anew.
      expectSystemError(error);
      return undefined;
    }
  }

  async put(content: string, settings: string, bytes: Uint8Array): Promise<void> {
    const file = this.file(content, settings);
    const part = `${file}.${randomBytes(6).toString('hex')}.part`;
    try {
      makeFolder(join(file, '..'));
      await writeFile(part, Buffer.concat([createHash('sha256').update(bytes).digest(), bytes]), { mode: 0o600 });
      await rename(part, file);
      this.wrote = true;
    } catch (error) {
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
      for (const dir of await readdir(this.directory)) {
        if (!OWN_FOLDER.test(dir)) continue;
        for (const name of await readdir(join(this.directory, dir))) {
          if (!OWN_FILE.test(name)) continue;
          const file = join(this.directory, dir, name);
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

  private file(content: string, settings: string): string {
    const name = createHash('sha256').update(`${content} ${settings}`).digest('hex');
    return join(this.directory, name.slice(0, 2), name.slice(2));
  }
}
