import type { Memory } from './memory.js';

/** What another program needs to come by the same bytes: an id that promises them, and a file where they may lie. */
export interface MemoryName {
  readonly id: string;
  /** Absolute. */
  readonly path: string;
}

/** Memories that have names, so that a reference into one means the same in two programs. */
export interface Memories {
  /** Undefined: it is this program's alone. */
  nameOf(memory: Memory): MemoryName | undefined;
  /** The bytes that the id promises, every one of them verified. Undefined: they cannot be had. */
  open(name: MemoryName): Promise<Memory | undefined>;
}
