/**
 * The loop of a stack whose device another part reads: frames come to the stack another way, and what is left to drive
 * are its timers, on libuv's.
 */
import { type Driven, type Loop, millisecondsUntil } from './loop.js';

/** The longest that `setTimeout` takes. */
const LONGEST_TIMER = 2_147_483_647;

export class TimedLoop implements Loop {
  private running = false;
  private timer: NodeJS.Timeout | undefined = undefined;
  private timerFor = Number.POSITIVE_INFINITY;

  constructor(private readonly driven: Driven) {}

  start(): void {
    this.running = true;
    this.wake();
  }

  stop(): void {
    this.running = false;
    clearTimeout(this.timer);
  }

  wake(): void {
    if (!this.running) return;
    const { deadline } = this.driven;
    // One that fires early finds nothing, and is set anew.
    if (deadline >= this.timerFor) return;
    clearTimeout(this.timer);
    this.timerFor = deadline;
    this.timer = setTimeout(this.expired, millisecondsUntil(deadline, LONGEST_TIMER));
  }

  private readonly expired = (): void => {
    this.timerFor = Number.POSITIVE_INFINITY;
    if (!this.running) return;
    this.driven.turn();
    this.wake();
  };
}
