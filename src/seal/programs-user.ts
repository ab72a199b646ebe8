/** What processes of one server share when they become a user that was named. */
import { chmodSync, chownSync } from 'node:fs';
import { type User, userOf } from './credentials.js';
import type { SealArguments } from './seal.js';

/** The user that processes with these options become; undefined: none was named, or they stay as they are. */
export function programsUser({ level, user }: SealArguments): User | undefined {
  if (level === 'off' || user === undefined || process.geteuid?.() !== 0) return undefined;
  return userOf(user);
}

/**
 * Makes `folder`, where they meet by sockets, theirs. Root's group has it as well, for one that stays root and has no
 * right to other users' files.
 */
export function giveFolder(folder: string, user: User | undefined): void {
  if (user === undefined) return;
  chownSync(folder, user.uid, 0);
  chmodSync(folder, 0o770);
}
