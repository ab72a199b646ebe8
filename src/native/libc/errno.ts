/** Error numbers of the operating system, and what they say. */
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

export const {
  EACCES,
  EADDRNOTAVAIL,
  EAGAIN,
  EBADF,
  EBUSY,
  ECONNABORTED,

  EINTR,
  EINVAL,

  EMFILE,
  ENFILE,
  ENOBUFS,
  ENODEV,
  ENOENT,
  ENOMEM,
  ENXIO,
  EPERM,
} = constants.errno;
/** Linux's, which Node does not list: the descriptor's device is gone. */
export const EBADFD = 77;

/** A call to the operating system that failed. `message` says what was tried and why it failed; `errno` is positive. */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  readonly errno: number;
  readonly code: string;

  constructor(attempt: string, errno: number) {
    super(`${attempt}: ${errnoText(errno)}`);
    this.errno = errno;
    this.code = errnoCode(errno);
  }
}

/** `EBUSY` for 16. */
export function errnoCode(errno: number): string {
  return getSystemErrorMap().get(-errno)?.[0] ?? `E${errno}`;
}

/** `resource busy or locked (EBUSY)` for 16. */
export function errnoText(errno: number): string {
  const known = getSystemErrorMap().get(-errno);
  return known === undefined ? `error ${errno}` : `${known[1]} (${known[0]})`;
}
