/**
 * The machine's clocks. Only what meets the outside world holds one: `sockets.ts`, `direct.ts`; all else is handed a
 * `Clock`.
 */
import { performance } from 'node:perf_hooks';
import type { Clock, Timer } from './flow.js';

/** `setTimeout` takes no more; a longer wait is made of several. */
const LONGEST = 2_147_483_647;

class RealTimer implements Timer {
  private readonly callback: () => void;
  private readonly onFault: ((error: unknown) => void) | undefined;
  private left: number;
  private timeout: NodeJS.Timeout | undefined;

  constructor(delay: number, callback: () => void, onFault: ((error: unknown) => void) | undefined) {
    this.callback = callback;
    this.onFault = onFault;
    this.left = Math.max(0, delay);
    this.arm();
  }

  private arm(): void {
    const part = Math.min(this.left, LONGEST);
    this.left -= part;
    this.timeout = setTimeout(this.expired, Math.ceil(part));
  }

  private readonly expired = (): void => {
    if (this.left > 0) {
      this.arm();
      return;
    }
    this.timeout = undefined;
    try {
      this.callback();
    } catch (error) {
      if (this.onFault === undefined) throw error;
      this.onFault(error);
    }
  };

  cancel(): void {
    clearTimeout(this.timeout);
  }
}

export class RealClock implements Clock {
  /** `onFault` takes what a timer's callback throws; without it that is thrown. */
  constructor(private readonly onFault?: (error: unknown) => void) {}

  now(): number {
    return performance.now();
  }

  wallClock(): number {
    return Date.now();
  }

  schedule(delay: number, callback: () => void): Timer {
    return new RealTimer(delay, callback, this.onFault);
  }
}
