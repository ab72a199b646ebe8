/** The user of this process, and the folders that are its own (XDG Base Directory Specification). */
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { expectSystemError } from '../errors/codes.js';

/** Its home: the root folder for a user whom no table of users has, as in a container, when `HOME` says nothing. */
export function home(): string {
  try {
    return homedir();
  } catch (error) {
    expectSystemError(error);
    return '/';
  }
}

/** Where state that outlives the process lies: leases, keys, certificates. */
export function stateFolder(): string {
  return ownFolder('XDG_STATE_HOME', '.local', 'state');
}

/** Where lies what can be made anew: compressed contents, kernels, runtimes. */
export function cacheFolder(): string {
  return ownFolder('XDG_CACHE_HOME', '.cache');
}

function ownFolder(variable: string, ...usual: string[]): string {
  const base = process.env[variable];
  // The specification says to ignore a relative one; an empty one counts as none.
  return join(base?.startsWith('/') ? base : join(home(), ...usual), 'sitekernel');
}

/** Its name, or its number when no table of users has it; undefined: it is root, or the system has no such numbers. */
export function plainUser(): string | undefined {
  const uid = process.getuid?.() ?? -1;
  if (uid <= 0) return undefined;
  try {
    return userInfo().username;
  } catch (error) {
    expectSystemError(error);
    return String(uid);
  }
}
