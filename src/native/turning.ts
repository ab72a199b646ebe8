/**
 * For a loop that sleeps in libuv's place, between two of libuv's turns. It keeps libuv from sleeping itself. It also
 * reports whether callbacks of `setImmediate` are waiting, which must not wait for that sleep.
 *
 * While an immediate waits that keeps the process alive (`unref()` ends that), Node has libuv turn without sleeping, by
 * an idle handle. A loop whose own immediates are all `unref()`ed therefore sees by that handle whether there are
 * others. The loop also needs an idle handle of its own, so that libuv comes to those immediates at once.
 */
import { calls, firstHandle } from './libc/calls.js';
import { pinned } from './libc/slab.js';

/** `UV_IDLE` of libuv's handle types. */
const UV_IDLE = 6;
const NAMES = [
  ...(['uv_default_loop', 'uv_handle_size', 'uv_is_active', 'uv_idle_init', 'uv_idle_start', 'uv_idle_stop'] as const),
  'dlsym',
] as const;

export interface Turning {
  /** Whether others' immediates wait, or ran in this turn. */
  immediatesWait(): boolean;
  /** From now on libuv turns without sleeping, and the process stays. */
  start(): void;
  stop(): void;
}

/** Undefined where the build of Node does not export libuv's functions, or has no such handle. */
export function turning(): Turning | undefined {
  try {
    const uv = calls(...NAMES);
    const nodes = firstHandle(UV_IDLE);
    if (nodes === 0) return undefined;
    const own = pinned(uv.uv_handle_size(UV_IDLE));
    // Any function that takes nothing and does nothing will do.
    const callback = uv.dlsym(0, 'getpid');
    if (callback === 0 || uv.uv_idle_init(uv.uv_default_loop(), own.address) !== 0) return undefined;
    return {
      immediatesWait: () => uv.uv_is_active(nodes) !== 0,
      start: () => void uv.uv_idle_start(own.address, callback),
      stop: () => void uv.uv_idle_stop(own.address),
    };
  } catch {
    // koffi does not load, or this build of Node does not export one of the functions: koffi's errors have no codes.
    return undefined;
  }
}
