/** A seal in words, for `sitekernel seal`. */
import { callsOf } from './calls.js';
import { codeRanges } from './code-range.js';
import { dynamicUser, unreachable } from './credentials.js';
import type { Kernel } from './kernel.js';
import { landlockVersion } from './landlock.js';
import { base } from './lists/base.js';
import type { Rule } from './lists/rules.js';
import type { Plan } from './plan.js';
import { rings } from './rings.js';
import type { SealArguments } from './seal.js';

const PR_GET_NO_NEW_PRIVS = 39;
const GET_ACTION_AVAIL = 2;
/** linux/errno.h: a null address, where the action itself would be. A kernel that answers with it has the call. */
const EFAULT = 14;

/** Lines of text: what there is, and what a server of this plan would give up. Changes nothing. */
export function describeSeal(
  plan: Plan,
  wish: SealArguments,
  kernel: Kernel,
  root = process.geteuid?.() === 0,
): string {
  const lines = [...offers(kernel), ''];
  if (wish.level === 'off') return `${[...lines, 'With --seal off nothing is given up.'].join('\n')}\n`;
  const refused = wish.level === 'strict' ? 'ends the process' : 'fails with EPERM, and is counted';
  lines.push(
    `With --seal ${wish.level}, before the first byte of a client is read:`,
    `  user             ${userLine(plan, wish, root)}`,
  );
  lines.push(`  capabilities     ${plan.capabilities === 0n ? 'none' : plan.capabilityNames}`);
  lines.push('  no_new_privs     set; not dumpable; no core files', '  files, beneath');
  for (const { access, path } of plan.paths) lines.push(`    ${access.padEnd(14)} ${path}`);
  lines.push(`  system calls     any other ${refused}`);
  const names = kernel.arch === undefined ? undefined : callsOf(kernel.arch);
  const code = plan.anyCode ? undefined : codeRanges();
  for (const rule of [...base(process.pid, code, rings()), ...plan.rules]) {
    const known = rule.calls.filter((one) => names === undefined || names.number(one) !== undefined);
    if (known.length > 0) lines.push(`    ${known.join(' ')}${limits(rule)}: ${rule.why}`);
  }
  return `${lines.join('\n')}\n`;
}

function offers(kernel: Kernel): string[] {
  if (kernel.arch === undefined)
    return [`${kernel.why ?? 'This system has neither seccomp nor Landlock'}: nothing can be sealed.`];
  const version = landlockVersion(kernel);
  const privileges = kernel.call('prctl', PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) >= 0;
  return [
    'This machine has',
    `  Landlock         ${version === 0 ? 'no: the kernel has none, or it is switched off' : `version ${version}`}`,
    `  seccomp          ${kernel.call('seccomp', GET_ACTION_AVAIL, 0, 0) === -EFAULT ? 'yes' : 'no'}, ${kernel.arch}`,
    `  no_new_privs     ${privileges ? 'yes' : 'no: prctl is forbidden here'}`,
  ];
}

function userLine(plan: Plan, { user }: SealArguments, root: boolean): string {
  if (user !== undefined) return user;
  if (!root) return 'as it was started';
  if (plan.staysRoot !== undefined) return `root: ${plan.staysRoot}`;
  const own = dynamicUser(process.pid, plan.user);
  const path = unreachable(plan.paths, own);
  return path === undefined ? 'one of its own' : `root: one of its own cannot reach ${path}`;
}

function limits({ when, errno }: Rule): string {
  if (errno !== undefined) return ' (fails)';
  return when === undefined ? '' : ' (with some arguments only)';
}
