/**
 * Sleeping until one of two descriptors is readable, and what libuv says of itself: its descriptor and its next timer.
 */

import { calls } from './libc/calls.js';
import { EINTR } from './libc/errno.js';
import { libc } from './libc/libc.js';
import { type Pinned, pinned } from './libc/slab.js';

const POLLIN = 1;
const POLLERR = 8;
const POLLHUP = 16;

/** `poll(2)` on two descriptors, without an allocation. */
export class TwoDescriptors {
  private readonly memory = pinned(16);
  private readonly view = new DataView(this.memory.bytes.buffer, this.memory.bytes.byteOffset, 16);
  private readonly c = libc();

  constructor(first: number, second: number) {
    this.view.setInt32(0, first, true);
    this.view.setInt16(4, POLLIN, true);
    this.view.setInt32(8, second, true);
    this.view.setInt16(12, POLLIN, true);
  }

  /**
   * Sleeps at most `timeout` ms (0: looks only; -1: without limit). Answers bit 0 for the first, bit 1 for the second.
   */
  wait(timeout: number): number {
    const count = this.c.poll(this.memory.address, 2, timeout);
    if (count <= 0) {
      // A signal: libuv's handler wrote to its pipe, so its descriptor is readable now.
      return count < 0 && this.c.errno() === EINTR ? 2 : 0;
    }
    const ready = POLLIN | POLLERR | POLLHUP;
    let bits = 0;
    if ((this.view.getInt16(6, true) & ready) !== 0) bits |= 1;
    if ((this.view.getInt16(14, true) & ready) !== 0) bits |= 2;
    return bits;
  }
}

/**
 * The descriptor that this thread's event loop sleeps on (`uv_backend_fd`), to sleep on it together with another. Node
 * exports libuv's functions for its native modules; undefined where a build does not.
 */
export function eventLoopDescriptor(): number | undefined {
  try {
    const { uv_default_loop, uv_backend_fd } = calls('uv_default_loop', 'uv_backend_fd');
    const fd = uv_backend_fd(uv_default_loop());
    return fd >= 0 ? fd : undefined;
  } catch {
    // koffi does not load, or this build of Node does not export one of the functions: koffi's errors have no codes.
    return undefined;
  }
}

let looked: Pinned | undefined;

/** Whether the other end of `fd` is closed. */
export function hungUp(fd: number): boolean {
  looked ??= pinned(8);
  const memory = looked;
  const view = new DataView(memory.bytes.buffer, memory.bytes.byteOffset, 8);
  view.setInt32(0, fd, true);
  return libc().poll(memory.address, 1, 0) > 0 && (view.getInt16(6, true) & POLLHUP) !== 0;
}
