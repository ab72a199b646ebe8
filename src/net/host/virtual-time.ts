/**
 * Virtual time: a heap of events ordered by time, and among equal times by the order in which they were asked for. So a
 * run depends on nothing but its seed.
 */
import type { Clock, Timer } from '../flow.js';

class Event implements Timer {
  cancelled = false;
  constructor(
    readonly time: number,
    readonly order: number,
    readonly callback: () => void,
  ) {}
  cancel(): void {
    this.cancelled = true;
  }
}

/** 2026-01-01T00:00Z: where virtual wall clocks begin. */
const EPOCH = 1_767_225_600_000;

/** Events at one instant beyond which something asks for turn after turn without end. */
const STANDSTILL = 1_000_000;

export class VirtualTime implements Clock {
  private readonly heap: Event[] = [];
  private order = 0;
  private time = 0;
  private still = 0;
  /** Events that were carried out. */
  executed = 0;

  now(): number {
    return this.time;
  }

  wallClock(): number {
    return EPOCH + this.time;
  }

  schedule(delay: number, callback: () => void): Timer {
    return this.at(this.time + Math.max(0, delay), callback);
  }

  /** At a time that may not lie in the past. */
  at(time: number, callback: () => void): Timer {
    const event = new Event(Math.max(time, this.time), this.order++, callback);
    this.push(event);
    return event;
  }

  /** Carries out the next event, unless it lies after `limit`. False: there is none. */
  step(limit = Number.POSITIVE_INFINITY): boolean {
    for (;;) {
      const event = this.heap[0];
      if (event === undefined || event.time > limit) return false;
      this.pop();
      if (event.cancelled) continue;
      if (event.time > this.time) this.still = 0;
      else if (++this.still > STANDSTILL) throw new Error(`time stands still at ${this.time} ms`);
      this.time = event.time;
      this.executed += 1;
      event.callback();
      return true;
    }
  }

  /** Runs until `done` returns true, nothing is left, or virtual time would pass `limit` (ms). */
  run(limit: number, done: () => boolean = () => false): void {
    while (!done()) {
      if (this.step(limit)) continue;
      // Nothing happens until the limit: time passes all the same.
      if (Number.isFinite(limit)) this.time = Math.max(this.time, limit);
      return;
    }
  }

  private push(event: Event): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Event;
      if (!before(event, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      const below = heap[child] as Event;
      if (!before(below, last)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
  }
}

function before(a: Event, b: Event): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}
