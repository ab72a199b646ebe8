/** The user that a sealed server becomes. */
import { readFileSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { expectSystemError } from '../errors/codes.js';
import { badUsage } from '../errors/user-error.js';
import type { FileRights } from '../native/file-rights.js';
import { koffi } from '../native/libc/koffi.js';
import { capabilities } from './capabilities.js';
import type { Kernel } from './kernel.js';
import type { Access, PathRule } from './landlock.js';

export interface User {
  /** As it was given, or its number. */
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Numbers that systemd keeps for users without a name (systemd.io, UIDS-GIDS): a server takes one by its process. */
const FIRST_DYNAMIC = 61_184;
const LAST_DYNAMIC = 65_519;

export function dynamicUser(pid: number, number?: number): User {
  const uid = number ?? FIRST_DYNAMIC + (pid % (LAST_DYNAMIC - FIRST_DYNAMIC + 1));
  return { name: String(uid), uid, gid: uid };
}

/** Whether a server without a user of its own may become it. */
export function isDynamic(uid: number): boolean {
  return uid >= FIRST_DYNAMIC && uid <= LAST_DYNAMIC;
}

/** Throws a usage error: there is no such user, or it is root. */
export function userOf(given: string): User {
  const user = /^\d+$/.test(given)
    ? { name: given, uid: Number(given), gid: groupOf(Number(given)) }
    : userByName(given);
  if (user === undefined) throw badUsage(`--user: there is no user ${given} on this machine`);
  if (user.uid === 0) throw badUsage('--user: root is the one that is left; name another');
  if (user.uid > 0xffff_fffe) throw badUsage(`--user: ${given} is no number of a user`);
  return user;
}

/** The C library knows users of directory services, too. */
function userByName(name: string): User | undefined {
  return entry('getpwnam(const char *name)', name, name);
}

function groupOf(uid: number): number {
  return entry('getpwuid(uint32_t uid)', uid, String(uid))?.gid ?? uid;
}

/** pwd.h: `struct passwd` begins with two pointers; the two numbers follow. */
function entry(declaration: string, argument: string | number, name: string): User | undefined {
  const ffi = koffi();
  const found = ffi.load(null).func(`void *${declaration}`)(argument) as unknown;
  if (found === null) return undefined;
  const numbers = ffi.decode(found, 16, 'uint32_t', 2) as ArrayLike<number>;
  return { name, uid: numbers[0] as number, gid: numbers[1] as number };
}

/** linux/capability.h */
const DAC_OVERRIDE = 1n << 1n;
const DAC_READ_SEARCH = 1n << 2n;
const SETGID = 1n << 6n;
const SETUID = 1n << 7n;

/** Why root cannot become `user` here, as in a container with fewer rights; undefined: it can. */
export function cannotBecome({ uid, gid }: User, kernel: Kernel): string | undefined {
  const had = capabilities(kernel);
  if ((had & SETUID) === 0n || (had & SETGID) === 0n)
    return 'it has no right to become another user (CAP_SETUID, CAP_SETGID)';
  if (!isMapped('uid_map', uid) || !isMapped('gid_map', gid)) return `its namespace has no user ${uid}`;
  if (readFileSync('/proc/self/setgroups', 'latin1').startsWith('deny')) return 'its namespace keeps its groups';
  return undefined;
}

/** user_namespaces(7): lines of first number inside, first outside, how many. */
function isMapped(map: 'uid_map' | 'gid_map', id: number): boolean {
  return readFileSync(`/proc/self/${map}`, 'latin1')
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .some(([first = 0, , count = 0]) => id >= first && id < first + count);
}

/** Capabilities without which root itself cannot reach one of the paths, and such a path. */
export interface Reach {
  readonly bits: bigint;
  readonly names: string;
  readonly path: string;
}

/** Without capabilities it is a user like others. */
export const ROOT: User = { name: 'root', uid: 0, gid: 0 };
/** sys/stat.h: S_IFMT, S_IFDIR */
const KIND = 0o170000;
const DIRECTORY = 0o040000;
/** sys/stat.h: S_ISVTX */
const STICKY = 0o001000;

/** What a process that stays root must keep so as to reach files of other users; undefined: nothing. */
export function reachOfRoot(rules: readonly PathRule[]): Reach | undefined {
  const written = unreachable(
    rules.filter(({ access }) => access === 'write'),
    ROOT,
  );
  if (written !== undefined) return { bits: DAC_OVERRIDE, names: 'CAP_DAC_OVERRIDE', path: written };
  const read = unreachable(rules, ROOT);
  return read === undefined ? undefined : { bits: DAC_READ_SEARCH, names: 'CAP_DAC_READ_SEARCH', path: read };
}

/** Becomes `user`, in all threads; only root may. Capabilities go with it. */
export function become({ uid, gid }: User): void {
  process.setgroups?.([]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}

/**
 * The path that `user` cannot reach among `rules`, by the rights of files; undefined: all of them. What is not there
 * does not count.
 */
export function unreachable(rules: readonly PathRule[], user: User): string | undefined {
  // Most paths have folders in common.
  const seen = new Map<string, Stats>();
  const statsOf = (path: string): Stats => {
    const stats = seen.get(path) ?? statSync(path);
    seen.set(path, stats);
    return stats;
  };
  return rules.find(
    ({ path, access, optional, handed }) => !optional && !handed && !mayReach(resolve(path), access, user, statsOf),
  )?.path;
}

function mayReach(path: string, access: Access, user: User, statsOf: (path: string) => Stats): boolean {
  try {
    const stats = statsOf(path);
    const directory = stats.isDirectory();
    const wanted = access === 'write' ? (directory ? 7 : 6) : directory || access === 'execute' ? 5 : 4;
    if (!permits(stats, wanted, user)) return false;
    if (access === 'write' && directory && !mayRemove(stats, user)) return false;
    for (let at = dirname(path); ; at = dirname(at)) {
      if (!permits(statsOf(at), 1, user)) return false;
      if (at === dirname(at)) return true;
    }
  } catch (error) {
    // It is not there.
    expectSystemError(error);
    return true;
  }
}

/**
 * Whether `user` may remove from a folder what root made in it before, such as a socket: in one that is sticky, like
 * `/tmp`, only the owners of file and folder may.
 */
function mayRemove({ mode, uid }: FileRights, user: User): boolean {
  return (mode & STICKY) === 0 || uid === user.uid || user.uid === ROOT.uid;
}

/** Whether `user` may read a file, or list and pass a folder, by these rights alone. */
export function mayRead(rights: FileRights, user: User): boolean {
  return permits(rights, (rights.mode & KIND) === DIRECTORY ? 5 : 4, user);
}

function permits({ mode, uid, gid }: FileRights, wanted: number, user: User): boolean {
  const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
  return ((mode >> shift) & wanted) === wanted;
}
