/**
 * Deadlines, lazily: a binary heap with at most a few entries an object. An object whose deadline moved later keeps its
 * early entry, and is put back when that comes up; so a timer that every ACK re-arms costs nothing.
 */
export interface Due {
  /** When it wants to be called; `Infinity`: not at all. */
  deadline: number;
  /** Its earliest entry in the heap; `Infinity`: none. For the heap only. */
  heapAt: number;
}

export class TimerHeap<T extends Due> {
  private readonly times: number[] = [];
  private readonly items: T[] = [];

  /** The deadline of `item` was set. Cheap when an entry at or before it is there. */
  arm(item: T): void {
    if (item.deadline >= item.heapAt) return;
    item.heapAt = item.deadline;
    this.push(item.deadline, item);
  }

  /** When something may be due; `Infinity`: nothing. May be early. */
  next(): number {
    return this.times.length === 0 ? Number.POSITIVE_INFINITY : this.times[0];
  }

  /** Takes out one item that is due, or undefined. */
  take(now: number): T | undefined {
    while (this.times.length > 0 && this.times[0] <= now) {
      const time = this.times[0];
      const item = this.items[0];
      this.pop();
      // An entry that an earlier one replaced.
      if (time !== item.heapAt) continue;
      item.heapAt = Number.POSITIVE_INFINITY;
      if (item.deadline <= now) return item;
      this.arm(item);
    }
    return undefined;
  }

  private push(time: number, item: T): void {
    const { times, items } = this;
    let at = times.length;
    times.push(time);
    items.push(item);
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (times[up] <= time) break;
      times[at] = times[up];
      items[at] = items[up];
      at = up;
    }
    times[at] = time;
    items[at] = item;
  }

  private pop(): void {
    const { times, items } = this;
    const time = times.pop() as number;
    const item = items.pop() as T;
    const size = times.length;
    if (size === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= size) break;
      if (child + 1 < size && times[child + 1] < times[child]) child++;
      if (times[child] >= time) break;
      times[at] = times[child];
      items[at] = items[child];
      at = child;
    }
    times[at] = time;
    items[at] = item;
  }
}
