import type { Clock } from '../../net/flow.js';

/** Milliseconds between two looks. */
const LOOK = 200;

/** Resolves when `condition` holds, or `limit` milliseconds have passed. */
export async function waitFor(condition: () => boolean, clock: Clock, limit: number): Promise<void> {
  const until = clock.now() + limit;
  while (!condition() && clock.now() < until) await new Promise<void>((resolve) => clock.schedule(LOOK, resolve));
}
