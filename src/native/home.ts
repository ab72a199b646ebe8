/** The user of this process. */
import { homedir, userInfo } from 'node:os';
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
