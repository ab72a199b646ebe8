import { isBug } from './codes.js';
import { writeError } from './standard-error.js';
import { UserError } from './user-error.js';

/**
 * What to show of an error: its message where it is a person's mistake or a state of the machine; its stack where it is
 * a bug of ours.
 */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return isBug(error) ? (error.stack ?? error.message) : error.message;
}

/** Shows an error on standard error. Returns the exit status: 2 for bad usage, 1 for a failure. */
export function reportError(error: unknown): 1 | 2 {
  writeError(`sitekernel: ${errorText(error)}\n`);
  return error instanceof UserError && error.code === 'bad-usage' ? 2 : 1;
}
