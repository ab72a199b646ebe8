/** A commit on top of a branch that others push to at the same time. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImageError } from '../../image/image-error.js';
import { GitError, git } from '../git/git.js';

export interface Target {
  readonly url: string;
  readonly branch: string;
}

/** Tries when others push at the same time. Of those that push at once one succeeds each time. */
const TRIES = 32;
/** The longest wait before a try, ms; drawn anew each time, so that those that met once do not meet again. */
const LONGEST_WAIT = 2000;

/**
 * What `attempt` returns. It gets an empty folder that goes afterwards, and the branch's tip; empty: there is none. It
 * is called again when its push came late: another push has changed the branch since, or is about to. Every other
 * failure is one, a push that a hook or the rights of the repository refuse, too. Throws an `ImageError` when that
 * happened each of 32 times.
 */
export async function atTip<T>(target: Target, attempt: (folder: string, tip: string) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    const folder = await mkdtemp(join(tmpdir(), 'sitekernel-commit-'));
    try {
      const tip = await tipOf(target);
      try {
        return await attempt(folder, tip);
      } catch (error) {
        if (!(error instanceof GitError) || !(await cameLate(error, target, tip))) throw error;
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    if (tries === TRIES)
      throw new ImageError(
        `others committed to ${target.branch} each of the ${TRIES} times that this commit was about to; try again`,
      );
    await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(LONGEST_WAIT, 50 * 2 ** tries)));
  }
}

async function tipOf({ url, branch }: Target): Promise<string> {
  const remote = await git(['ls-remote', '--', url, `refs/heads/${branch}`]);
  return remote.toString('utf8').split('\t')[0] ?? '';
}

async function cameLate(error: GitError, target: Target, tip: string): Promise<boolean> {
  if (error.command !== 'push') return false;
  // A lock of the reference is held for a moment by the push that wins.
  if (error.code === 'locked-branch') return true;
  return (await tipOf(target)) !== tip;
}
