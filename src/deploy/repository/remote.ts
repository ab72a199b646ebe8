/** The deployment repository as its users have it: where it is, its branch's tip, and what is put there. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { git, type Repository } from '../git/git.js';

/** A directory as an absolute path; anything else as it is. */
export function urlOf(repository: string): string {
  return /^[a-z+]+:\/\//.test(repository) || /^[^/]+@?[^/]*:/.test(repository) ? repository : resolve(repository);
}

/** The URL that a shallow clone begins with: a path would be copied with all of its history. */
export function cloneUrlOf(repository: string): string {
  const url = urlOf(repository);
  return url === resolve(url) ? pathToFileURL(url).href : url;
}

/**
 * Makes a bare repository at `gitDir` that has the branch's tip and trees alone: contents that the branch has already
 * are known by their hashes. Rejects with a GitError.
 */
export async function cloneTip(url: string, branch: string, gitDir: string): Promise<void> {
  const shallow = ['--bare', '--depth', '1', '--filter=blob:none', '--single-branch', '--no-tags'];
  const plain = ['--template=', '--no-reject-shallow'];
  await git(['clone', '--quiet', ...plain, ...shallow, '--branch', branch, '--', url, gitDir]);
}

/** Stores a small file; returns its hash. */
export function writeBlob(repository: Repository, bytes: Uint8Array): Promise<string> {
  return repository.text(['hash-object', '-w', '--stdin'], { input: bytes });
}

/** Makes `commit` the tip of the branch at `url`. Rejects with a GitError, whose command is `push`. */
export async function pushTip(repository: Repository, url: string, branch: string, commit: string): Promise<void> {
  await repository.run(['push', '--quiet', '--', url, `${commit}:refs/heads/${branch}`]);
}
