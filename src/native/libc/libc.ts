/** Calls of the C library that Node has no function for. */

import { UserError } from '../../errors/user-error.js';
import { type Calls, calls, errno } from './calls.js';
import { SystemError } from './errno.js';

const NAMES = [
  ...(['open', 'close', 'read', 'write', 'writev', 'recvmmsg', 'poll', 'ioctl', 'fcntl', 'dup2', 'socket'] as const),
  ...(['socketpair', 'setsockopt', 'bind', 'if_nametoindex', '_exit', 'prctl'] as const),
] as const;

export interface Libc extends Calls<(typeof NAMES)[number]> {
  errno(): number;
}

let loaded: Libc | undefined;

/** The C library of Linux. Throws a UserError elsewhere. */
export function libc(): Libc {
  loaded ??= load();
  return loaded;
}

function load(): Libc {
  if (process.platform !== 'linux') {
    throw new UserError(`direct mode needs Linux, and this is ${process.platform}; use --net socket here`);
  }
  return { ...calls(...NAMES), errno };
}

/** Throws a `SystemError` that begins with `attempt` when `result` is negative; answers `result` otherwise. */
export function check(result: number, attempt: string): number {
  if (result < 0) throw new SystemError(attempt, libc().errno());
  return result;
}

const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

/** Reads and accepts on `fd` return at once when there is nothing. */
export function setNonBlocking(fd: number): void {
  const c = libc();
  const flags = check(c.fcntl(fd, F_GETFL, 0), 'ask for the flags of a descriptor');
  check(c.fcntl(fd, F_SETFL, flags | O_NONBLOCK), 'set the flags of a descriptor');
}
