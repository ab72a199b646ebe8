import type { Clock, Timer } from '../../net/flow.js';
import type { CallClock } from '../contracts/call-clock.js';

/** Into how many parts the time of those is divided that have waited already. */
const PARTS = 16;

/** What can wait, in one list at a time: when it is due, and its neighbours there. Only the list changes them. */
export interface Waiting<T extends Waiting<T>> {
  list: DeadlineList<T> | undefined;
  due: number;
  previous: T | undefined;
  next: T | undefined;
}

/**
 * Connections that wait equally long, so that the first one in is the first one due: a list through the connections
 * themselves.
 */
export class DeadlineList<T extends Waiting<T>> {
  /** Tells the time in ticks. */
  readonly clock: Deadlines<T>;
  /** Milliseconds. */
  readonly delay: number;
  /** What happens to one that is due. It has been taken out; the callback may put it in again. */
  readonly expired: (connection: T) => void;
  /** What this is a part of: the list itself, unless it is one of those who have waited elsewhere. */
  readonly whole: DeadlineList<T>;
  /** Those who wait the n-th part of the time, since they have waited for the rest of it. */
  readonly #parts: (DeadlineList<T> | undefined)[] = [];
  first: T | undefined = undefined;
  #last: T | undefined = undefined;

  constructor(clock: Deadlines<T>, delay: number, expired: (connection: T) => void, whole?: DeadlineList<T>) {
    this.whole = whole ?? this;
    this.clock = clock;
    this.delay = delay;
    this.expired = expired;
  }

  /** Puts the connection last, out of whichever list it was in. */
  add(connection: T): void {
    connection.due = (this.clock.now + this.delay) | 0;
    if (connection.list === this && this.#last === connection) return;
    this.#append(connection);
  }

  /**
   * Puts in one that is due at `connection.due` already. In this list, where who comes last is due last, it would be
   * late; among those with as much time left it is late by a sixteenth of the whole time at most, and the time that it
   * takes along to a next program is exact.
   */
  resume(connection: T): void {
    const left = Math.min(Math.max(0, (connection.due - this.clock.now) | 0), this.delay);
    const part = Math.ceil((left * PARTS) / Math.max(1, this.delay));
    let list = this.#parts[part];
    if (list === undefined) {
      list = this.clock.list(Math.ceil((this.delay * part) / PARTS), this.expired, this);
      this.#parts[part] = list;
    }
    list.#append(connection);
  }

  /** This list and its parts. */
  get lists(): readonly DeadlineList<T>[] {
    return [this, ...this.#parts.filter((part) => part !== undefined)];
  }

  #append(connection: T): void {
    connection.list?.remove(connection);
    connection.list = this;
    connection.previous = this.#last;
    if (this.#last === undefined) {
      this.first = connection;
      this.clock.arm(connection.due);
    } else this.#last.next = connection;
    this.#last = connection;
  }

  remove(connection: T): void {
    const { previous, next } = connection;
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    connection.list = connection.previous = connection.next = undefined;
  }
}

/** Every time-out of the server, on one timer of the clock; none runs while no connection waits. */
export class Deadlines<T extends Waiting<T>> implements CallClock {
  readonly #clock: Clock;
  readonly #epoch: number;
  /** When the clock was last read. In an array, because a field would hold a new object for each fraction. */
  readonly #read = new Float64Array(1);
  /** What the network said then (`Clock.look`). */
  #look: number | undefined;
  readonly #lists: DeadlineList<T>[] = [];
  #timer: Timer | undefined;
  #timerDue = 0;
  /**
   * Milliseconds since this was made, as int32, when the network last called; wraps after 24 days: compare differences.
   */
  now = 1;
  /** The same moment in milliseconds since 1970, at most one millisecond old. */
  wallClock = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    // From 1 on: 0 stands for "not set" where a moment is remembered.
    this.#epoch = clock.now() - 1;
    this.#read[0] = clock.now();
    this.wallClock = clock.wallClock();
  }

  /** Milliseconds since the network called, with a fraction. */
  sinceCall(): number {
    return this.#clock.now() - this.#read[0]!;
  }

  /** Reads the clock: once a call of the network, not once a question. */
  refresh(): void {
    const clock = this.#clock;
    const { look } = clock;
    if (look !== undefined && look === this.#look) return;
    this.#look = look;
    const read = clock.now();
    this.#read[0] = read;
    const now = (read - this.#epoch) | 0;
    if (now === this.now) return;
    this.now = now;
    this.wallClock = this.#clock.wallClock();
  }

  list(delay: number, expired: (connection: T) => void, whole?: DeadlineList<T>): DeadlineList<T> {
    const list = new DeadlineList<T>(this, delay, expired, whole);
    this.#lists.push(list);
    return list;
  }

  /** Every connection that waits for something: all that are open. Lists that were made first come first. */
  *waiting(): Iterable<T> {
    for (const list of this.#lists) for (let c = list.first; c !== undefined; c = c.next) yield c;
  }

  /** Sees to it that the timer fires at `due` at the latest. */
  arm(due: number): void {
    if (this.#timer !== undefined) {
      if (((due - this.#timerDue) | 0) >= 0) return;
      this.#timer.cancel();
    }
    this.#timerDue = due;
    // Whole milliseconds were cut off `due`: one more, so that it has really come.
    this.#timer = this.#clock.schedule(Math.max(0, (due - this.now) | 0) + 1, this.#fire);
  }

  readonly #fire = (): void => {
    this.#timer = undefined;
    this.refresh();
    const { now } = this;
    for (const list of this.#lists) {
      for (let c = list.first; c !== undefined && ((c.due - now) | 0) <= 0; c = list.first) {
        list.remove(c);
        list.expired(c);
      }
    }
    for (const list of this.#lists) if (list.first !== undefined) this.arm(list.first.due);
  };

  /** When no connection is left: no timer is. */
  rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
