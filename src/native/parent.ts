/** A child that must not outlive the process that started it, however that ends. */
import { libc } from './libc/libc.js';

/** The variable by which a parent gives its process id to a child that shall end with it. */
export const PARENT = 'SITEKERNEL_PARENT';

/** prctl(2) */
const PR_SET_PDEATHSIG = 1;
const SIGTERM = 15;

/** Whether the process that started this one is there. Processes whose parent has ended get another one. */
export interface Parent {
  readonly alive: boolean;
  /** The parent may end from now on. */
  outlive(): void;
}

/**
 * Reads `PARENT` and has the kernel send SIGTERM to this process when its parent ends; ends this process when that has
 * happened already. Undefined: no parent asks for that. Call at the start; the variable is not passed on.
 */
export function endWithParent(env: NodeJS.ProcessEnv = process.env): Parent | undefined {
  const pid = Number(env[PARENT] ?? 0);
  delete env[PARENT];
  if (pid === 0) return undefined;
  const { platform } = process;
  if (platform === 'linux') libc().prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  // It may have ended before the kernel was asked.
  if (process.ppid !== pid) process.exit(1);
  return {
    get alive() {
      return process.ppid === pid;
    },
    outlive: () => {
      if (platform === 'linux') libc().prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
    },
  };
}
