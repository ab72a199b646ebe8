/**
 * How long records are. The first of a connection, and the first after a pause, fit a segment each, so that a browser
 * can use the first without waiting for others; then they grow to what RFC 8446 5.1 allows.
 */
import type { Clock } from '../../net/flow.js';
import { MOST_CONTENT } from '../wire/numbers.js';

/**
 * Content that fits, sealed, in a segment on a path with an MTU of 1,500 and TCP timestamps; less the bytes of a
 * tunnel.
 */
const ONE_SEGMENT = 1369;
/** Short records, then long ones. */
const SHORT = 8;
/**
 * Milliseconds of silence after which they are short again: the congestion window may be small again, too (RFC 5681
 * 4.1).
 */
const PAUSE = 1000;

export class RecordSizes {
  #short = SHORT;
  #last = 0;

  /** How many short records are left, and ms since the last long one. */
  moved(clock: Clock): readonly [number, number] {
    return [this.#short, Math.max(0, Math.round(clock.now() - this.#last))];
  }

  /** Goes on as in another program. */
  restore([short, since]: readonly [number, number], clock: Clock): void {
    this.#short = Math.min(short, SHORT);
    this.#last = clock.now() - since;
  }

  /** Bytes of content in the next record, at most. */
  next(clock: Clock): number {
    if (this.#short === 0) {
      // Only there does the time matter.
      const now = clock.now();
      if (now - this.#last >= PAUSE) this.#short = SHORT;
      this.#last = now;
    } else if (--this.#short === 0) this.#last = clock.now();
    return this.#short > 0 ? ONE_SEGMENT : MOST_CONTENT;
  }
}
