/** What a flow has written and the kernel has not taken: references, never copies. */
import type { Memory } from '../../memory/memory.js';

export class SendQueue {
  readonly memories: (Memory | undefined)[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  /** The first entry that is not taken whole. */
  head = 0;
  /** Bytes in all entries. */
  bytes = 0;

  push(memory: Memory, start: number, end: number): void {
    this.memories.push(memory);
    this.starts.push(start);
    this.ends.push(end);
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

  clear(): void {
    this.memories.length = 0;
    this.starts.length = 0;
    this.ends.length = 0;
    this.head = 0;
    this.bytes = 0;
  }
}
