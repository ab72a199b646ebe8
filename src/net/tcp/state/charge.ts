/** What a connection keeps of what came, as the budget counts it: the memory that it takes, not the bytes that are in it. */
import type { Connection } from './connection.js';

export class Charge {
  /** Bytes that the budget was told of. */
  bytes = 0;
}

/** What is kept has changed: the budget is told. */
export function settle(c: Connection): void {
  if (c.resting) return;
  const { held, reassembly, charge } = c.busy;
  const cost = (held === undefined ? 0 : held.cost) + (reassembly === undefined ? 0 : reassembly.cost);
  c.layer.budget.received += cost - charge.bytes;
  charge.bytes = cost;
}

/** The connection is over, and keeps nothing. */
export function discharge(c: Connection): void {
  if (c.resting) return;
  const { charge } = c.busy;
  c.layer.budget.received -= charge.bytes;
  charge.bytes = 0;
}
