/**
 * A file that a person named, read whole. It may be a pipe, as `<(pass show key)` of a shell is, or a device. So the
 * bytes have a bound, and no call waits in the kernel: a signal would not interrupt it, and the process could not end
 * before it returns.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { expectCode } from '../errors/codes.js';
import { UserError } from '../errors/user-error.js';

const MIB = 1 << 20;
/** Bytes that are read at a time from what does not tell its size. */
const PIECE = 65_536;
/** Milliseconds before another look at a pipe that had nothing, and how many looks in a row. */
const LOOK = 5;
const LOOKS = 2000;

/**
 * `most`: bytes. Throws an error of the system, or a `UserError` where the file is larger, or a pipe that has nothing
 * for ten seconds. These ten seconds pass here.
 */
export function readNamed(file: string, most: number): Buffer {
  const reading = pieces(file, most);
  for (;;) {
    const { done, value } = reading.next();
    if (done) return value;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK);
  }
}

/** The same; other things go on meanwhile. */
export async function readNamedLater(file: string, most: number): Promise<Buffer> {
  const reading = pieces(file, most);
  for (;;) {
    const { done, value } = reading.next();
    if (done) return value;
    await pause(LOOK);
  }
}

/** Yields while there is nothing to be read yet. */
function* pieces(file: string, most: number): Generator<undefined, Buffer> {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const stats = fstatSync(fd);
    if (stats.isFile() && stats.size > most) throw tooLarge(file, most);
    const found: Buffer[] = [];
    let length = 0;
    for (let looks = 0; ; ) {
      // One byte more than it says: a file of procfs says nothing.
      const piece = Buffer.allocUnsafe(Math.max(PIECE, stats.isFile() ? stats.size + 1 - length : 0));
      const read = readSome(fd, piece);
      if (read === undefined) {
        if (++looks > LOOKS) throw new UserError(`${file} is a pipe, and nothing came from it in ten seconds`);
        yield undefined;
        continue;
      }
      if (read === 0) break;
      looks = 0;
      found.push(piece.subarray(0, read));
      length += read;
      if (length > most) throw tooLarge(file, most);
    }
    if (length === 0 && stats.isFIFO()) throw new UserError(`${file} is a pipe into which nothing is written`);
    return found.length === 1 ? found[0] : Buffer.concat(found);
  } finally {
    closeSync(fd);
  }
}

/** Undefined: there is nothing yet. */
function readSome(fd: number, piece: Buffer): number | undefined {
  try {
    return readSync(fd, piece);
  } catch (error) {
    expectCode(error, 'EAGAIN');
    return undefined;
  }
}

function tooLarge(file: string, most: number): UserError {
  return new UserError(`${file} has more than ${most / MIB} MiB; name another file`);
}
