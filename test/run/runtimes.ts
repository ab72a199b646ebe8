/**
 * Lines of Node beside the one that runs the tests, pinned with their integrity in `test/runtimes/package-lock.json`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const FOLDER = join('test', 'runtimes');

/** Paths of `node`, by line. The first is what runs the tests. */
export const RUNTIMES: Readonly<Record<string, string>> = {
  [process.versions.node.split('.', 1)[0] as string]: process.execPath,
  '24': runtime('24'),
  '26': runtime('26'),
};

function runtime(line: string): string {
  return resolve(FOLDER, 'node_modules', `node-${line}`, 'bin', 'node');
}

/** Prints one line where they cannot be had. */
export function installRuntimes(): void {
  if (Object.values(RUNTIMES).every((path) => existsSync(path))) return;
  const npm = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', FOLDER], {
    encoding: 'utf8',
  });
  if (npm.status !== 0)
    console.log('missing (tests that need them are skipped): Node 24 and 26, from the npm registry');
}
