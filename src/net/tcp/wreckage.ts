/** What is done with a connection once an exception came out of the work for it. */
import { attempt } from '../containment.js';
import type { Listening } from './passive-open/listening.js';
import { discharge } from './state/charge.js';
import type { Connection, TcpContext } from './state/connection.js';
import type { FlowName } from './state/departure.js';
import { CLOSED } from './state/states.js';

/** The layer, with what only it can do. */
interface Layer extends TcpContext {
  readonly listening: Listening;
  /** Takes a connection out as it is. */
  detach(c: Connection): void;
}

export class Wreckage {
  constructor(private readonly layer: Layer) {}

  /**
   * The exception may have left the connection in the middle of anything. So the connection is over: it is reset, and
   * nothing of it stays in table, timers and accounts. Throws `error` where no listener for faults is set.
   */
  clear(c: Connection, error: unknown): void {
    const { layer } = this;
    if (c.state !== CLOSED) attempt(() => layer.replies.reset(c));
    attempt(() => layer.gone(c, 'failed'));
    // `gone` itself may have stopped in the middle. Each of these does nothing when done once more.
    c.state = CLOSED;
    c.deadline = Number.POSITIVE_INFINITY;
    attempt(() => layer.detach(c));
    attempt(() => discharge(c));
    attempt(() => c.release());
    attempt(() => c.reportClosed('failed'));
    layer.faults.note(error, 'connection', layer.now);
  }

  /** The exception came out of a segment, or of an ICMP error, for this name. */
  clearAt(name: FlowName, error: unknown): void {
    const { layer } = this;
    const c = layer.connections.get(...name);
    if (c !== undefined) {
      this.clear(c, error);
      return;
    }
    attempt(() => layer.listening.forget(...name));
    layer.faults.note(error, 'connection', layer.now);
  }
}
