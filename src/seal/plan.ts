/** What a sealed server needs later. */
import { type Arch, callsOf } from './calls.js';
import type { PathRule } from './landlock.js';
import type { Rule } from './lists/rules.js';

export interface Plan {
  /** What is read, written or run later. */
  readonly paths: readonly PathRule[];
  /** System calls beside those that every server makes. */
  readonly rules: readonly Rule[];
  /** Machine code is made outside of the region that V8 has now: for worker threads, or other programs. */
  readonly anyCode: boolean;
  /** It opens connections. */
  readonly connects: boolean;
  /** Bits of capabilities that are kept, and their names. */
  readonly capabilities: bigint;
  readonly capabilityNames: string;
  /** Number of the user to become, where it is root and no other is given; undefined: one by its process. */
  readonly user?: number | undefined;
  /** Why it cannot become another user: a message; undefined: it can. */
  readonly staysRoot: string | undefined;
}

/** How many calls of this machine are allowed, some of them with certain arguments only. */
export function callsAllowed(rules: readonly Rule[], arch: Arch): number {
  const calls = callsOf(arch);
  const names = rules.flatMap((rule) => (rule.errno === undefined ? rule.calls : []));
  return new Set(names.filter((name) => calls.number(name) !== undefined)).size;
}
