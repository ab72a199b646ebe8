/**
 * Bytes by their sequence numbers, with gaps. They are kept in blocks, so that bytes that come one by one cost no more
 * than the room that they lie in.
 */

/** Bytes of a block. */
export const BLOCK = 4096;
const SHIFT = 12;
/** What a block was measured to cost beyond its bytes: two objects, and an entry in a table. */
const OVERHEAD = 320;

type Give = (bytes: Uint8Array, start: number, end: number) => void;

export class SparseBytes {
  private readonly blocks = new Map<number, Uint8Array>();

  /** Bytes of memory that it takes. */
  get cost(): number {
    return this.blocks.size * (BLOCK + OVERHEAD);
  }

  /** Copies `bytes[start..end)` to `seq`. */
  put(seq: number, bytes: Uint8Array, start: number, end: number): void {
    for (let from = start; from < end; ) {
      const at = (seq + from - start) | 0;
      const offset = at & (BLOCK - 1);
      const until = Math.min(end, from + BLOCK - offset);
      let block = this.blocks.get(at >>> SHIFT);
      if (block === undefined) {
        block = new Uint8Array(BLOCK);
        this.blocks.set(at >>> SHIFT, block);
      }
      block.set(bytes.subarray(from, until), offset);
      from = until;
    }
  }

  /** Hands over what lies from `seq` up to `end`, which is there, block by block. */
  give(seq: number, end: number, give: Give): void {
    for (let at = seq; at !== end; ) {
      const offset = at & (BLOCK - 1);
      const size = Math.min(BLOCK - offset, (end - at) | 0);
      give(this.blocks.get(at >>> SHIFT) as Uint8Array, offset, offset + size);
      at = (at + size) | 0;
    }
  }

  /** Forgets the blocks that lie wholly before `seq`. */
  forget(seq: number): void {
    for (const number of this.blocks.keys()) if ((((number + 1) << SHIFT) - seq) << 0 <= 0) this.blocks.delete(number);
  }

  clear(): void {
    this.blocks.clear();
  }
}
