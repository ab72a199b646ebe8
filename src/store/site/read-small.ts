/** Reads small files without promises, which takes a quarter of the time: a site is many of them. */
import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { expectSystemError } from '../../errors/codes.js';
import { stampIn } from './build-memory.js';
import { FLAGS } from './open-inside.js';
import { isAtRest } from './read-file.js';
import { Slabs } from './slabs.js';

/** Bytes; a larger file is read beside other work. */
const LARGEST = 2 ** 18;

/**
 * Reads files by the folder in which they lie, which stays open from one file to the next: they come folder by folder,
 * and a folder's place is asked of the kernel once.
 */
export class SmallFiles {
  private readonly slabs = new Slabs();
  private folder: { readonly path: string; readonly fd: number } | undefined = undefined;

  /**
   * The bytes of `file` as they were at one moment, and its stamp then; undefined: the file is large, changes, was
   * replaced since the walk, or cannot be read; `readWhole` then finds and reports the reason.
   */
  read(file: string): { readonly bytes: Uint8Array; readonly stamp: string } | undefined {
    let fd: number;
    try {
      const path = this.pathOf(file);
      if (path === undefined) return undefined;
      fd = openSync(path, FLAGS);
    } catch (error) {
      expectSystemError(error);
      return undefined;
    }
    try {
      const before = fstatSync(fd, { bigint: true });
      if (!before.isFile() || before.size > LARGEST) return undefined;
      // Every byte of it is read, or it is not returned.
      const bytes = this.slabs.take(Number(before.size));
      for (let at = 0; at < bytes.length; ) {
        const read = readSync(fd, bytes, at, bytes.length - at, at);
        if (read === 0) return undefined;
        at += read;
      }
      const after = fstatSync(fd, { bigint: true });
      return isAtRest(before, after) ? { bytes, stamp: stampIn(before) } : undefined;
    } catch (error) {
      expectSystemError(error);
      return undefined;
    } finally {
      closeSync(fd);
    }
  }

  /** A path that leads through no link; undefined: a folder above the file has become one. Throws a SystemError. */
  private pathOf(file: string): string | undefined {
    if (process.platform !== 'linux') return undefined;
    const path = dirname(file);
    if (this.folder?.path !== path) {
      this.close();
      const fd = openSync(path, FLAGS | constants.O_DIRECTORY);
      // The kernel reports the path of what is open (proc(5)).
      this.folder = { path, fd };
      if (readlinkSync(`/proc/self/fd/${fd}`) !== path) {
        this.close();
        return undefined;
      }
    }
    return `/proc/self/fd/${this.folder?.fd}/${basename(file)}`;
  }

  /** To be called when no more files are read for now. */
  close(): void {
    if (this.folder !== undefined) closeSync(this.folder.fd);
    this.folder = undefined;
  }
}
