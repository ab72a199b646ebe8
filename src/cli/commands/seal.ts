/** `sitekernel seal`: what the platform offers, and what would be applied. */
import { badUsage } from '../../errors/user-error.js';
import { describeSeal } from '../../seal/describe.js';
import { thisKernel } from '../../seal/kernel.js';
import type { ServeOptions } from '../../serve/options/serve.js';
import { planOf, type Role } from '../../serve/sealing/plan-of.js';
import { parseArguments } from '../arguments/arguments.js';
import type { SealCommand } from '../arguments/seal.js';

export function runSeal({ args }: SealCommand): void {
  const task = parseArguments(args);
  if (task?.kind !== 'serve') throw badUsage(`what is sealed is a server; "${args.join(' ')}" is none`);
  process.stdout.write(describeSeal(planOf(task, roleOf(task)), task.seal, thisKernel()));
}

function roleOf({ supervised, workers }: ServeOptions): Role {
  return supervised ? 'supervised' : workers > 1 ? 'worker' : 'alone';
}
