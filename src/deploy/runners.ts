/** The runner of a target. */
import type { ImageTarget } from '../image/manifest.js';
import type { Runner, RunnerOptions } from '../image/runner.js';

export async function makeRunner(target: ImageTarget, options: RunnerOptions): Promise<Runner> {
  if (target === 'vm') return (await import('../vm/host/vm-runner.js')).vmRunner(options);
  return (await import('../supervise/process-runner.js')).processRunner(options);
}
