/**
 * Folders of the sealed cache whose sites are gone. What lies in them belongs to users that a stranger may have taken
 * over: root goes into each folder by a descriptor, follows no link, and removes two levels, which is all that a
 * server makes.
 */
import { closeSync, constants, lstatSync, openSync, readdirSync, rmdirSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expectSystemError, isSystemError } from '../../errors/codes.js';
import { tryLock } from '../../native/flock.js';

export interface CacheBounds {
  /** Sites at most. */
  readonly sites: number;
  /** Bytes of all of them at most. */
  readonly bytes: number;
}

export const CACHE_BOUNDS: CacheBounds = { sites: 32, bytes: 2 ** 32 };

const SITE = /^[0-9a-f]{16}$/;
const USER = /^\d+$/;

/**
 * Removes the folders in `sealed` that were used longest ago, beyond `bounds`; never `own`, and none that a server has
 * at present. `own`: a name in `sealed`.
 */
export function forgetSites(sealed: string, own: string, bounds = CACHE_BOUNDS): void {
  const others = readdirSync(sealed)
    .filter((name) => SITE.test(name) && name !== own)
    .map((name) => ({ folder: join(sealed, name), used: statSync(join(sealed, name)).mtimeMs }))
    .sort((a, b) => b.used - a.used);
  let left = bounds.bytes;
  for (const [i, { folder }] of others.entries()) {
    const users = openUsers(folder);
    try {
      left -= users.reduce((sum, fd) => sum + bytesOf(fd), 0);
      if (i + 1 < bounds.sites && left >= 0) continue;
      // A server that runs has locked its folder.
      if (users.every(tryLock)) forget(folder, users);
    } finally {
      for (const fd of users) closeSync(fd);
    }
  }
}

function openUsers(folder: string): number[] {
  return readdirSync(folder)
    .filter((name) => USER.test(name))
    .flatMap((name) => openFolder(join(folder, name)) ?? []);
}

/** Undefined: it is no folder, or gone. */
function openFolder(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    expectSystemError(error);
    return undefined;
  }
}

const at = (fd: number, name = ''): string => join(`/proc/self/fd/${fd}`, name);

/** Calls `visit` with a descriptor of each folder in the folder `fd`, and its name. */
function eachFolder(fd: number, visit: (fd: number, name: string) => void): void {
  for (const name of readdirSync(at(fd))) {
    const inner = openFolder(at(fd, name));
    if (inner === undefined) continue;
    try {
      visit(inner, name);
    } finally {
      closeSync(inner);
    }
  }
}

function bytesOf(user: number): number {
  let sum = 0;
  eachFolder(user, (fd) => {
    for (const name of readdirSync(at(fd))) sum += sizeOf(at(fd, name));
  });
  return sum;
}

function sizeOf(path: string): number {
  try {
    return lstatSync(path).size;
  } catch (error) {
    expectSystemError(error);
    return 0;
  }
}

function forget(folder: string, users: readonly number[]): void {
  for (const user of users)
    eachFolder(user, (fd, name) => {
      for (const file of readdirSync(at(fd))) quietly(() => unlinkSync(at(fd, file)));
      quietly(() => rmdirSync(at(user, name)));
    });
  // What a server does not make stays, and the folders around it.
  for (const name of readdirSync(folder)) quietly(() => rmdirSync(join(folder, name)));
  quietly(() => rmdirSync(folder));
}

function quietly(remove: () => void): void {
  try {
    remove();
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}
