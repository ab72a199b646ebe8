import type { Clock, Timer } from '../../src/net/flow.js';

interface Entry {
  readonly due: number;
  readonly callback: () => void;
  cancelled: boolean;
}

/** Time that passes when a test says so. It begins at Sun, 06 Nov 1994 08:49:37 GMT. */
export class VirtualClock implements Clock {
  #now = 1000.25;
  #entries: Entry[] = [];

  now(): number {
    return this.#now;
  }

  wallClock(): number {
    return 784111777000 + this.#now - 1000.25;
  }

  schedule(delay: number, callback: () => void): Timer {
    const entry: Entry = { due: this.#now + delay, callback, cancelled: false };
    this.#entries.push(entry);
    return {
      cancel: () => {
        entry.cancelled = true;
        this.#entries = this.#entries.filter((e) => e !== entry);
      },
    };
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#entries.length;
  }

  /** Lets `ms` milliseconds pass, and runs what falls due, in order. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      let next: Entry | undefined;
      for (const e of this.#entries) if (e.due <= until && (next === undefined || e.due < next.due)) next = e;
      if (next === undefined) break;
      this.#entries = this.#entries.filter((e) => e !== next);
      this.#now = Math.max(this.#now, next.due);
      if (!next.cancelled) next.callback();
    }
    this.#now = until;
  }
}
