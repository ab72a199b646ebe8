import type { CallClock } from '../contracts/call-clock.js';

/** Milliseconds between two reports. */
const INTERVAL = 1000;

/**
 * Exceptions that a turn of a flow threw: bugs of this program, or of a store. All are counted, and one a second is
 * reported.
 */
export class FaultReports {
  readonly #clock: CallClock;
  readonly #onFault: ((error: unknown) => void) | undefined;
  /** When one was reported last, in ticks of `CallClock`; 0: never. */
  #reported = 0;
  count = 0;

  constructor(clock: CallClock, onFault: ((error: unknown) => void) | undefined) {
    this.#clock = clock;
    this.#onFault = onFault;
  }

  /** Throws what the report throws. */
  note(error: unknown): void {
    this.count++;
    const { now } = this.#clock;
    // A peer that can cause one can cause thousands.
    if (this.#reported !== 0 && ((now - this.#reported) | 0) < INTERVAL) return;
    this.#reported = now || 1;
    this.#onFault?.(error);
  }
}
