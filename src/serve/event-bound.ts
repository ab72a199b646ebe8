/**
 * A bound on the lines of one channel of the log. Strangers cause such lines: a handshake that fails, a frame that is
 * dropped, a router that comes and goes. Those of a start are many at once; what goes on and on is thinned out.
 */

/** Lines at once, and lines that are added to these in a second, up to as many. */
const AT_ONCE = 1000;
const PER_SECOND = 100;
/** Characters of one line: longer ones are cut. */
const LONGEST = 1000;

export class EventBound {
  #left = AT_ONCE;
  #since: number;
  #omitted = 0;

  /** `now` in milliseconds, of a clock that does not go back. */
  constructor(now: number) {
    this.#since = now;
  }

  /** Calls `write` with `sentence` if there is room at `now`, and before it with the number of those left out. */
  pass(sentence: string, now: number, write: (sentence: string) => void): void {
    const seconds = Math.floor((now - this.#since) / 1000);
    if (seconds > 0) {
      this.#left = Math.min(AT_ONCE, this.#left + seconds * PER_SECOND);
      this.#since += seconds * 1000;
      this.rest(write);
    }
    if (this.#left === 0) {
      this.#omitted += 1;
      return;
    }
    this.#left -= 1;
    write(sentence.length > LONGEST ? `${sentence.slice(0, LONGEST)}...` : sentence);
  }

  /** Calls `write` if lines were left out and not told of yet. */
  rest(write: (sentence: string) => void): void {
    if (this.#omitted === 0) return;
    write(`${this.#omitted} more lines were left out: ${PER_SECOND} a second are written`);
    this.#omitted = 0;
  }
}
