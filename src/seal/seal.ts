/**
 * Opens first, then closes the door (docs/security.md). What needs rights has been opened when this begins; before a
 * stranger's first byte is read the process has given up every file but some, its user, its capabilities, and every
 * system call but those on a list.
 *
 *   const seal = new Seal(plan, wish, kernel);   // refuses what cannot be: exit status 2 or 1, one message
 *   await seal.files();                          // Landlock, in every thread that reads files
 *   ... listen ...
 *   seal.close();                                // the rest, at once: nothing is read between listening and this
 */
import { existsSync, readFileSync } from 'node:fs';
import { badUsage, UserError } from '../errors/user-error.js';
import type { FileRights } from '../native/file-rights.js';
import { pinned } from '../native/libc/slab.js';
import { filterOf, KILL_PROCESS, REFUSE } from './bpf.js';
import { capabilities, capabilityCalls, dropBounds } from './capabilities.js';
import { codeRanges } from './code-range.js';
import {
  become,
  cannotBecome,
  dynamicUser,
  mayRead,
  type Reach,
  ROOT,
  reachOfRoot,
  type User,
  unreachable,
  userOf,
} from './credentials.js';
import { onEveryThread } from './every-thread.js';
import type { Call, Kernel } from './kernel.js';
import { landlockVersion, makeRuleset, mayRestrict } from './landlock.js';
import { base } from './lists/base.js';
import type { Rule } from './lists/rules.js';
import { callsAllowed, type Plan } from './plan.js';
import { rings } from './rings.js';

export type SealLevel = 'strict' | 'default' | 'off';

/** What the command line says of it. */
export interface SealArguments {
  readonly level: SealLevel;
  /** A user's name or number; undefined: one of its own, where it starts as root. */
  readonly user: string | undefined;
}

/** What holds. */
export interface SealReport {
  readonly level: SealLevel;
  /** For people, one thing each: `user 61200`. */
  readonly holds: readonly string[];
  /** What could not be had, one message each. */
  readonly lacks: readonly string[];
}

/** linux/prctl.h, linux/seccomp.h, asm-generic/resource.h */
const PR_SET_PDEATHSIG = 1;
const PR_GET_PDEATHSIG = 2;
const PR_SET_DUMPABLE = 4;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_GET_NO_NEW_PRIVS = 39;
const SET_MODE_FILTER = 1;
const TSYNC = 1;
const LOG = 2;
/** Without it kernels before 5.16 slow every load down against Spectre variant 4, for code of others in one process. */
const SPEC_ALLOW = 4;
/** Whether this system tells a process of itself. */
const PROC = existsSync('/proc/self/maps');
const RLIMIT_CORE = 4;
const RLIMIT_NPROC = 6;
/** Threads of one server are some 20, and a worker thread for each processor. */
const MOST_THREADS = 1024;

export class Seal {
  private readonly holds: string[] = [];
  private readonly lacks: string[] = [];
  /** The user that it becomes; undefined: it stays as it is. */
  readonly user: User | undefined;
  private readonly root: boolean;
  /** Why it stays root. */
  private stays: string | undefined = undefined;
  /** Capabilities that it has, and needs later. */
  private kept = 0n;
  private keptNames = '';
  /** What root keeps so as to reach files of others, once that was asked. */
  private reach: Reach | 'nothing' | undefined = undefined;
  /** There is no `prctl`. */
  private forbidden = false;

  /** Throws a usage error for a user that is none, and a `UserError` where `strict` cannot be had. */
  constructor(
    private readonly plan: Plan,
    private readonly wish: SealArguments,
    private readonly kernel: Kernel,
    private readonly tell: (report: SealReport) => void = () => undefined,
  ) {
    this.root = process.geteuid?.() === 0;
    this.user = wish.level === 'off' ? undefined : this.chosenUser();
  }

