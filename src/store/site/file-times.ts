/** The times of the last changes of files, where they are reliable (RFC 9110 8.8.2.1). */

import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import type { Times } from '../options.js';
import { fileError, StoreError } from '../store-error.js';
import type { SiteFile } from './site.js';
import type { Found } from './walk.js';

/** Bytes of git's output at most; a history of some million changes. */
const MOST = 2 ** 28;

/**
 * The files with their times, in whole seconds. Files that git does not know, or that differ from what was committed,
 * and those whose time is still to come by `now` (seconds since 1970) have none. Throws StoreError.
 */
export async function withTimes(
  files: readonly SiteFile[],
  found: readonly Found[],
  dir: string,
  times: Times,
  now: number,
): Promise<readonly SiteFile[]> {
  if (times === 'none') return files;
  const committed = times === 'git' ? await commitTimes(dir) : undefined;
  const modified = new Map<string, number | undefined>();
  for (const { path, file, load } of found) {
    if (committed !== undefined) modified.set(path, committed.get(path.slice(1)));
    else if (load === undefined) modified.set(path, timeOf(file));
  }
  return files.map((file) => {
    const time = modified.get(file.path);
    return time === undefined || time > now ? file : { ...file, modified: time };
  });
}

function timeOf(file: string): number {
  try {
    return Math.floor(statSync(file).mtimeMs / 1000);
  } catch (error) {
    throw fileError(error, file);
  }
}

/**
 * Directories whose repository git has taken for one of this user, or of one that its settings name. A server that
 * reads again may be another user by then.
 */
const accepted = new Set<string>();

/** By the path below `dir`, without a slash at its beginning: the time of the last commit that changed the file. */
async function commitTimes(dir: string): Promise<Map<string, number>> {
  const log = await git(
    dir,
    'log',
    '--format=tformat:commit: %ct',
    '--name-only',
    '--no-renames',
    '--relative',
    '-z',
    '--',
    '.',
  );
  accepted.add(dir);
  const times = new Map<string, number>();
  let time = 0;
  // A name may hold any byte but NUL; the line of a commit begins with a unique mark.
  for (const part of log.split('\0')) {
    const commit = /^\n?commit: (\d+)(?=\n|$)/.exec(part);
    if (commit !== null) time = Number(commit[1]);
    const name = (commit === null ? part : part.slice(commit[0].length)).replace(/^\n/, '');
    if (name !== '' && !times.has(name)) times.set(name, time);
  }
  const changed = await git(dir, 'diff', '--name-only', '--no-renames', '--relative', '-z', 'HEAD', '--', '.');
  for (const name of changed.split('\0')) times.delete(name);
  return times;
}

/** The output of git. No setting of the user's configuration can run a program. */
function git(dir: string, ...args: readonly string[]): Promise<string> {
  const safe = ['-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null', '--no-pager'];
  if (accepted.has(dir)) safe.push('-c', 'safe.directory=*');
  const env = { ...process.env, GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' };
  return new Promise((resolve, reject) => {
    execFile('git', ['-C', dir, ...safe, ...args], { env, maxBuffer: MOST }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      const why = missing ? 'git is not installed' : stderr.trim().split('\n')[0] || error.message;
      reject(new StoreError(`${dir} has no times of commits: ${why}; take --mtime file or none`));
    });
  });
}
