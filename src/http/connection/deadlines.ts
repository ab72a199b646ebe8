import type { Clock, Timer } from '../../net/flow.js';
import type { CallClock } from '../contracts/call-clock.js';

/** The number of parts into which the waiting time is divided, for connections that have already waited. */
const PARTS = 16;

/**
 * An object that can wait, in one list at a time: when it is due, and its neighbours there. Only the list changes these
 * fields.
 */
export interface Waiting<T extends Waiting<T>> {
  list: DeadlineList<T> | undefined;
  due: number;
  previous: T | undefined;
  next: T | undefined;
}

/**
 * Connections that wait equally long, so that the first one in is the first one due: a linked list whose nodes are the
 * connections.
 */
export class DeadlineList<T extends Waiting<T>> {
  /** Tells the time in ticks. */
  readonly clock: Deadlines<T>;
  /** Milliseconds. */
  readonly delay: number;
  /** Called for a connection that is due. It has been taken out; the callback may put it in again. */
  readonly expired: (connection: T) => void;
  /** The list that this is a part of: itself, unless it is in another list's `#parts`. */
  readonly whole: DeadlineList<T>;
  /** Connections that wait for the n-th part of the time, because they have already waited for the rest. */
  readonly #parts: (DeadlineList<T> | undefined)[] = [];
  first: T | undefined = undefined;
  #last: T | undefined = undefined;

  constructor(clock: Deadlines<T>, delay: number, expired: (connection: T) => void, whole?: DeadlineList<T>) {
    this.whole = whole ?? this;
    this.clock = clock;
    this.delay = delay;
    this.expired = expired;
  }

  /** Takes the connection out of its list, and puts it last in this one. */
  add(connection: T): void {
    connection.due = (this.clock.now + this.delay) | 0;
    if (connection.list === this && this.#last === connection) return;
    this.#append(connection);
  }

  /**
   * Puts in a connection whose `due` is already set. At the end of this list it would be late, because the last one in
   * is the last one due. In the part for its remaining time it is late by a sixteenth of the whole time at most. The
   * time that it passes on to a next program is exact.
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
  /**
   * The time of the last reading of the clock. In an array, because a field would hold a new object for each fraction.
   */
  readonly #read = new Float64Array(1);
  /** The network's value at that time (`Clock.look`). */
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

  /** Every connection that waits for something: all open ones. Lists that were made first come first. */
  *waiting(): Iterable<T> {
    for (const list of this.#lists) for (let c = list.first; c !== undefined; c = c.next) yield c;
  }

  /** Ensures that the timer fires at `due` at the latest. */
  arm(due: number): void {
    if (this.#timer !== undefined) {
      if (((due - this.#timerDue) | 0) >= 0) return;
      this.#timer.cancel();
    }
    this.#timerDue = due;
    // `due` was rounded down to whole milliseconds: one more, so that the time has really come.
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

  /** For the time when no connection is left: then no timer remains. */
  rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
