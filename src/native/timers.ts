/**
 * When Node's next timer is due, as libuv knows it: for a loop that sleeps in a `poll` of its own and must not
 * oversleep what `setTimeout` promised.
 */
import { calls, firstHandle } from './libc/calls.js';

/** `UV_TIMER` of libuv's handle types. */
const UV_TIMER = 13;

/** Milliseconds until Node's next timer, 0 when it is due, -1 when there is none. */
export type NextTimer = () => number;

/**
 * All of Node's timers hang on one libuv timer, the first that its loop has. Undefined where the build of Node does not
 * export libuv's functions or the handle does not behave as expected.
 */
export function nodeTimer(): NextTimer | undefined {
  try {
    const { uv_is_active, uv_timer_get_due_in } = calls('uv_is_active', 'uv_timer_get_due_in');
    const handle = firstHandle(UV_TIMER);
    if (handle === 0) return undefined;
    return () => (uv_is_active(handle) === 0 ? -1 : Number(uv_timer_get_due_in(handle)));
  } catch {
    // koffi does not load, or this build of Node does not export one of the functions: koffi's errors have no codes.
    return undefined;
  }
}
