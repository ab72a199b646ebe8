/** A state disk as a file on a host. */
import { closeSync, existsSync, ftruncateSync, linkSync, openSync, rmSync } from 'node:fs';
import { expectCode, expectSystemError } from '../../errors/codes.js';
import { errorText } from '../../errors/report.js';
import { UserError } from '../../errors/user-error.js';
import { OpenBlocks } from './blocks.js';
import { NEW_DISK, StateDisk, StateDiskError } from './state-disk.js';

export interface StateDiskFile {
  readonly disk: StateDisk;
  close(): void;
}

/** `make`: where there is no such file, an empty one is made, for its owner alone. Throws a `UserError`. */
export function stateDiskAt(file: string, make: boolean): StateDiskFile {
  try {
    if (make && !existsSync(file)) makeEmpty(file);
    return opened(file, (blocks) => new StateDisk(blocks));
  } catch (error) {
    if (error instanceof StateDiskError)
      throw new UserError(`${error.message}; name another path, or remove what lies there`, 'state-disk');
    expectSystemError(error);
    throw new UserError(errorText(error), 'state-disk');
  }
}

/** It appears under its name when it is whole, and never in the place of another one. */
function makeEmpty(file: string): void {
  const part = `${file}.${process.pid}.part`;
  try {
    const fd = openSync(part, 'w', 0o600);
    ftruncateSync(fd, NEW_DISK);
    closeSync(fd);
    opened(part, (blocks) => StateDisk.format(blocks)).close();
    linkSync(part, file);
  } catch (error) {
    expectCode(error, 'EEXIST');
  } finally {
    rmSync(part, { force: true });
  }
}

function opened(file: string, disk: (blocks: OpenBlocks) => StateDisk): StateDiskFile {
  const blocks = new OpenBlocks(file);
  try {
    return { disk: disk(blocks), close: () => blocks.close() };
  } catch (error) {
    blocks.close();
    throw error;
  }
}
