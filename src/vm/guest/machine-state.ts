/**
 * What a machine knows from one start to the next: its state folder lies in memory, and each file that must outlive the
 * machine is on the state disk before it is in the folder.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expectSystemError } from '../../errors/codes.js';
import { errorText } from '../../errors/report.js';
import { keepDurable } from '../../native/durable.js';
import { addressOf } from '../../native/libc/slab.js';
import { OpenBlocks } from '../state/blocks.js';
import { StateDisk, StateDiskError } from '../state/state-disk.js';
import { filesIn, giveFiles, pathBelow, putFiles } from '../state/state-files.js';
import { GUEST_USER } from './user.js';

/** In bytes, of what `/sys/class/block` counts. */
const SECTOR = 512;

export class MachineState {
  /** The machine before may have written a last time when it was asked for its state already. */
  private follows = false;

  /** Reads the disk, and has each file that is written later go there, too. Throws a `StateDiskError`. */
  static open(device: string, folder: string): MachineState {
    let disk: StateDisk;
    try {
      const size = Number(readFileSync(`/sys/class/block/${basename(device)}/size`, 'utf8')) * SECTOR;
      disk = new StateDisk(new OpenBlocks(device, { size, addressOf }));
    } catch (error) {
      if (error instanceof StateDiskError) throw error;
      expectSystemError(error);
      throw new StateDiskError(errorText(error));
    }
    const state = new MachineState(disk, folder);
    state.load();
    keepDurable((file, content) => state.keep(file, content));
    return state;
  }

  constructor(
    private readonly disk: Pick<StateDisk, 'read' | 'write' | 'isBehind' | 'retire'>,
    private readonly folder: string,
  ) {}

  /** What another machine wrote last is what this one knows now. Throws a `StateDiskError`. */
  load(): void {
    try {
      putFiles(this.folder, this.disk.read());
    } catch (error) {
      if (error instanceof StateDiskError) throw error;
      expectSystemError(error);
      throw new StateDiskError(`the state does not fit into the memory of this machine (${errorText(error)})`);
    }
  }

  /** The machine before has given the traffic: this one writes from now on. Throws a `StateDiskError`. */
  takeOver(): void {
    this.load();
    this.follows = true;
  }

  /** For `keepDurable`. */
  keep(file: string, content: string | Uint8Array): void {
    const path = pathBelow(this.folder, file);
    if (path === undefined) return;
    try {
      if (this.follows && this.disk.isBehind()) this.load();
      this.follows = false;
      const files = filesIn(this.folder);
      files.set(path, typeof content === 'string' ? Buffer.from(content) : content);
      this.disk.write(files);
    } catch (error) {
      if (!(error instanceof StateDiskError)) throw error;
      throw Object.assign(new Error(error.message), { code: 'EIO' });
    }
  }

  /** Another machine writes from now on. */
  retire(): void {
    this.disk.retire();
  }
}

/** Gives folders, and all in them, to the user that the server becomes. */
export function giveFolders(folders: readonly string[]): void {
  if (process.geteuid?.() === 0) for (const one of folders) giveFiles(one, GUEST_USER);
}
