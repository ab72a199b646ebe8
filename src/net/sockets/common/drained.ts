/** Reports to a flow's owner that its queue has drained. */
import type { Flow } from '../../flow.js';

export interface Draining extends Flow {
  /** `queued` was above `lowWater`, and no report to the owner since then says that it no longer is. */
  above: boolean;
  /** A report to the owner is under way: what the owner asks for is done when it returns. */
  inCall: boolean;
}

/** Reports it to the owner, if `queued` has come down to `lowWater`. */
export function tellDrained(flow: Draining): void {
  if (!flow.above || flow.queued > flow.lowWater) return;
  flow.above = false;
  flow.inCall = true;
  flow.handler.drained(flow);
  flow.inCall = false;
}
