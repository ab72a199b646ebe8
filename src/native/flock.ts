/** flock(2): a lock on an open file that the kernel takes away with its last descriptor, however the process ends. */

import { calls } from './libc/calls.js';
import { EAGAIN, EINTR, SystemError } from './libc/errno.js';
import { libc } from './libc/libc.js';

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

/** Locks the file of `fd` for this process alone. False: another one has it. Throws a SystemError. */
export function tryLock(fd: number): boolean {
  return lock(fd, LOCK_EX);
}

/** As `tryLock`, but beside others that do the same. */
export function tryShared(fd: number): boolean {
  return lock(fd, LOCK_SH);
}

function lock(fd: number, how: number): boolean {
  const { errno } = libc();
  const { flock } = calls('flock');
  for (;;) {
    if (flock(fd, how | LOCK_NB) === 0) return true;
    const error = errno();
    if (error === EAGAIN) return false;
    if (error !== EINTR) throw new SystemError('to lock a file', error);
  }
}
