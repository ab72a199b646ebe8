/** flock(2): a lock on an open file that the kernel takes away with its last descriptor, however the process ends. */
import { EAGAIN, EINTR, SystemError } from './libc/errno.js';
import { koffi, libc } from './libc/libc.js';

const LOCK_EX = 2;
const LOCK_NB = 4;

let call: ((fd: number, operation: number) => number) | undefined;

/** Locks the file of `fd` for this process alone. False: another one has it. Throws a SystemError. */
export function tryLock(fd: number): boolean {
  const { errno } = libc();
  call ??= koffi().load(null).func('int flock(int fd, int operation)') as unknown as typeof call;
  for (;;) {
    if (call!(fd, LOCK_EX | LOCK_NB) === 0) return true;
    const error = errno();
    if (error === EAGAIN) return false;
    if (error !== EINTR) throw new SystemError('to lock a file', error);
  }
}
