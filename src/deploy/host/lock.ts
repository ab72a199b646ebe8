/** One writer at a time: a lock that goes with its process, also when that is killed. */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { ifCode, ifSystemError } from '../../errors/codes.js';
import { tryLock, tryShared } from '../../native/flock.js';

export class Lock {
  private readonly handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.handle = handle;
  }

  /**
   * Creates `file` and takes the lock on it; undefined: another process holds it. Node opens files so that our child
   * processes do not inherit them.
   */
  static async take(file: string): Promise<Lock | undefined> {
    const handle = await open(file, 'a', 0o644);
    if (!tryLock(handle.fd)) {
      await handle.close();
      return undefined;
    }
    await handle.truncate(0);
    await handle.write(`${process.pid}\n`);
    return new Lock(handle);
  }

  /**
   * Whether a process has the lock at `file`. Others that ask at the same moment do not count; `take` finds it taken
   * for as long as this asks.
   */
  static async isHeld(file: string): Promise<boolean> {
    const handle = await open(file, 'r').catch(ifCode(undefined, 'ENOENT'));
    if (handle === undefined) return false;
    try {
      return !tryShared(handle.fd);
    } finally {
      await handle.close();
    }
  }

  async release(): Promise<void> {
    await this.handle.close();
  }
}

/** Process that holds the lock, as it wrote itself; for messages. */
export async function holderOf(file: string): Promise<string> {
  const pid = (await readFile(file, 'utf8').catch(ifSystemError(''))).trim();
  return pid === '' ? 'another process' : `process ${pid}`;
}
