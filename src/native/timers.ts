/**
 * When Node's next timer is due, as libuv knows it: for a loop that sleeps in a `poll` of its own and must not
 * oversleep what `setTimeout` promised.
 */
import { koffi } from './libc/libc.js';

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
    const ffi = koffi();
    const self = ffi.load(null);
    const loop = self.func('void *uv_default_loop()')() as unknown;
    const typeOf = self.func('int uv_handle_get_type(uint64_t handle)') as (handle: number) => number;
    const isActive = self.func('int uv_is_active(uint64_t handle)') as (handle: number) => number;
    const dueIn = self.func('uint64_t uv_timer_get_due_in(uint64_t handle)') as (handle: number) => number;
    const visit = ffi.proto('void sitekernel_visit(uint64_t handle, uint64_t argument)');
    const walk = self.func('uv_walk', 'void', ['void *', ffi.pointer(visit), 'uint64_t']);
    let handle = 0;
    const look = (each: number) => {
      if (handle === 0 && typeOf(each) === UV_TIMER) handle = each;
    };
    walk(loop, look, 0);
    if (handle === 0) return undefined;
    return () => (isActive(handle) === 0 ? -1 : Number(dueIn(handle)));
  } catch {
    // koffi does not load, or this build of Node does not export one of the functions: koffi's errors have no codes.
    return undefined;
  }
}
