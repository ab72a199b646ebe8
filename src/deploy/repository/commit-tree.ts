/** A commit of the deployment repository: by whom git says, and signed where git or the command line says so. */
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { expectSystemError, ifCode } from '../../errors/codes.js';
import { ImageError } from '../../image/image-error.js';
import type { Repository } from '../git/git.js';

/** Who commits, where git's configuration does not say it. */
const THIS_PROGRAM = {
  GIT_AUTHOR_NAME: 'sitekernel',
  GIT_COMMITTER_NAME: 'sitekernel',
  GIT_AUTHOR_EMAIL: 'sitekernel@localhost',
  GIT_COMMITTER_EMAIL: 'sitekernel@localhost',
} as const;

/** The key of ssh that signs a commit: its file; true: as git is configured; undefined: as git does by itself. */
export type CommitKey = string | true | undefined;

export interface CommitContents {
  /** Hash. */
  readonly tree: string;
  /** Undefined: it is the first one. */
  readonly parent: string | undefined;
  readonly message: string;
  readonly key: CommitKey;
}

/** Returns the commit's hash. Rejects with a `GitError`, or with an `ImageError` when the key cannot be read. */
export async function commitTree(
  repository: Repository,
  { tree, parent, message, key }: CommitContents,
): Promise<string> {
  const { settings, sign } = await signing(repository, key);
  const words = ['commit-tree', tree, ...(parent === undefined ? [] : ['-p', parent]), ...sign, '-F', '-'];
  return repository.text([...settings, ...words], { input: message, env: await author(repository) });
}

/** Where git is configured to sign every commit, this one is signed, too. */
async function signing(
  repository: Repository,
  key: CommitKey,
): Promise<{ settings: readonly string[]; sign: readonly string[] }> {
  if (key === undefined) {
    const always = await repository.text(['config', '--type=bool', 'commit.gpgSign']).catch(ifCode('', 'git'));
    return { settings: [], sign: always === 'true' ? ['-S'] : [] };
  }
  if (key === true) return { settings: [], sign: ['-S'] };
  // Git would name a file of its own that it cannot find.
  await access(key).catch((error: unknown) => {
    expectSystemError(error);
    throw new ImageError(`the key ${key} cannot be read`);
  });
  return { settings: ['-c', 'gpg.format=ssh', '-c', `user.signingKey=${resolve(key)}`], sign: ['-S'] };
}

/** The committer: as git's configuration has it, else this program. */
async function author(repository: Repository): Promise<Record<string, string>> {
  const told = await repository.text(['config', 'user.email']).catch(ifCode('', 'git'));
  if (told !== '' || process.env['GIT_COMMITTER_EMAIL'] !== undefined) return {};
  return THIS_PROGRAM;
}
