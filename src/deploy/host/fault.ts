/** What can go wrong on a host, told apart by what follows from it. */

/**
 * The deployment itself is wrong: damaged, unsigned, older, for another machine. This commit is not tried again; the
 * next one is.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** A key that signed it was revoked: it is not even gone back to. */
export class Revoked extends Refusal {}

/** The machine could not: no space, no network, killed. It is tried again at the next poll. */
export class Unable extends Error {
  override readonly name = 'Unable';
}

/** Sentence of anything that was thrown. */
export function sentenceOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (message.startsWith(FULL)) return message;
  return isFull(error) ? FULL : message;
}

/** How a sentence about a full disk begins. */
export const FULL = 'no space is left on the disk of this host';

export function isFull(error: unknown): boolean {
  if ((error as NodeJS.ErrnoException)?.code === 'ENOSPC') return true;
  return error instanceof Error && /ENOSPC|no space (is )?left|disk (is )?full/i.test(error.message);
}
