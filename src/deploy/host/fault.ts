/** What can go wrong on a host, by its consequence. */
import { hasCode } from '../../errors/codes.js';
import { errorText } from '../../errors/report.js';
import { UserError } from '../../errors/user-error.js';

/**
 * The deployment itself is wrong: damaged, unsigned, older, for another machine. This commit is not tried again; the
 * next one is. With the code `revoked` it is not even gone back to.
 */
export class Refusal extends UserError {
  override readonly name = 'Refusal';

  constructor(message: string, code: 'refused' | 'revoked' = 'refused') {
    super(message, code);
  }
}

/** The machine could not: no space, no network, killed. It is tried again at the next poll. */
export class Unable extends UserError {
  override readonly name = 'Unable';

  constructor(message: string, code: 'unable' | 'no-space' | 'cancelled' = 'unable') {
    super(message, code);
  }
}

/** The commit, or what it has, is wrong. */
export function isRefusal(error: unknown): error is Refusal {
  return hasCode(error, 'refused', 'revoked');
}

/** How a message about a full disk begins. */
export const FULL = 'no space is left on the disk of this host';

export function isFull(error: unknown): boolean {
  return hasCode(error, 'ENOSPC', 'no-space');
}

/** What to write down of anything that was thrown. */
export function messageOf(error: unknown): string {
  return isFull(error) && !(error instanceof Unable) ? FULL : errorText(error);
}
