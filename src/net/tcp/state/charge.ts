/** What a connection keeps of what came, as the budget counts it: the memory that this takes, not the bytes in it. */
import type { Connection } from './connection.js';

/** What is kept has changed: updates the budget. */
export function settle(c: Connection): void {
  if (c.resting) return;
  const { busy } = c;
  const { held, reassembly } = busy;
  const cost = (held === undefined ? 0 : held.cost) + (reassembly === undefined ? 0 : reassembly.cost);
  if (cost === busy.charged) return;
  c.layer.budget.received += cost - busy.charged;
  busy.charged = cost;
}

/** The connection is over, and keeps nothing. */
export function discharge(c: Connection): void {
  if (c.resting) return;
  const { busy } = c;
  if (busy.charged === 0) return;
  c.layer.budget.received -= busy.charged;
  busy.charged = 0;
}
