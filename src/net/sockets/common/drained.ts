/** Word to a flow's owner that its queue has drained. */
import type { Flow } from '../../flow.js';

export interface Draining extends Flow {
  /** `queued` was above `lowWater`, and the owner has not heard since that it no longer is. */
  above: boolean;
  /** The owner is being told of something: what it asks for is done when it returns. */
  inCall: boolean;
}

/** Tells it, if `queued` has come down to `lowWater`. */
export function tellDrained(flow: Draining): void {
  if (!flow.above || flow.queued > flow.lowWater) return;
  flow.above = false;
  flow.inCall = true;
  flow.handler.drained(flow);
  flow.inCall = false;
}
