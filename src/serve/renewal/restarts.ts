/** Starts a process again when it ends by itself: at once the first time, then later and later. */
import type { Clock } from '../../net/flow.js';

/** Milliseconds before the next start, doubled each time; and after which a process counts as steady. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 60_000;
const STEADY = 60_000;

export class Restarts {
  private pause = FIRST_PAUSE;

  constructor(
    private readonly clock: Pick<Clock, 'now' | 'schedule'>,
    /** Calls `ended` once, with how, when the process is gone. */
    private readonly start: (ended: (how: string) => void) => void,
    /** Gets a message about each end. */
    private readonly tell: (sentence: string) => void,
  ) {}

  begin(): void {
    const since = this.clock.now();
    this.start((how) => {
      if (this.clock.now() - since >= STEADY) this.pause = FIRST_PAUSE;
      const { pause } = this;
      this.pause = Math.min(pause * 2, LONGEST_PAUSE);
      this.tell(`${how}; it is started again in ${pause / 1000} s`);
      this.clock.schedule(pause, () => this.begin());
    });
  }
}
