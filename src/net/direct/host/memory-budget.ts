/**
 * What TCP may keep on this machine, where no option says: by its RAM, the limit of the control group, and the limit of
 * V8's heap.
 */
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { DEFAULT_LIMITS } from '../../tcp/state/limits.js';

/** A quarter of the memory, as all of a machine's share falls to others too: the site, the kernel, its page cache. */
const SHARE_OF_MEMORY = 4;
/** Half of the heap: about that part of what is counted lies there. */
const SHARE_OF_HEAP = 2;
/** What a few hundred busy connections take. */
const LEAST = 8 << 20;

/** Bytes: of RAM, of the control group (0: no limit), of V8's heap at most. */
export interface MachineMemory {
  readonly ram: number;
  readonly constrained: number;
  readonly heap: number;
}

export function machineMemory(): MachineMemory {
  // Where there is no control group, Node says 0 or a number beyond all memory.
  return { ram: totalmem(), constrained: process.constrainedMemory(), heap: getHeapStatistics().heap_size_limit };
}

/** Bytes for one of `workers` processes: 8 MiB up to the layer's default of 512 MiB. */
export function memoryBudget({ ram, constrained, heap }: MachineMemory, workers: number): number {
  const memory = constrained > 0 ? Math.min(ram, constrained) : ram;
  const share = Math.min(DEFAULT_LIMITS.memory, memory / SHARE_OF_MEMORY);
  return Math.floor(Math.max(LEAST, Math.min(share / workers, heap / SHARE_OF_HEAP)));
}
