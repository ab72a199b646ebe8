/** Reads small files without promises, which takes a quarter of the time: a site is many of them. */
import { closeSync, fstatSync, openSync, readlinkSync, readSync } from 'node:fs';
import { expectSystemError } from '../../errors/codes.js';
import { FLAGS } from './open-inside.js';
import { isAtRest } from './read-file.js';

/** Bytes; a larger file is read beside other work. */
const LARGEST = 2 ** 18;

/**
 * The bytes of `file` as they were at one moment; undefined: the file is large, changes, was replaced since the walk,
 * or cannot be read; `readWhole` then finds and reports the reason.
 */
export function readSmall(file: string): Uint8Array | undefined {
  let fd: number;
  try {
    fd = openSync(file, FLAGS);
  } catch (error) {
    expectSystemError(error);
    return undefined;
  }
  try {
    // A folder above it may have become a link: the kernel reports the path of the open file (proc(5)).
    if (process.platform !== 'linux' || readlinkSync(`/proc/self/fd/${fd}`) !== file) return undefined;
    const before = fstatSync(fd, { bigint: true });
    if (!before.isFile() || before.size > LARGEST) return undefined;
    const bytes = new Uint8Array(Number(before.size));
    for (let at = 0; at < bytes.length; ) {
      const read = readSync(fd, bytes, at, bytes.length - at, at);
      if (read === 0) return undefined;
      at += read;
    }
    const after = fstatSync(fd, { bigint: true });
    return isAtRest(before, after) ? bytes : undefined;
  } catch (error) {
    expectSystemError(error);
    return undefined;
  } finally {
    closeSync(fd);
  }
}
