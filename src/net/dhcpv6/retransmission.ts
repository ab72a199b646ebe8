/** When a question is asked again (RFC 8415 15). Times in ms of the stack's clock. */
import type { Random } from '../random.js';

export interface Pace {
  /** The first wait, and the longest; `Infinity`: no bound. */
  readonly first: number;
  readonly longest: number;
  /** Questions at most, the first included; `Infinity`: no limit. */
  readonly count: number;
}

export class Retransmission6 {
  /** `Infinity`: nothing is due. */
  due = Number.POSITIVE_INFINITY;
  /** When the exchange began. */
  began = 0;
  /** Questions that were sent. */
  asked = 0;
  private wait = 0;
  private pace: Pace = { first: 1000, longest: 1000, count: 1 };

  constructor(private readonly random: Random) {}

  /** A new exchange: its first question is due after `delay`. */
  begin(pace: Pace, now: number, delay = 0): void {
    this.pace = pace;
    this.began = now + delay;
    this.due = now + delay;
    this.asked = 0;
    this.wait = 0;
  }

  rest(): void {
    this.due = Number.POSITIVE_INFINITY;
  }

  /** All questions that may be asked have been, in vain. */
  get exhausted(): boolean {
    return this.asked >= this.pace.count;
  }

  /** A question is sent now. `patient`: the first wait is not shortened by chance (RFC 8415 18.2.1). */
  sent(now: number, patient = false): void {
    const { first, longest } = this.pace;
    const chance = (this.random.random32() >>> 0) / 2 ** 32;
    const share = this.asked === 0 && patient ? chance / 10 : (chance - 0.5) / 5;
    let wait = this.asked === 0 ? first * (1 + share) : this.wait * (2 + share);
    if (wait > longest) wait = longest * (1 + (chance - 0.5) / 5);
    this.asked++;
    this.wait = wait;
    this.due = now + wait;
  }
}
