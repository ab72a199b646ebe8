/** The bytes of a state disk: of a file on a host, or of a disk in a machine. */
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { expectCode } from '../../errors/codes.js';
import { BLOCK, type Blocks, NEW_DISK } from './state-disk.js';

/**
 * Where bytes lie in memory. With it, transfers go past the kernel's memory of the disk, which does not know what
 * another machine wrote; these want aligned memory.
 */
export type AddressOf = (bytes: Uint8Array) => number;

/** Opens it for reading and writing. Throws what the system says. */
export class OpenBlocks implements Blocks {
  readonly size: number;
  private readonly fd: number;
  /** Aligned as direct transfers want it. */
  private readonly buffer: Uint8Array;

  /** `size`: of a disk, which the system does not state; undefined: the file's. */
  constructor(path: string, { size, addressOf }: { readonly size?: number; readonly addressOf?: AddressOf } = {}) {
    this.fd = opened(path, addressOf !== undefined);
    // What lies behind is not used: the whole is read into memory.
    this.size = Math.min(size ?? fstatSync(this.fd).size, NEW_DISK);
    const room = new Uint8Array(this.size + BLOCK);
    const skip = addressOf === undefined ? 0 : (BLOCK - (addressOf(room) % BLOCK)) % BLOCK;
    this.buffer = room.subarray(skip, skip + this.size);
  }

  read(at: number, length: number): Uint8Array {
    const bytes = this.buffer.subarray(0, length);
    for (let done = 0; done < length; ) {
      const count = readSync(this.fd, bytes, done, length - done, at + done);
      // Behind the end of a file that was cut off there is nothing.
      if (count === 0) {
        bytes.fill(0, done);
        break;
      }
      done += count;
    }
    return bytes;
  }

  write(at: number, bytes: Uint8Array): void {
    const own = this.buffer.subarray(0, bytes.length);
    own.set(bytes);
    for (let done = 0; done < own.length; ) done += writeSync(this.fd, own, done, own.length - done, at + done);
    fsyncSync(this.fd);
  }

  close(): void {
    closeSync(this.fd);
  }
}

function opened(path: string, direct: boolean): number {
  if (direct) {
    try {
      return openSync(path, constants.O_RDWR | constants.O_DIRECT);
    } catch (error) {
      // A file system without direct transfers.
      expectCode(error, 'EINVAL');
    }
  }
  return openSync(path, constants.O_RDWR);
}
