/** The clock of a network whose stack is entered from outside: what a timer's owner writes leaves when it returns. */
import type { Clock, Timer } from '../../flow.js';
import { RealClock } from '../../real-clock.js';

export class EntryClock implements Clock {
  private readonly real = new RealClock();

  /**
   * `enter` runs a callback as an entry of the stack; `lastLook` numbers the looks at the clock; undefined: no entry
   * runs.
   */
  constructor(
    private readonly enter: (callback: () => void) => void,
    private readonly lastLook: () => number | undefined,
  ) {}

  get look(): number | undefined {
    return this.lastLook();
  }

  now(): number {
    return this.real.now();
  }

  wallClock(): number {
    return this.real.wallClock();
  }

  schedule(delay: number, callback: () => void): Timer {
    return this.real.schedule(delay, () => this.enter(callback));
  }
}
