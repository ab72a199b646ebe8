/**
 * For a loop that sleeps in libuv's place, between two of libuv's turns: keeps libuv from sleeping itself, and tells
 * whether callbacks of `setImmediate` wait, which must not wait for that sleep.
 *
 * Node has libuv turn without sleeping, by an idle handle, while an immediate waits that keeps the process (which
 * `unref()` ends). So a loop whose own immediates are all `unref()`ed sees by that handle whether there are others; and
 * it needs an idle handle of its own, so that libuv comes to those immediates at once.
 */
import { koffi } from './libc/libc.js';
import { pinned } from './libc/slab.js';

/** `UV_IDLE` of libuv's handle types. */
const UV_IDLE = 6;

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
    const ffi = koffi();
    const self = ffi.load(null);
    const take = (declaration: string) => self.func(declaration) as (...values: unknown[]) => number;
    const loop = take('uint64_t uv_default_loop()')();
    const typeOf = take('int uv_handle_get_type(uint64_t handle)');
    const isActive = take('int uv_is_active(uint64_t handle)');
    const visit = ffi.proto('void sitekernel_visit_idle(uint64_t handle, uint64_t argument)');
    const walk = self.func('uv_walk', 'void', ['uint64_t', ffi.pointer(visit), 'uint64_t']);
    let nodes = 0;
    const look = (each: number) => {
      if (nodes === 0 && typeOf(each) === UV_IDLE) nodes = each;
    };
    walk(loop, look, 0);
    if (nodes === 0) return undefined;
    const own = pinned(take('uint64_t uv_handle_size(int type)')(UV_IDLE));
    // Any function that takes nothing and does nothing will do.
    const callback = take('uint64_t dlsym(uint64_t library, const char *name)')(0, 'getpid');
    const start = take('int uv_idle_start(uint64_t handle, uint64_t callback)');
    const stop = take('int uv_idle_stop(uint64_t handle)');
    if (callback === 0 || take('int uv_idle_init(uint64_t loop, uint64_t handle)')(loop, own.address) !== 0)
      return undefined;
    return {
      immediatesWait: () => isActive(nodes) !== 0,
      start: () => void start(own.address, callback),
      stop: () => void stop(own.address),
    };
  } catch {
    // koffi does not load, or this build of Node does not export one of the functions: koffi's errors have no codes.
    return undefined;
  }
}
