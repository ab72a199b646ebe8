/** What git needs beside a site when it is asked for the times of commits. */
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { home } from '../../native/home.js';
import type { PathRule } from '../../seal/landlock.js';

/** Itself, its libraries and settings, and the repository of each of `sites`, which are directories. */
export function gitPaths(sites: readonly string[]): PathRule[] {
  const own = home();
  // As git takes it: one that is empty counts as none.
  const folder = process.env['XDG_CONFIG_HOME'] || join(own, '.config');
  const settings = ['/etc/gitconfig', join(own, '.gitconfig'), join(folder, 'git')];
  return [
    ...['/usr', '/bin', '/lib', '/lib64'].map((path) => ({ path, access: 'execute' as const })),
    ...settings.map((path) => ({ path, access: 'read' as const, optional: true })),
    ...sites.flatMap(repositoryOf).map((path) => ({ path, access: 'read' as const })),
    // It opens it for reading and writing where a standard stream is closed.
    { path: '/dev/null', access: 'write' },
  ];
}

/** The folder `.git` above a site; of a work tree also where that leads (gitrepository-layout(5)). */
function repositoryOf(site: string): string[] {
  for (let at = realpathSync(site); ; at = dirname(at)) {
    const path = join(at, '.git');
    if (existsSync(path)) return statSync(path).isDirectory() ? [path] : [path, ...linkedFrom(path)];
    if (at === dirname(at)) return [];
  }
}

function linkedFrom(file: string): string[] {
  const [, said] = /^gitdir: (.+)/.exec(readFileSync(file, 'utf8')) ?? [];
  if (said === undefined) return [];
  const folder = resolve(dirname(file), said);
  const common = join(folder, 'commondir');
  return existsSync(common) ? [folder, resolve(folder, readFileSync(common, 'utf8').trim())] : [folder];
}
