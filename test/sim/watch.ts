/**
 * What must hold of a TCP layer at every packet, whoever sent it: the work that the packet causes is bounded, whatever
 * came before it; and what is sent is paid for: bytes sent <= cwnd + acknowledged + SACKed.
 */

import { MOST_RECORDS } from '../../src/net/tcp/flight/in-flight.js';
import type { TcpLayer } from '../../src/net/tcp/index.js';
import type { Connection } from '../../src/net/tcp/state/connection.js';
import { MOST_RUNS } from '../../src/net/tcp/state/reassembly.js';

/**
 * Steps for which a packet can be the cause by itself: blocks of SACK looked up, runs told of, a look for who gives
 * way.
 */
export const STEPS_A_PACKET = 2048;
/**
 * Steps that a transmission can cost until it is acknowledged: found to send, divided, lost, SACKed, joined, again and
 * again.
 */
const STEPS_A_TRANSMISSION = 64;
/** Steps that each packet may cost in the long run: less than one of them may. */
const STEPS_IN_THE_LONG_RUN = MOST_RUNS + 128;

export class Watch {
  /** The most steps that one packet took, and what was wrong, the first of it; undefined: nothing. */
  most = 0;
  problem: string | undefined;
  private packets = 0;
  /**
   * Of each connection: the largest window it had, up to where what was sent is paid for, and the most that was in
   * flight.
   */
  private readonly seen = new WeakMap<Connection, { window: number; paid: number; outstanding: number }>();

  constructor(private readonly tcp: TcpLayer) {}

  /** Around what one packet causes. */
  packet(input: () => void): void {
    const { steps } = this.tcp;
    const before = steps.taken;
    input();
    this.packets++;
    const taken = steps.taken - before;
    if (taken > this.most) this.most = taken;
    // Whatever a packet marks or takes out is a record or a run that somebody paid for, and there are so many at most.
    if (taken > STEPS_A_PACKET + 2 * MOST_RECORDS) this.problem ??= `a packet took ${taken} steps`;
  }

  /** After all that packets and timers caused. */
  check(): void {
    const { steps, counters, connections } = this.tcp;
    const paid = STEPS_IN_THE_LONG_RUN * this.packets + STEPS_A_TRANSMISSION * counters.segmentsOut + STEPS_A_PACKET;
    if (steps.taken > paid)
      this.problem ??= `${steps.taken} steps for ${this.packets} packets and ${counters.segmentsOut} transmissions`;
    for (const c of connections) if (!c.resting) this.problem ??= this.unpaid(c);
  }

  private unpaid(c: Connection): string | undefined {
    const { cc, flight, duplicates } = c.busy;
    const seen = this.seen.get(c) ?? { window: 0, paid: c.iss, outstanding: 0 };
    this.seen.set(c, seen);
    seen.window = Math.max(seen.window, cc.cwnd);
    // Beyond the window: a tail loss probe, two segments of F-RTO, SYN or FIN.
    const beyond = 4 * c.mss + 2;
    // RFC 5681 3.2: duplicate ACKs stand for no more than was in flight, which is itself paid for.
    seen.outstanding = Math.max(seen.outstanding, (c.sndMax - c.sndUna) | 0);
    if (duplicates.told > seen.outstanding)
      return this.say(c, `duplicate ACKs told of ${duplicates.told} bytes, ${seen.outstanding} were in flight`);
    // What was paid for stays so, where a time-out forgets what was SACKed.
    const paid = (c.sndUna + Math.floor(seen.window) + flight.sackedBytes + duplicates.told) | 0;
    if (((paid - seen.paid) | 0) > 0) seen.paid = paid;
    const unpaid = (c.sndMax - seen.paid) | 0;
    if (unpaid <= beyond) return undefined;
    const { sackedBytes } = flight;
    return this.say(c, `${unpaid} bytes too many: cwnd ${seen.window}, SACKed ${sackedBytes}, told ${duplicates.told}`);
  }

  private say(c: Connection, what: string): string {
    return `port ${c.remotePort} to ${c.localPort}, ${c.busy.cc.name}: ${what}`;
  }
}
