/**
 * Neighbours on the link that are asked for in a second, and at once, of each family: many that answer at once cost as
 * much as many that do not.
 */
export const QUESTIONS = 1000;

/** At most `burst` at once, `rate` a second in the long run. */
export class TokenBucket {
  private tokens: number;
  private at = 0;

  constructor(
    private readonly rate: number,
    private readonly burst: number,
  ) {
    this.tokens = burst;
  }

  /** Whether nothing is left at `now`. */
  empty(now: number): boolean {
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.at) * this.rate) / 1000);
    this.at = now;
    return this.tokens < 1;
  }

  /** One of them; false: nothing is left. */
  take(now: number): boolean {
    if (this.empty(now)) return false;
    this.tokens -= 1;
    return true;
  }
}
