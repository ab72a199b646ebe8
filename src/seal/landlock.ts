/**
 * Landlock (Linux, userspace-api/landlock): a process gives up every file but those beneath paths that it names. It
 * holds for what is opened from then on; what is open stays.
 */
import { closeSync, constants, openSync, statSync } from 'node:fs';
import { expectSystemError } from '../errors/codes.js';
import { pinned } from '../native/libc/slab.js';
import { capabilities } from './capabilities.js';
import type { Call, Kernel } from './kernel.js';

/** What is needed beneath a path. */
export type Access = 'read' | 'write' | 'execute';

export interface PathRule {
  readonly path: string;
  readonly access: Access;
  /** The server does without, where its user has no right to it. */
  readonly optional?: boolean;
  /** What is beneath is handed to its user, and reached by a descriptor. */
  readonly handed?: boolean;
  /** A folder that is read, and may not be there yet. */
  readonly comes?: boolean;
}

/** linux/landlock.h, LANDLOCK_ACCESS_FS_* */
const EXECUTE = 1 << 0;
const WRITE_FILE = 1 << 1;
const READ_FILE = 1 << 2;
const READ_DIR = 1 << 3;
const REMOVE_DIR = 1 << 4;
const REMOVE_FILE = 1 << 5;
const MAKE_DIR = 1 << 7;
const MAKE_REG = 1 << 8;
const MAKE_SOCK = 1 << 9;
const REFER = 1 << 13;
const TRUNCATE = 1 << 14;
const IOCTL_DEV = 1 << 15;
/** What there is to handle, by version of the ABI: 1 has 13 bits, 2 adds REFER, 3 TRUNCATE, 5 IOCTL_DEV. */
const FIRST_RIGHTS = REFER - 1;
/** Rights that a file can have; the others are a directory's. */
const OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;
/** LANDLOCK_ACCESS_NET_CONNECT_TCP (ABI 4) and LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (ABI 6). */
const CONNECT_TCP = 2;
const ABSTRACT_UNIX_SOCKET = 1;

const RIGHTS: Readonly<Record<Access, number>> = {
  read: READ_FILE | READ_DIR,
  write:
    READ_FILE |
    READ_DIR |
    WRITE_FILE |
    TRUNCATE |
    MAKE_REG |
    MAKE_DIR |
    MAKE_SOCK |
    REMOVE_FILE |
    REMOVE_DIR |
    // A program of one version and another's folder: files move between folders of one state.
    REFER,
  execute: READ_FILE | READ_DIR | EXECUTE,
};

const CREATE_RULESET_VERSION = 1;
const RULE_PATH_BENEATH = 1;
/** LANDLOCK_RESTRICT_SELF_TSYNC: all threads at once. */
const ALL_THREADS = 8;
const ALL_THREADS_SINCE = 8;
/** Node has no name for it. */
const O_PATH = 0o10000000;
const PR_SET_NO_NEW_PRIVS = 38;
const CAP_SYS_ADMIN = 1n << 21n;

/** The version of the ABI, 1 or more; 0: there is none, or it is switched off. */
export function landlockVersion(kernel: Kernel): number {
  if (kernel.arch === undefined) return 0;
  return Math.max(kernel.call('landlock_create_ruleset', 0, 0, CREATE_RULESET_VERSION), 0);
}

export interface Ruleset {
  readonly fd: number;
  /** The calls that put a thread under it. */
  readonly calls: readonly Call[];
  /** One thread speaks for all. */
  readonly everywhere: boolean;
}

/** Whether this thread may be put under Landlock without the promise of `PR_SET_NO_NEW_PRIVS`. */
export function mayRestrict(kernel: Kernel): boolean {
  return (capabilities(kernel) & CAP_SYS_ADMIN) !== 0n;
}

/**
 * What is not there is left out: it cannot be named. `connects`: the process opens connections later. Throws a
 * `UserError` where the kernel takes none.
 */
export function makeRuleset(kernel: Kernel, version: number, rules: readonly PathRule[], connects: boolean): Ruleset {
  const noNewPrivileges: Call = ['prctl', PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0];
  // The filter of system calls brings the promise to all threads later.
  const trusted = mayRestrict(kernel);
  const handled = handledBy(version);
  const attributes = pinned(24);
  const view = new DataView(attributes.bytes.buffer, attributes.bytes.byteOffset, 24);
  view.setUint32(0, handled, true);
  if (version >= 4 && !connects) view.setUint32(8, CONNECT_TCP, true);
  if (version >= 6) view.setUint32(16, ABSTRACT_UNIX_SOCKET, true);
  const size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
  const fd = kernel.call('landlock_create_ruleset', attributes.address, size, 0);
  if (fd < 0) throw new Error(`the kernel makes no Landlock ruleset (error ${-fd})`);
  for (const rule of rules) addRule(kernel, fd, rule, handled);
  const everywhere = version >= ALL_THREADS_SINCE;
  return {
    fd,
    everywhere,
    calls: [...(trusted ? [] : [noNewPrivileges]), ['landlock_restrict_self', fd, everywhere ? ALL_THREADS : 0]],
  };
}

function handledBy(version: number): number {
  let handled = FIRST_RIGHTS;
  if (version >= 2) handled |= REFER;
  if (version >= 3) handled |= TRUNCATE;
  if (version >= 5) handled |= IOCTL_DEV;
  return handled;
}

function addRule(kernel: Kernel, ruleset: number, { path, access }: PathRule, handled: number): void {
  const fd = openPath(path);
  if (fd === undefined) return;
  try {
    const rights = RIGHTS[access] & handled & (statSync(path).isDirectory() ? ~0 : OF_FILES);
    // Packed: 64 bits of rights, 32 of the descriptor.
    const { bytes, address } = pinned(12);
    const view = new DataView(bytes.buffer, bytes.byteOffset, 12);
    view.setUint32(0, rights, true);
    view.setInt32(8, fd, true);
    const answer = kernel.call('landlock_add_rule', ruleset, RULE_PATH_BENEATH, address, 0);
    if (answer < 0) throw new Error(`the kernel takes no Landlock rule for ${path} (error ${-answer})`);
  } finally {
    // A rule is about an inode. What is in /proc gets a new one once nothing holds the old one and memory is short.
    if (!path.startsWith('/proc/')) closeSync(fd);
  }
}

function openPath(path: string): number | undefined {
  try {
    return openSync(path, O_PATH | constants.O_RDONLY);
  } catch (error) {
    // What cannot be reached now needs no right.
    expectSystemError(error);
    return undefined;
  }
}
