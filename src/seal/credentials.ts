/** The user that a sealed server becomes, and the capabilities that it gives up. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { expectSystemError } from '../errors/codes.js';
import { badUsage } from '../errors/user-error.js';
import { koffi } from '../native/libc/koffi.js';
import { pinned } from '../native/libc/slab.js';
import type { Call, Kernel } from './kernel.js';
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
/** linux/capability.h, version 3. */
const CAPABILITY_VERSION = 0x2008_0522;
const MOST_CAPABILITIES = 64;
/** linux/prctl.h */
const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;

export function dynamicUser(pid: number): User {
  const uid = FIRST_DYNAMIC + (pid % (LAST_DYNAMIC - FIRST_DYNAMIC + 1));
  return { name: String(uid), uid, gid: uid };
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
  return rules.find(({ path, access, optional }) => !optional && !mayReach(resolve(path), access, user))?.path;
}

function mayReach(path: string, access: Access, user: User): boolean {
  try {
    const stats = statSync(path);
    const directory = stats.isDirectory();
    const wanted = access === 'write' ? (directory ? 7 : 6) : directory || access === 'execute' ? 5 : 4;
    if (!permits(stats, wanted, user)) return false;
    for (let at = dirname(path); ; at = dirname(at)) {
      if (!permits(statSync(at), 1, user)) return false;
      if (at === dirname(at)) return true;
    }
  } catch (error) {
    // It is not there.
    expectSystemError(error);
    return true;
  }
}

interface Rights {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

function permits({ mode, uid, gid }: Rights, wanted: number, user: User): boolean {
  const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
  return ((mode >> shift) & wanted) === wanted;
}

/** Bits of capabilities that this thread may use. */
export function capabilities(): bigint {
  const text = /^CapPrm:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
  return BigInt(`0x${text ?? '0'}`);
}

/** Takes from this thread, and from programs that it starts, what is not among `kept`. */
export function dropBounds(kernel: Kernel, kept: bigint): void {
  for (let one = 0; one < MOST_CAPABILITIES; one++) {
    if (kernel.call('prctl', PR_CAPBSET_READ, one) < 0) return;
    if ((kept & (1n << BigInt(one))) === 0n) kernel.call('prctl', PR_CAPBSET_DROP, one);
  }
}

/** The calls that leave a thread no capability but `kept`. */
export function capabilityCalls(kept: bigint): Call[] {
  const header = pinned(8);
  new DataView(header.bytes.buffer, header.bytes.byteOffset, 8).setUint32(0, CAPABILITY_VERSION, true);
  const sets = pinned(24);
  const view = new DataView(sets.bytes.buffer, sets.bytes.byteOffset, 24);
  // Effective, permitted, inheritable: the low halves, then the high ones.
  for (const half of [0, 1]) {
    const bits = Number((kept >> BigInt(32 * half)) & 0xffff_ffffn);
    view.setUint32(12 * half, bits, true);
    view.setUint32(12 * half + 4, bits, true);
  }
  return [
    ['prctl', PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL],
    ['capset', header.address, sets.address],
  ];
}
