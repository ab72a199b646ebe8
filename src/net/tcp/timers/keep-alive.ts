/**
 * Keep-alive (RFC 9293 3.8.4): off unless the owner asks for it, and sent only when nothing came for the whole
 * interval.
 */

import { probeKeepAlive } from '../send/output.js';
import type { Connection } from '../state/connection.js';
import { FIN_WAIT_2 } from '../state/states.js';

/** ms between unanswered probes, and the number of them that ends the connection (MUST-29: one does not). */
const PROBE_INTERVAL = 75_000;
const PROBES = 9;

/** The life timer fired. False: the connection is over. */
export function onLife(c: Connection, now: number): boolean {
  if (c.state === FIN_WAIT_2 || c.keepAliveInterval === 0) return false;
  const due = c.heardAt + c.keepAliveInterval;
  if (due > now) {
    c.keepAliveProbes = 0;
    c.lifeAt = due;
    return true;
  }
  if (c.keepAliveProbes >= PROBES) return false;
  c.keepAliveProbes++;
  probeKeepAlive(c);
  c.lifeAt = now + PROBE_INTERVAL;
  return true;
}
