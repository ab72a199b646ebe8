import type { ServeOptions } from './arguments.js';
export async function runSupervised(_options: ServeOptions): Promise<void> {
  throw new Error('x');
}
