/**
 * Read-only maps of files: at once, and until there is a sealed copy of the file in memory (`sealed-copy.ts`), where
 * there is room for one.
 *
 * A file that gets shorter under a map kills the process at the next touch (SIGBUS). So each map holds a read lease
 * (fcntl(2), F_SETLEASE). A process that opens the file for writing, or truncates it, waits in the kernel, and SIGIO
 * reports it to this process. This process copies what the map shows into memory of its own, puts the copy in the map's
 * place, at the same address, and lets the other process go on. A process that is stopped for longer than
 * fs.lease-break-time (45 s) cannot do that. To replace the file by a rename breaks no lease and needs no copy.
 */
import { type Calls, calls } from '../libc/calls.js';
import { koffi } from '../libc/koffi.js';
import { MappedFile, noteFile } from './mapped-file.js';
import { sealedCopy } from './sealed-copy.js';

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_PRIVATE = 2;
const MAP_ANONYMOUS = 0x20;
const MREMAP_MAYMOVE = 1;
const MREMAP_FIXED = 2;
const F_DUPFD_CLOEXEC = 1030;
const F_SETLEASE = 1024;
const F_GETLEASE = 1025;
const F_RDLCK = 0;
const F_UNLCK = 2;

interface Mapped {
  readonly address: number;
  readonly length: number;
  /** Holds the lease; -1 when there is none any more. */
  fd: number;
  file: MappedFile;
  /** The sealed copy that has taken the file's place. */
  sealed: number | undefined;
}

const NAMES = ['mmap', 'munmap', 'mremap', 'memcpy', 'fcntl', 'close'] as const;
let loaded: Calls<(typeof NAMES)[number]> | undefined;
const leased = new Set<Mapped>();
const maps = new WeakMap<ArrayBufferLike, Mapped>();
let listening = false;

/** Gives a map back when nothing refers to its bytes any more: one that is still looked at may not go. */
const forgotten = new FinalizationRegistry<Mapped>((mapped) => {
  loaded?.munmap(mapped.address, mapped.length);
  mapped.file.withdraw(() => {
    release(mapped);
    if (mapped.sealed !== undefined) loaded?.close(mapped.sealed);
  });
});

/**
 * The first `length` bytes of the file behind `fd`, mapped; the caller may close `fd`. Undefined where that cannot be
 * had safely (not Linux, no lease on this file system or for this user, a writer has it open): read the file instead.
 */
export function mapFile(fd: number, length: number): Uint8Array | undefined {
  if (process.platform !== 'linux' || length === 0) return undefined;
  try {
    loaded ??= calls(...NAMES);
  } catch {
    // koffi does not load, or libc lacks one of the functions: koffi's errors have no codes.
    return undefined;
  }
  const own = loaded.fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (own < 0) return undefined;
  // The signal's default is to end the process. So a listener has to be there before the first lease, and it stays from
  // then on, since a signal may be under way when the last lease ends.
  if (!listening) process.on('SIGIO', onLeaseBroken);
  listening = true;
  const address = loaded.fcntl(own, F_SETLEASE, F_RDLCK) < 0 ? -1 : map(length, PROT_READ, own);
  if (address < 0) {
    loaded.close(own);
    return undefined;
  }
  const mapped: Mapped = { address, length, fd: own, file: new MappedFile(own), sealed: undefined };
  leased.add(mapped);
  const buffer = koffi().view(address, length);
  forgotten.register(buffer, mapped);
  noteFile(buffer, mapped.file);
  maps.set(buffer, mapped);
  return new Uint8Array(buffer);
}

/**
 * Puts a sealed copy in the place of the file behind `bytes`, which `mapFile` gave: at the same address, and for
 * `sendfile` too. Does nothing where there is no room for one, or where the lease was broken meanwhile, which made a
 * copy as well.
 */
export async function sealMap(bytes: Uint8Array): Promise<void> {
  const mapped = maps.get(bytes.buffer);
  if (mapped === undefined || mapped.file.withdrawn) return;
  const { address, length, file } = mapped;
  const copy = await sealedCopy(mapped.fd, length);
  if (copy === undefined) return;
  const place = file.withdrawn ? -1 : map(length, PROT_READ, copy);
  if (place < 0) {
    loaded!.close(copy);
    return;
  }
  loaded!.mremap(place, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, address);
  mapped.sealed = copy;
  mapped.file = new MappedFile(copy);
  noteFile(bytes.buffer, mapped.file);
  // What was sent of the file itself may have to be sent again.
  file.withdraw(() => release(mapped));
}

/**
 * The first `length` bytes of the block device behind `fd`, mapped for good: a device cannot be truncated. Undefined
 * where that cannot be had.
 */
export function mapDevice(fd: number, length: number): Uint8Array | undefined {
  if (process.platform !== 'linux' || length === 0) return undefined;
  loaded ??= calls(...NAMES);
  const address = map(length, PROT_READ, fd);
  return address < 0 ? undefined : new Uint8Array(koffi().view(address, length));
}

/** -1 when the kernel has no room. */
function map(length: number, protection: number, fd: number): number {
  const flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_PRIVATE;
  const address = loaded!.mmap(0, length, protection, flags, fd, 0);
  return address > Number.MAX_SAFE_INTEGER ? -1 : address;
}

/** The kernel does not say whose lease it is: those that are being broken are no read leases any more. */
function onLeaseBroken(): void {
  for (const mapped of leased) {
    if (mapped.sealed === undefined && !mapped.file.withdrawn && loaded!.fcntl(mapped.fd, F_GETLEASE, 0) !== F_RDLCK)
      keepOwnCopy(mapped);
  }
}

function keepOwnCopy(mapped: Mapped): void {
  const { address, length } = mapped;
  const copy = map(length, PROT_READ | PROT_WRITE, -1);
  // Without memory for a copy the lease stays: the kernel breaks it by itself after fs.lease-break-time, 45 s.
  if (copy < 0) return;
  loaded!.memcpy(copy, address, length);
  loaded!.mremap(copy, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, address);
  mapped.file.withdraw(() => release(mapped));
}

/** Ends the lease, which lets a waiting writer go on. */
function release(mapped: Mapped): void {
  if (mapped.fd < 0) return;
  loaded!.fcntl(mapped.fd, F_SETLEASE, F_UNLCK);
  loaded!.close(mapped.fd);
  mapped.fd = -1;
  leased.delete(mapped);
}
