/**
 * A host's clone of the deployment repository: shallow, one branch, and nothing of it checked out but the file
 * `latest`.
 */
import { chmod, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../native/make-folder.js';
import { git } from '../git/git.js';
import type { Host } from '../host/host.js';
import { LATEST } from './layout.js';
import { cloneUrlOf } from './remote.js';

/** Set where the hook must not act: who pulls does what follows himself. */
export const POLLING = 'SITEKERNEL_POLLING';

const SETTINGS: readonly [string, string][] = [
  ['pull.ff', 'only'],
  // What is on the disk after a power cut is whole.
  ['core.fsync', 'loose-object,pack,pack-metadata,reference,index'],
  // One process at a time, and none that goes on by itself.
  ['gc.autoDetach', 'false'],
  ['maintenance.autoDetach', 'false'],
  ['gc.writeCommitGraph', 'false'],
  ['core.bigFileThreshold', '64m'],
  ['advice.detachedHead', 'false'],
];

/** What the repository is called in a host's clone. */
export const REMOTE = 'origin';

/** Makes `repo/` anew beside the old one and puts it in its place. Throws a GitError. */
export async function cloneRepository(host: Host): Promise<void> {
  const { repository, branch } = host.config;
  const part = join(host.folder, '.repo.part');
  const old = join(host.folder, '.repo.old');
  await rm(part, { recursive: true, force: true });
  const from = cloneUrlOf(repository);
  // Of the clone itself, so that they hold for a person's `git pull` in it: over those of the person and of the
  // machine.
  const own: [string, string][] = [
    ['core.hooksPath', join(host.gitDir, 'hooks')],
    ['core.fsmonitor', 'false'],
  ];
  const settings = [...SETTINGS, ...own].flatMap(([name, value]) => ['--config', `${name}=${value}`]);
  const words = ['clone', '--quiet', '--no-checkout', '--depth', '1', '--single-branch', '--no-tags'];
  const plain = ['--template=', '--origin', REMOTE, '--no-reject-shallow'];
  await git([...words, ...plain, ...settings, '--branch', branch, '--', from, part]);
  const there = ['--git-dir', join(part, '.git'), '--work-tree', part];
  await git([...there, 'sparse-checkout', 'set', '--no-cone', `/${LATEST}`], { folder: part });
  await git([...there, 'checkout', '--quiet', branch, '--'], { folder: part });
  await writeHook(host, join(part, '.git', 'hooks'));
  await rm(old, { recursive: true, force: true });
  await rename(host.work, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(part, host.work);
  await rm(old, { recursive: true, force: true });
}

/** `post-merge` (githooks(5)): runs after every `git pull` that brought something. */
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
