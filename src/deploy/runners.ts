/** The runner of a target. */
import { ImageError } from '../image/image-error.js';
import type { ImageTarget } from '../image/manifest.js';
import type { Runner, RunnerOptions } from './runner.js';

export async function makeRunner(target: ImageTarget, options: RunnerOptions): Promise<Runner> {
  if (target === 'vm') throw new ImageError('this version runs no machine images');
  return (await import('../supervise/process-runner.js')).processRunner(options);
}
