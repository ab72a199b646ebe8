/**
 * The real-time loop: what turns readiness of a descriptor and the passing of time into turns of a stack.
 *
 * A turn takes the frames that wait and does what is due. After a turn that found frames the loop looks some more times
 * before it sleeps: on two cores a wake-up costs more than the answer to a request, and under load the next frame is
 * microseconds away. Two ways to sleep: `WatchedLoop` (libuv watches the descriptor) and `PollingLoop` (our own
 * `poll`).
 */
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';

/** What a loop drives. */
export interface Driven {
  /**
   * Takes waiting frames (within a budget) and does what is due. Returns how many frames it took. `spinning`: the turn
   * before found nothing, and the next comes at once: what is due may wait some microseconds, the clock need not be
   * asked each time.
   */
  turn(spinning?: boolean): number;
  /**
   * A frame was read already: `length` bytes lie in the device's buffer. Taken before the next turn.
   * 0: the descriptor is at its end, the device is gone.
   */
  arrived(length: number): void;
  /** When it wants its next turn at the latest: ms as `performance.now()`; `Infinity`: never. */
  readonly deadline: number;
}

export interface Loop {
  start(): void;
  /** Ends it; the descriptor stays open. No turn happens afterwards. */
  stop(): void;
  /** Something was asked of the stack outside a turn: `deadline` may be earlier than before. */
  wake(): void;
}

/** Frames a turn takes before libuv gets its own: some milliseconds at the worst. */
export const TURN_BUDGET = 256;

/**
 * Looks before a loop sleeps where nothing else was asked for: some 45 µs of them. A request to answer and the next
 * request of the same client lie 20 µs apart, or 40 where the client's core went to sleep meanwhile. On a single core
 * the client cannot run while we look. `looks`: how many that are for this loop.
 */
export function spinsByDefault(looks: number): number {
  return availableParallelism() > 1 ? looks : 0;
}

/** Whole milliseconds until `deadline`, rounded up so that no sleep ends too early; at most `most`. */
export function millisecondsUntil(deadline: number, most: number): number {
  if (deadline === Number.POSITIVE_INFINITY) return most;
  const left = Math.ceil(deadline - performance.now());
  return Math.max(0, Math.min(left, most));
}
