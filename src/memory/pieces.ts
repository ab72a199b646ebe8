/** Ranges of memories on their way to another program: by name where both can open the memory, else their bytes. */
import { Memory } from './memory.js';

/** A range of a memory that has a name, or the bytes themselves, which belong to the piece. */
export type Piece =
  | { readonly id: string; readonly start: number; readonly end: number }
  | { readonly bytes: Uint8Array };

/** The memory that a name means here; undefined: it is not at hand. */
export type FindMemory = (id: string) => Memory | undefined;

export interface MemoryRange {
  readonly memory: Memory;
  readonly start: number;
  readonly end: number;
}

/** Makes the pieces of one connection, which take along a bounded number of bytes without a name. */
export class Carrier {
  /** Bytes that go along, so far. */
  copied = 0;

  /** `idOf`: how the other program knows a memory. `most`: bytes without a name. */
  constructor(
    private readonly idOf: (memory: Memory) => string | undefined,
    private readonly most: number,
  ) {}

  /** `memory.bytes[start..end)`, not empty; undefined: that is too much. */
  piece(memory: Memory, start: number, end: number): Piece | undefined {
    const id = this.idOf(memory);
    if (id !== undefined) return { id, start, end };
    this.copied += end - start;
    if (this.copied > this.most) return undefined;
    // Not `slice`: that of a Buffer copies nothing.
    return { bytes: new Uint8Array(memory.bytes.subarray(start, end)) };
  }

  /** All of them; undefined: that is too much. */
  pieces(ranges: Iterable<MemoryRange>): Piece[] | undefined {
    const made: Piece[] = [];
    for (const { memory, start, end } of ranges) {
      const piece = this.piece(memory, start, end);
      if (piece === undefined) return undefined;
      made.push(piece);
    }
    return made;
  }
}

/** What another program's pieces mean here. Undefined: one is none, or its memory is not at hand. */
export function rangesOf(pieces: unknown, find: FindMemory): MemoryRange[] | undefined {
  if (!Array.isArray(pieces)) return undefined;
  const ranges: MemoryRange[] = [];
  for (const piece of pieces as unknown[]) {
    const range = rangeOf(piece, find);
    if (range === undefined) return undefined;
    ranges.push(range);
  }
  return ranges;
}

function rangeOf(piece: unknown, find: FindMemory): MemoryRange | undefined {
  if (typeof piece !== 'object' || piece === null) return undefined;
  const { bytes, id, start, end } = piece as { bytes?: unknown; id?: unknown; start: number; end: number };
  if (bytes !== undefined) {
    if (!(bytes instanceof Uint8Array) || bytes.length === 0) return undefined;
    return { memory: new Memory(bytes), start: 0, end: bytes.length };
  }
  if (typeof id !== 'string' || !Number.isInteger(start) || !Number.isInteger(end)) return undefined;
  const memory = find(id);
  if (memory === undefined || !(start >= 0 && start < end && end <= memory.bytes.length)) return undefined;
  return { memory, start, end };
}

/** Bytes in all of them. */
export function bytesIn(ranges: readonly MemoryRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}
