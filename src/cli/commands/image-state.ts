/** `sitekernel image state`: the disk with a machine's state, while the machine is off. */
import { statSync } from 'node:fs';
import { expectSystemError, hasCode } from '../../errors/codes.js';
import { errorText } from '../../errors/report.js';
import { UserError } from '../../errors/user-error.js';
import { type StateDiskFile, stateDiskAt } from '../../vm/state/state-disk-file.js';
import { filesIn, putFiles } from '../../vm/state/state-files.js';
import type { ImageStateOptions } from '../arguments/image.js';

/** Throws a `UserError`. */
export function runImageState({ file, from, to }: ImageStateOptions): void {
  const folder = from ?? to;
  let open: StateDiskFile | undefined;
  try {
    // A name that was mistyped would empty the disk.
    if (from !== undefined) statSync(from);
    open = stateDiskAt(file, from !== undefined);
    if (from !== undefined) open.disk.write(filesIn(from));
    const files = open.disk.read();
    if (to !== undefined) putFiles(to, files);
    for (const [name, { length }] of files) process.stdout.write(`${name}  ${length} bytes\n`);
    if (files.size === 0) process.stdout.write('there are no files on it\n');
  } catch (error) {
    if (hasCode(error, 'state-disk')) throw new UserError(`${file}: ${errorText(error)}`, 'state-disk');
    expectSystemError(error);
    throw new UserError(`${folder}: ${errorText(error)}`);
  } finally {
    open?.close();
  }
}
