/**
 * What a flow has written and the kernel has not taken: references, never copies. Its arrays are used again, not made
 * anew.
 */
import type { Memory } from '../../../memory/memory.js';
import type { MemoryRange } from '../../../memory/pieces.js';

/** Entries whose arrays are kept when it is empty; more came once and are let go. */
const KEPT = 256;

export class SendQueue {
  readonly memories: (Memory | undefined)[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  /** The first entry that is not taken whole, and the place behind the last. */
  head = 0;
  tail = 0;
  /** Bytes in all entries. */
  bytes = 0;

  push(memory: Memory, start: number, end: number): void {
    const { tail } = this;
    this.memories[tail] = memory;
    this.starts[tail] = start;
    this.ends[tail] = end;
    this.tail = tail + 1;
    this.bytes += end - start;
  }

  /** The kernel took `count` bytes from the front. */
  taken(count: number): void {
    this.bytes -= count;
    if (this.bytes === 0) {
      this.clear();
      return;
    }
    const { starts, ends, memories } = this;
    let { head } = this;
    for (let left = count; left > 0; ) {
      const length = ends[head] - starts[head];
      if (left < length) {
        starts[head] += left;
        break;
      }
      left -= length;
      memories[head] = undefined;
      head += 1;
    }
    this.head = head;
  }

  /** Copies `length` bytes from `skip` behind the front on to `target[at..)`; so many have to be there. */
  copy(skip: number, target: Uint8Array, at: number, length: number): void {
    const { memories, starts, ends } = this;
    let to = at;
    let before = skip;
    let left = length;
    for (let i = this.head; left > 0; i++) {
      const start = starts[i]! + before;
      if (start >= ends[i]!) {
        before = start - ends[i]!;
        continue;
      }
      before = 0;
      const end = Math.min(ends[i]!, start + left);
      target.set(memories[i]!.bytes.subarray(start, end), to);
      to += end - start;
      left -= end - start;
    }
  }

  /** `length` bytes from `skip` behind the front on; undefined: they lie in several entries. */
  whole(skip: number, length: number): MemoryRange | undefined {
    const { memories, starts, ends } = this;
    let i = this.head;
    let start = starts[i]! + skip;
    while (start >= ends[i]!) {
      const behind = start - ends[i]!;
      i += 1;
      start = starts[i]! + behind;
    }
    const end = start + length;
    return end <= ends[i]! ? { memory: memories[i]!, start, end } : undefined;
  }

  clear(): void {
    const { memories, tail } = this;
    if (tail > KEPT) {
      memories.length = 0;
      this.starts.length = 0;
      this.ends.length = 0;
    } else {
      // What is sent is not to be kept alive from here.
      for (let i = this.head; i < tail; i++) memories[i] = undefined;
    }
    this.head = 0;
    this.tail = 0;
    this.bytes = 0;
  }
}
