/**
 * When to look again and when to sleep. Looking pays where the next frame is some 20 µs away (a client that asks again,
 * many clients); where frames come a millisecond apart it only burns what the sleep would have cost anyway. So after
 * some rounds of looking in vain a loop sleeps at once, and tries a round now and then.
 */
const VAIN_ROUNDS = 8;
const TRY_EVERY = 32;

export class Spin {
  private readonly looks: number;
  /** Looks since frames were found. */
  private idle = 0;
  /** Rounds that ended in a sleep, since one found frames. */
  private vain = 0;
  private allowed: number;

  /** `looks`: most looks in a round, 0 or more. */
  constructor(looks: number) {
    this.looks = looks;
    this.allowed = looks;
  }

  /** A turn found frames. */
  found(): void {
    if (this.idle > 0 && this.vain > 0) {
      this.vain = 0;
      this.allowed = this.looks;
    }
    this.idle = 0;
  }

  /** A turn found none. Returns whether to look again; if not, the round is over. */
  again(): boolean {
    this.idle += 1;
    if (this.idle <= this.allowed) return true;
    this.vain += 1;
    this.allowed = this.vain < VAIN_ROUNDS || this.vain % TRY_EVERY === 0 ? this.looks : 0;
    return false;
  }

  /** The sleep is over; what woke the loop is no find of the round before it. */
  woken(): void {
    this.idle = 0;
  }
}
