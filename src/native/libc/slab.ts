/**
 * Memory at a fixed address that stays for the life of the process.
 *
 * The operating system is handed plain addresses, which the garbage collector does not see. A buffer that only its
 * address refers to is freed, and the next call writes into memory that has another owner by then. So everything whose
 * address is kept lies in slabs, and this module keeps the slabs reachable. Never transfer or detach what it hands out.
 */
import { koffi } from './koffi.js';

const SLAB_SIZE = 256 * 1024;
const ALIGNMENT = 64;

/** Bytes and where they are. */
export interface Pinned {
  readonly bytes: Uint8Array;
  /** Of `bytes[0]`, in this process. */
  readonly address: number;
}

const slabs: Pinned[] = [];
let used = SLAB_SIZE;

/**
 * Hands out `size` zeroed bytes, aligned to a cache line, never to be freed. For what is made once a process or device.
 */
export function pinned(size: number): Pinned {
  if (size > SLAB_SIZE) {
    const slab = newSlab(size);
    // The one being filled stays the last.
    slabs.unshift(slab);
    return slab;
  }
  if (used + size > SLAB_SIZE) {
    slabs.push(newSlab(SLAB_SIZE));
    used = 0;
  }
  const slab = slabs[slabs.length - 1];
  const at = used;
  used = (used + size + ALIGNMENT - 1) & -ALIGNMENT;
  return { bytes: slab.bytes.subarray(at, at + size), address: slab.address + at };
}

function newSlab(size: number): Pinned {
  const buffer = new ArrayBuffer(size + ALIGNMENT);
  const base = addressOf(new Uint8Array(buffer));
  const skip = (ALIGNMENT - (base % ALIGNMENT)) % ALIGNMENT;
  return { bytes: new Uint8Array(buffer, skip, size), address: base + skip };
}

/**
 * Where `bytes[0]` lies. It holds for as long as `bytes.buffer` is reachable (the store behind an ArrayBuffer does not
 * move); the caller sees to that.
 */
export function addressOf(bytes: Uint8Array): number {
  return Number(koffi().address(bytes));
}
