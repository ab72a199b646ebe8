/**
 * A path that a user gave for what grows as it is written: a capture, a recording. Unlike `output-file.ts` it is
 * written in place.
 */
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { OutputError, outputError, READ_ONLY, WRITABLE } from './output-file.js';
import { signals } from './process-signals.js';

/**
 * Opens `name` and follows links. A regular file begins anew; a FIFO waits for its reader, a device is written to. `-`
 * is refused: a server says on standard output where it serves. `seekable`: only a regular file will do. Throws an
 * OutputError.
 */
export function openLiveOutput(name: string, mode: number, seekable = false): number {
  if (name === '-')
    throw new OutputError('"-" is standard output, which is taken by the line that says where it serves; name a file');
  try {
    const before = statSync(name, { throwIfNoEntry: false });
    if (seekable && before !== undefined && !before.isFile() && !before.isDirectory())
      throw new OutputError(`${name} is no regular file, and what is written goes back and forth in it; name another`);
    if (before?.isFile() && (before.mode & WRITABLE) === 0) throw new OutputError(`${name} ${READ_ONLY}`);
    const begin = before === undefined || before.isFile() ? constants.O_CREAT | constants.O_TRUNC : 0;
    const open = (): number => openSync(name, constants.O_WRONLY | constants.O_NOCTTY | begin, mode);
    const fd = before?.isFIFO() ? signals.whileWaiting(open) : open();
    if (seekable && !fstatSync(fd).isFile()) {
      closeSync(fd);
      throw new OutputError(`${name} became something else while it was opened`);
    }
    return fd;
  } catch (error) {
    throw outputError(error, name);
  }
}
