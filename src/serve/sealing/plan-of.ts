/** The rights that each way of serving needs once it is sealed. */
import { chownSync, existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isBug } from '../../errors/codes.js';
import { makeFolder } from '../../native/make-folder.js';
import { dynamicUser, type User, userOf } from '../../seal/credentials.js';
import { thisKernel } from '../../seal/kernel.js';
import type { PathRule } from '../../seal/landlock.js';
import { CONNECTS, INTERFACES, KEEPER, PROGRAMS, READS, UNIX_SOCKETS, WATCHES, WRITES } from '../../seal/lists/more.js';
import type { Rule } from '../../seal/lists/rules.js';
import type { Plan } from '../../seal/plan.js';
import { Seal, type SealArguments } from '../../seal/seal.js';
import { GUEST_USER } from '../../vm/guest/user.js';
import type { ServeOptions } from '../options/serve.js';
import { gitPaths } from './git-paths.js';
import { directoriesOf, laterPaths, orderingPaths, servesDirectory } from './later-paths.js';

/** `alone`: one process by itself. `guest`: the server of a machine image. */
export type Role = 'alone' | 'supervised' | 'worker' | 'guest';

/** CAP_NET_ADMIN */
const NET_ADMIN = 1n << 12n;
type Kept = Pick<Plan, 'capabilities' | 'capabilityNames' | 'staysRoot'>;
/** `more`: paths that only this process knows, as the sockets between programs. */
export function planOf(options: ServeOptions, role: Role, more: readonly PathRule[] = []): Plan {
  const { acme, dns, http, net } = options;
  const guest = role === 'guest';
  const directory = servesDirectory(options);
  const git = directory && http.site.mtime === 'git';
  const swappable = options.control !== undefined || role === 'supervised';
  // Another process orders (serve/renewal), or the first one of workers, and it alone connects to the authority.
  const told = acme !== undefined && (role === 'alone' || role === 'supervised');
  const paths: PathRule[] = [...laterPaths(options, { swappable, again: !guest, told }), ...more];
  if (git) paths.push(...gitPaths(directoriesOf(options)));
  const connects = dns.secondaries.length > 0 || adminComesLater(options, role);
  const rules: Rule[] = [
    ...READS,
    ...(paths.some(({ access }) => access === 'write') ? WRITES : []),
    ...(http.site.watch ? WATCHES : []),
    ...(meetsOthers(options, role) ? UNIX_SOCKETS : []),
    ...(connects ? CONNECTS : []),
    ...(net === 'direct' ? INTERFACES : []),
    ...(git ? PROGRAMS : []),
    ...(guest || told ? KEEPER : []),
  ];
  return {
    paths,
    rules,
    anyCode: directory || git,
    connects,
    user: guest ? GUEST_USER : undefined,
    ...keptOf(options),
  };
}

/** Whether its programs or processes talk to one another by sockets of a folder. */
export function meetsOthers({ net }: ServeOptions, role: Role): boolean {
  return role === 'guest' || role === 'supervised' || (role === 'worker' && net === 'direct');
}

/** The rights of the process that orders certificates. */
export function orderingPlan(options: ServeOptions): Plan {
  const connects = options.net === 'socket' || options.direct.record !== undefined;
  return {
    paths: orderingPaths(options),
    rules: [...READS, ...WRITES, ...(connects ? CONNECTS : [])],
    anyCode: false,
    connects,
    capabilities: 0n,
    capabilityNames: '',
    staysRoot: 'the folder of certificates is its own',
  };
}

/** It reads nothing of a stranger: it stays root with `strict`, too, where no other user is named. */
export function orderingSeal({ seal: { level, user } }: ServeOptions): SealArguments {
  return { level: level === 'strict' && user === undefined ? 'default' : level, user };
}

/** Throws a `UserError` where the process that orders could not be sealed, or not reach what it needs. */
export function checkOrdering(options: ServeOptions): void {
  if (options.seal.level === 'off') return;
  const plan = orderingPlan(options);
  // What is not there counts as reachable.
  makeFolders(plan, options.seal);
  new Seal(plan, orderingSeal(options), thisKernel());
}

/** Capabilities that are needed later. */
function keptOf({ net, direct }: ServeOptions): Kept {
  if (net === 'direct' && direct.bridge !== undefined)
    return {
      capabilities: NET_ADMIN,
      capabilityNames: 'CAP_NET_ADMIN',
      staysRoot:
        'its TAP is put on the bridge again when that is made anew; prepare it with "host up" and leave --bridge out',
    };
  return { capabilities: 0n, capabilityNames: '', staysRoot: undefined };
}

/** The earlier program holds the admin listener's address until it retires. */
function adminComesLater({ http }: ServeOptions, role: Role): boolean {
  return role === 'supervised' && http.admin.listen !== undefined;
}

/** Beneath a folder of that user it is theirs, too. */
function makeFolderOf(path: string, { uid, gid }: User): void {
  if (existsSync(path)) return;
  const above = dirname(path);
  makeFolderOf(above, { name: '', uid, gid });
  makeFolder(path, 0o700);
  if (statSync(above).uid === uid) chownSync(path, uid, gid);
}

/**
 * Folders that are written later are made now: a missing path cannot be named in the rules. Root makes them for the
 * user that it becomes. Throws a usage error for a user that is none.
 */
export function makeFolders(plan: Plan, { user }: SealArguments): void {
  const own = plan.user === undefined ? undefined : dynamicUser(process.pid, plan.user);
  const owner = user === undefined ? own : userOf(user);
  const root = process.geteuid?.() === 0;
  for (const { path, access, comes } of plan.paths) {
    if (access !== 'write' && !comes) continue;
    try {
      if (root && owner !== undefined) makeFolderOf(resolve(path), owner);
      else makeFolder(path, 0o700);
    } catch (error) {
      // The code that writes there reports the failure, and the server runs without it.
      if (isBug(error)) throw error;
    }
  }
}
