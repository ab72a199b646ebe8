/**
 * Packages that are compiled on installation and that only wire tests use: installed by `npm test` where a compiler is,
 * or where one may be installed, so that `npm ci` wants nothing but Node.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const FOLDER = join('test', 'native-tools');

/** The compiled part of raw-socket: a test that needs it names it beside the commands that it needs. */
export const RAW_SOCKET = resolve(FOLDER, 'node_modules', 'raw-socket', 'build', 'Release', 'raw.node');

/** Prints one line where it cannot be had. */
export function installNativeTools(): void {
  if (existsSync(RAW_SOCKET)) return;
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--prefix', FOLDER], { encoding: 'utf8' });
  if (npm.status !== 0 || !existsSync(RAW_SOCKET))
    console.log(
      'missing (tests that need it are skipped): raw-socket, which wants make, g++ and python3 to be compiled',
    );
}
