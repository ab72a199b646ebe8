/** A host's clone of the deployment repository: shallow, one branch, and nothing of it checked out but the file `latest`. */
import { chmod, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { makeFolder } from '../../native/make-folder.js';
import { git } from '../git/git.js';
import type { Host } from '../host/host.js';
import { urlOf } from './commit.js';
import { LATEST } from './layout.js';

/** Set where the hook must not act: who pulls does what follows himself. */
export const POLLING = 'SITEKERNEL_POLLING';

const SETTINGS: readonly [string, string][] = [
  ['pull.ff', 'only'],
  // What is on the disk after a power cut is whole.
  ['core.fsync', 'loose-object,pack,pack-metadata,reference,index'],
  ['transfer.fsckObjects', 'true'],
  // One process at a time, and none that goes on by itself.
  ['gc.autoDetach', 'false'],
  ['maintenance.autoDetach', 'false'],
  ['gc.writeCommitGraph', 'false'],
  ['core.bigFileThreshold', '64m'],
  ['advice.detachedHead', 'false'],
];

/** Makes `repo/` anew beside the old one and puts it in its place. Throws a GitError. */
export async function cloneRepository(host: Host): Promise<void> {
  const { repository, branch } = host.config;
  const url = urlOf(repository);
  const part = join(host.folder, '.repo.part');
  const old = join(host.folder, '.repo.old');
  await rm(part, { recursive: true, force: true });
  // A path would be copied with all of its history.
  const from = url === resolve(url) ? pathToFileURL(url).href : url;
  const settings = SETTINGS.flatMap(([name, value]) => ['--config', `${name}=${value}`]);
  const words = ['clone', '--quiet', '--no-checkout', '--depth', '1', '--single-branch', '--no-tags'];
  await git([...words, ...settings, '--branch', branch, from, part]);
  await git(['-C', part, 'sparse-checkout', 'set', '--no-cone', `/${LATEST}`]);
  await git(['-C', part, 'checkout', '--quiet', branch]);
  await writeHook(host, join(part, '.git', 'hooks'));
  await rm(old, { recursive: true, force: true });
  await rename(host.work, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(part, host.work);
  await rm(old, { recursive: true, force: true });
}

/** `post-merge` (githooks(5)): runs after a `git pull` that brought something, whoever called it. */
async function writeHook(host: Host, hooks: string): Promise<void> {
  const file = join(hooks, 'post-merge');
  makeFolder(hooks);
  await writeFile(
    file,
    `#!/bin/sh
# Written by "sitekernel deploy init": boots the image that a pull brought.
[ -z "$${POLLING}" ] || exit 0
exec ${quoted(process.execPath)} ${quoted(host.tool)} deploy apply --host ${quoted(host.folder)}
`,
  );
  await chmod(file, 0o755);
}

/** For a shell. */
export function quoted(text: string): string {
  return /^[A-Za-z0-9_./:=,@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