  /** Undefined: it stays as it is. */
  private chosenUser(): User | undefined {
    const { kernel, plan, wish, root } = this;
    const { user: given } = wish;
    if (given === undefined && (!root || plan.staysRoot !== undefined)) {
      if (root && wish.level === 'strict') throw this.refusal(`it stays root: ${plan.staysRoot}`);
      if (root) this.stays = plan.staysRoot;
      return undefined;
    }
    const user = given === undefined ? dynamicUser(process.pid, plan.user) : userOf(given);
    if (!root && user.uid === process.geteuid?.()) return undefined;
    if (!root) throw badUsage(`--user ${given}: only root can become another user; leave it out, or start as root`);
    if (!PROC || kernel.arch === undefined) return undefined;
    const path = unreachable(plan.paths, user);
    const why =
      path === undefined ? cannotBecome(user, kernel) : `user ${user.name} cannot reach ${path}, which is needed later`;
    if (why === undefined) return user;
    if (given !== undefined && path === undefined) throw new UserError(`--user ${given}: ${why}`);
    if (given !== undefined)
      throw new UserError(`--user: ${why}; give that user the right to it, or name another user`);
    if (wish.level === 'strict') throw this.refusal(why);
    this.stays = why;
    return undefined;
  }

  private refusal(why: string): UserError {
    return new UserError(`--seal strict cannot be had: ${why}; mend that, or take --seal default`);
  }

  /** Whether what has these rights can be read once this is closed, as far as users decide. */
  mayRead(rights: FileRights): boolean {
    const { kernel, plan, root, user, wish } = this;
    if (wish.level === 'off' || kernel.arch === undefined || !PROC || !root) return true;
    if (user !== undefined) return mayRead(rights, user);
    this.reach ??= reachOfRoot(plan.paths) ?? 'nothing';
    return this.reach !== 'nothing' || mayRead(rights, ROOT);
  }

  /** From now on no file can be opened but those of the plan. Rejects with a `UserError` in `strict`. */
  async files(): Promise<void> {
    const { kernel, wish } = this;
    if (wish.level === 'off') return;
    if (kernel.arch === undefined) return this.lack(kernel.why ?? 'this system has neither seccomp nor Landlock');
    if (!PROC) return this.lack('there is no /proc, which tells the process what it has; nothing is sealed');
    this.keep();
    const calls: Call[] = [];
    // Who has the right needs no promise for Landlock.
    const trusted = mayRestrict(kernel);
    this.forbidden = kernel.call('prctl', PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) < 0;
    if (this.forbidden)
      this.lack(
        `prctl is forbidden here, as in some containers: ${trusted ? '' : 'files are those of the user, '}no system call is refused, and it can be looked into`,
      );
    const version = this.forbidden && !trusted ? undefined : landlockVersion(kernel);
    if (version === 0) this.lack('the kernel has no Landlock, or it is switched off: files are those of the user');
    else if (version !== undefined) await this.restrict(version, calls);
    if (this.user !== undefined || this.capabilitiesLeft() === 0n) {
      if (calls.length > 0 && !(await onEveryThread(kernel, calls)))
        this.lack('a thread could not be put under Landlock');
      return;
    }
    // Who becomes another user loses them in all threads; here each has to give them up, and this one does so last.
    calls.push(...capabilityCalls(this.kept));
    if (!(await onEveryThread(kernel, calls))) this.lack('a thread could not be sealed');
  }

  /** Root without capabilities is a user like others: a site in the home of one of them is closed to it. */
  private keep(): void {
    const { kernel, plan } = this;
    const reach = this.root && this.user === undefined ? reachOfRoot(plan.paths) : undefined;
    this.kept = capabilities(kernel) & (plan.capabilities | (reach?.bits ?? 0n));
    const names = plan.capabilities === 0n ? [] : [plan.capabilityNames];
    if (reach !== undefined) names.push(`${reach.names} for ${reach.path}`);
    this.keptNames = names.join(', ');
  }

  private async restrict(version: number, calls: Call[]): Promise<void> {
    const { kernel, plan } = this;
    try {
      const ruleset = makeRuleset(kernel, version, plan.paths, plan.connects);
      for (const call of ruleset.calls) {
        const answer = kernel.call(...call);
        if (answer < 0) throw new Error(`${call[0]} failed (error ${-answer})`);
      }
      if (!ruleset.everywhere) calls.push(...ruleset.calls);
      const folders = plan.paths.length;
      this.holds.push(`files beneath ${folders} paths only (Landlock ${version})`);
    } catch (error) {
      this.lack(`Landlock: ${(error as Error).message}`);
    }
  }

