/** Connections with the same time limit, the oldest first: one timer serves all of them. */
import type { Clock, Timer } from '../../net/flow.js';

export class Deadlines<T> {
  readonly #clock: Clock;
  readonly #time: number;
  readonly #expired: (one: T) => void;
  /** In the order in which they are due. */
  readonly #due = new Map<T, number>();
  #timer: Timer | undefined = undefined;

  /** `time` in milliseconds; `expired` gets each connection that is due, after it was taken out. */
  constructor(clock: Clock, time: number, expired: (one: T) => void) {
    this.#clock = clock;
    this.#time = time;
    this.#expired = expired;
  }

  get size(): number {
    return this.#due.size;
  }

  add(one: T): void {
    this.#due.delete(one);
    this.#due.set(one, this.#clock.now() + this.#time);
    this.#timer ??= this.#clock.schedule(this.#time, this.#fire);
  }

  delete(one: T): void {
    this.#due.delete(one);
    if (this.#due.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  has(one: T): boolean {
    return this.#due.has(one);
  }

  /** The one that is due first, taken out. */
  shift(): T | undefined {
    for (const one of this.#due.keys()) {
      this.delete(one);
      return one;
    }
    return undefined;
  }

  /** All, in no particular order. */
  [Symbol.iterator](): Iterator<T> {
    return this.#due.keys();
  }

  readonly #fire = (): void => {
    this.#timer = undefined;
    const now = this.#clock.now();
    let left = this.#due.size;
    try {
      for (const [one, due] of this.#due) {
        if (due > now) {
          left = due - now;
          break;
        }
        left = 0;
        this.#due.delete(one);
        this.#expired(one);
      }
    } finally {
      // Even if `expired` threw for one of them: the others are due all the same.
      if (this.#due.size > 0) this.#timer ??= this.#clock.schedule(left, this.#fire);
    }
  };
}
