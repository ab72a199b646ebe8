/**
 * Copies of files in memory that can be mapped without fear. A file that gets shorter under a map ends the process at
 * the next touch (SIGBUS); a lease helps as long as the process can answer (`map.ts`), and one that is stopped cannot.
 * A memfd with seals (memfd_create(2), fcntl(2) F_ADD_SEALS) gets neither shorter nor different, for anyone.
 */
import { readlinkSync } from 'node:fs';
import { freemem } from 'node:os';
import { basename } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { type Calls, calls } from '../libc/calls.js';
import { koffi } from '../libc/koffi.js';
import { libc } from '../libc/libc.js';
import { pinned } from '../libc/slab.js';
import { MappedFile, noteFile } from './mapped-file.js';

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
const F_GET_SEALS = 1034;
/** F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE. */
const SEALS = 0b1111;
const PROT_READ = 1;
const MAP_PRIVATE = 2;

const NAME_BYTES = 249;

/** Bytes that are copied before other work has its turn: about a millisecond. */
const PIECE = 4 * 2 ** 20;
/** The part of the memory that is free which a copy may take: at a reload there are two, and other sites beside. */
const SHARE = 1 / 4;

const NAMES = ['memfd_create', 'sendfile', 'mmap', 'munmap'] as const;
let loaded: Calls<(typeof NAMES)[number]> | undefined;

interface Mapped {
  readonly address: number;
  readonly length: number;
  readonly fd: number;
}

/** Gives map and memory back when nothing refers to the bytes any more. */
const forgotten = new FinalizationRegistry<Mapped>(({ address, length, fd }) => {
  loaded?.munmap(address, length);
  libc().close(fd);
});

/** Bytes that a copy may have here and now. */
export function roomForCopy(): number {
  // As far as the limits of the container allow; Node before 20.13 does not report them.
  const free = (process as { availableMemory?: () => number }).availableMemory?.() ?? freemem();
  return Math.floor(free * SHARE);
}

/**
 * A descriptor of a sealed copy of the first `length` bytes of the file behind `fd`. Undefined where that cannot be
 * had: not Linux, too little memory, or the file got shorter meanwhile.
 */
export async function sealedCopy(fd: number, length: number): Promise<number | undefined> {
  if (process.platform !== 'linux' || length === 0 || length > roomForCopy()) return undefined;
  loaded ??= calls(...NAMES);
  const copy = loaded.memfd_create(nameOf(fd), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (copy < 0) return undefined;
  // The kernel writes the next place here, and leaves that of the descriptor.
  const offset = pinned(8);
  for (let done = 0; done < length; ) {
    const count = loaded.sendfile(copy, fd, offset.address, Math.min(PIECE, length - done));
    if (count <= 0) {
      libc().close(copy);
      return undefined;
    }
    done += count;
    await turn();
  }
  if (libc().fcntl(copy, F_ADD_SEALS, SEALS) === 0) return copy;
  libc().close(copy);
  return undefined;
}

/** The file's name, so that `/proc/PID/maps` says what a copy is of. At most 249 bytes (memfd_create(2)). */
function nameOf(fd: number): string {
  const name = Buffer.from(`sitekernel-bundle ${basename(readlinkSync(`/proc/self/fd/${fd}`))}`);
  return name.subarray(0, NAME_BYTES).toString('latin1');
}

/** Whether the file behind `fd` has all seals. */
export function isSealed(fd: number): boolean {
  return process.platform === 'linux' && libc().fcntl(fd, F_GET_SEALS, 0) === SEALS;
}

/**
 * The bytes of a sealed copy; `fd` is taken over. Undefined, and `fd` is closed, where there is no room in the address
 * space.
 */
export function mapSealed(fd: number, length: number): Uint8Array | undefined {
  loaded ??= calls(...NAMES);
  const address = loaded.mmap(0, length, PROT_READ, MAP_PRIVATE, fd, 0);
  if (address > Number.MAX_SAFE_INTEGER) {
    libc().close(fd);
    return undefined;
  }
  const buffer = koffi().view(address, length);
  forgotten.register(buffer, { address, length, fd });
  noteFile(buffer, new MappedFile(fd));
  return new Uint8Array(buffer);
}
