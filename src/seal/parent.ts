/**
 * What a process gives up that holds sockets and starts programs: it stays able to start them, and reads nothing of a
 * stranger. The programs seal themselves; what it gives up here they never have, in no thread.
 */
import { capabilities, capabilityCalls, dropBounds } from './capabilities.js';
import { onEveryThread } from './every-thread.js';
import type { Call, Kernel } from './kernel.js';

/** linux/capability.h, and why it, or a program that it starts, needs each. */
const KEPT_BY_PARENTS: readonly (readonly [number: number, name: string, why: string])[] = [
  [0, 'CAP_CHOWN', 'files of a state folder'],
  [1, 'CAP_DAC_OVERRIDE', 'the state, the control socket and certificates of other users'],
  [2, 'CAP_DAC_READ_SEARCH', 'a site in a folder of another user'],
  [3, 'CAP_FOWNER', 'rights of files of its state'],
  [5, 'CAP_KILL', 'signals to programs that became other users'],
  [6, 'CAP_SETGID', 'programs become other users'],
  [7, 'CAP_SETUID', 'the same'],
  [8, 'CAP_SETPCAP', 'programs give up the rest'],
  [10, 'CAP_NET_BIND_SERVICE', 'ports below 1024'],
  [12, 'CAP_NET_ADMIN', 'a TAP for the next program'],
  [13, 'CAP_NET_RAW', 'a network card for the next program'],
  [24, 'CAP_SYS_RESOURCE', 'limits of programs'],
  [37, 'CAP_AUDIT_READ', 'programs count what was refused'],
];

const PR_SET_DUMPABLE = 4;
const PR_SET_NO_NEW_PRIVS = 38;

/** What is needed to start a process that has files of a state, and may become another user. */
export const FOR_FILES = [0, 1, 2, 3, 6, 7, 8] as const;

/**
 * `only`: numbers of capabilities that are enough. Holds for the thread that calls, of which programs are started, when
 * this returns; resolves when it holds for those of libuv's pool as well.
 */
export async function sealParent(kernel: Kernel, only?: readonly number[]): Promise<void> {
  if (kernel.arch === undefined) return;
  const promise: Call = ['prctl', PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0];
  kernel.call(...promise);
  kernel.call('prctl', PR_SET_DUMPABLE, 0);
  const had = capabilities(kernel);
  if (had === 0n) return;
  const numbers = only ?? KEPT_BY_PARENTS.map(([number]) => number);
  const kept = numbers.reduce((sum, number) => sum | (1n << BigInt(number)), 0n);
  dropBounds(kernel, kept);
  const calls = capabilityCalls(had & kept);
  for (const call of calls) kernel.call(...call);
  await onEveryThread(kernel, [promise, ...calls]);
}
