import { codeOf, isBug } from './codes.js';
import { writeError } from './standard-error.js';
import { UserError } from './user-error.js';

/**
 * What to show of an error: its message where it is a person's mistake or a state of the machine; its stack where it is
 * a bug of ours.
 */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return isBug(error) ? (error.stack ?? error.message) : (pathText(error) ?? error.message);
}

/** What to show where the way to a file is broken, which the system says of the whole path; undefined: it is not. */
function pathText(error: NodeJS.ErrnoException): string | undefined {
  const { path, syscall } = error;
  // The path of a program that cannot be started is that of the program, which is not what is wrong.
  if (path === undefined || syscall?.startsWith('spawn')) return undefined;
  switch (codeOf(error)) {
    case 'ENOTDIR':
      return `${path} leads through a file, where a directory is expected; name another path`;
    case 'ELOOP':
      return `${path} leads through a link that leads to itself; remove the link, or name another path`;
    default:
      return undefined;
  }
}

/** Shows an error on standard error. Returns the exit status: 2 for bad usage, 1 for a failure. */
export function reportError(error: unknown): 1 | 2 {
  writeError(`sitekernel: ${errorText(error)}\n`);
  return error instanceof UserError && error.code === 'bad-usage' ? 2 : 1;
}
