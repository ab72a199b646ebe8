/**
 * A heap of deadlines, kept lazily: a binary heap with one entry an object. An object whose deadline moved later keeps
 * its early entry, and is put back when that comes up. So a timer that every ACK re-arms costs nothing. What is over is
 * taken out at once: a connection that lived for a millisecond must not be kept until its timer would have come up.
 */
export interface Due {
  /** When it wants to be called; `Infinity`: not at all. */
  deadline: number;
  /** The time of its entry in the heap; `Infinity`: none. For the heap only. */
  heapAt: number;
  /** Where its entry is; -1: none. For the heap only. */
  heapIndex: number;
}

export class TimerHeap<T extends Due> {
  private readonly items: T[] = [];

  /** The deadline of `item` was set. Cheap when an entry at or before it is there. */
  arm(item: T): void {
    if (item.deadline >= item.heapAt) return;
    item.heapAt = item.deadline;
    if (item.heapIndex < 0) {
      item.heapIndex = this.items.length;
      this.items.push(item);
    }
    this.up(item, item.heapIndex);
  }

  /** Takes `item` out, if it is there. */
  remove(item: T): void {
    const at = item.heapIndex;
    if (at < 0) return;
    item.heapIndex = -1;
    item.heapAt = Number.POSITIVE_INFINITY;
    const last = this.items.pop() as T;
    if (last === item) return;
    if (at > 0 && this.items[(at - 1) >> 1].heapAt > last.heapAt) this.up(last, at);
    else this.down(last, at);
  }

  /** When something may be due; `Infinity`: nothing. May be early. */
  next(): number {
    return this.items.length === 0 ? Number.POSITIVE_INFINITY : this.items[0].heapAt;
  }

  /** The item whose entry is first, or undefined. */
  peek(): T | undefined {
    return this.items[0];
  }

  /** Takes out one item that is due, or undefined. */
  take(now: number): T | undefined {
    while (this.items.length > 0 && this.items[0].heapAt <= now) {
      const item = this.items[0];
      this.remove(item);
      if (item.deadline <= now) return item;
      this.arm(item);
    }
    return undefined;
  }

  /** Puts `item` at `from` or nearer to the root. */
  private up(item: T, from: number): void {
    const { items } = this;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = items[above];
      if (parent.heapAt <= item.heapAt) break;
      items[at] = parent;
      parent.heapIndex = at;
      at = above;
    }
    items[at] = item;
    item.heapIndex = at;
  }

  /** Puts `item` at `from` or farther from the root. */
  private down(item: T, from: number): void {
    const { items } = this;
    const size = items.length;
    let at = from;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= size) break;
      if (child + 1 < size && items[child + 1].heapAt < items[child].heapAt) child++;
      if (items[child].heapAt >= item.heapAt) break;
      items[at] = items[child];
      items[at].heapIndex = at;
      at = child;
    }
    items[at] = item;
    item.heapIndex = at;
  }
}