  /** Takes the rest away, at once, in all threads. Throws a `UserError` in `strict`. */
  close(): SealReport {
    const { wish, kernel, plan } = this;
    if (wish.level !== 'off' && kernel.arch !== undefined && PROC) {
      const rules = rulesOf(plan);
      this.limit(RLIMIT_CORE, 0);
      this.changeUser();
      this.dropCapabilities();
      if (!this.forbidden) this.promise(rules);
    }
    const report = { level: wish.level, holds: this.holds, lacks: this.lacks };
    this.tell(report);
    return report;
  }

  private promise(rules: readonly Rule[]): void {
    const { kernel } = this;
    if (kernel.call('prctl', PR_SET_DUMPABLE, 0) < 0) this.lack('it can be looked into (PR_SET_DUMPABLE fails)');
    else this.holds.push('not dumpable');
    if (kernel.call('prctl', PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
      this.lack('prctl(PR_SET_NO_NEW_PRIVS) is forbidden here');
    else this.install(rules);
  }

  private changeUser(): void {
    const { user, kernel } = this;
    if (user === undefined) {
      if (this.stays !== undefined) this.holds.push(`user root (${this.stays}; --user names another)`);
      return;
    }
    const { bytes, address } = pinned(4);
    kernel.call('prctl', PR_GET_PDEATHSIG, address);
    const signal = new DataView(bytes.buffer, bytes.byteOffset, 4).getInt32(0, true);
    if (this.wish.user === undefined) this.limit(RLIMIT_NPROC, MOST_THREADS);
    become(user);
    // The kernel forgets it with the user.
    if (signal !== 0) kernel.call('prctl', PR_SET_PDEATHSIG, signal);
    this.holds.push(`user ${user.name}`);
  }

  private dropCapabilities(): void {
    const { kernel, user } = this;
    if (user === undefined && this.capabilitiesLeft() !== 0n) {
      dropBounds(kernel, this.kept);
      for (const call of capabilityCalls(this.kept)) kernel.call(...call);
    }
    const left = capabilities(kernel);
    if (left === 0n) this.holds.push('no capabilities');
    else if (left === this.kept) this.holds.push(`capabilities ${this.keptNames}`);
    else this.lack('capabilities are left');
  }

  private capabilitiesLeft(): bigint {
    return capabilities(this.kernel) & ~this.kept;
  }

  private install(rules: readonly Rule[]): void {
    const { kernel, wish } = this;
    const filter = filterOf(kernel.arch!, rules, wish.level === 'strict' ? KILL_PROCESS : REFUSE);
    const memory = pinned(filter.length);
    memory.bytes.set(filter);
    // `struct sock_fprog`: how many instructions, and where.
    const program = pinned(16);
    const view = new DataView(program.bytes.buffer, program.bytes.byteOffset, 16);
    view.setUint16(0, filter.length / 8, true);
    view.setBigUint64(8, BigInt(memory.address), true);
    const answer = kernel.call('seccomp', SET_MODE_FILTER, TSYNC | LOG | SPEC_ALLOW, program.address);
    if (answer === 0) this.holds.push(`${callsAllowed(rules, kernel.arch!)} system calls (seccomp)`);
    else this.lack(`the kernel takes no seccomp filter (${answer < 0 ? `error ${-answer}` : `thread ${answer}`})`);
  }

  private limit(resource: number, most: number): void {
    const { bytes, address } = pinned(16);
    const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
    view.setUint32(0, most, true);
    view.setUint32(8, most, true);
    this.kernel.call('prlimit64', 0, resource, address, 0);
  }

  private lack(why: string): void {
    if (this.wish.level === 'strict') throw this.refusal(why);
    this.lacks.push(why);
  }
}

/** The whole list for this process. */
function rulesOf(plan: Plan): Rule[] {
  const maps = readFileSync('/proc/self/maps', 'latin1');
  // A ring is mapped: without one in sight its descriptors need not be looked for.
  const ringed = maps.includes('[io_uring]') ? rings() : [];
  return [...base(process.pid, plan.anyCode ? undefined : codeRanges(maps), ringed), ...plan.rules];
}

/** One line. */
export function sealLine({ level, holds, lacks }: SealReport): string {
  if (level === 'off') return 'not sealed (--seal off)';
  const held = holds.length === 0 ? 'nothing could be sealed' : `sealed: ${holds.join(', ')}`;
  return lacks.length === 0 ? held : `${held}; not so: ${lacks.join('; ')}`;
}
