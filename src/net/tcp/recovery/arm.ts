/** When the retransmission timer (RFC 6298 5) and the probe of the tail (RFC 8985 7.2) are armed. */

import { RTO_MAX } from '../flight/rto.js';
import { TIMER_PROBE, TIMER_REORDER, TIMER_RTO } from '../flight/timers.js';
import type { Connection } from '../state/connection.js';

/** The retransmission timeout with its back-off (RFC 6298 5.5), ms. */
export function timeout(c: Connection): number {
  const { busy } = c;
  return Math.min(RTO_MAX, busy.rtt.rto * 2 ** busy.timers.backoff);
}

/** Arms the timer anew after the flight changed by an ACK (RFC 6298 5.3). */
export function armAfterAck(c: Connection, now: number): void {
  const { busy } = c;
  if (busy.timers.kind === TIMER_REORDER) return;
  if (busy.flight.head === undefined) {
    busy.timers.stop();
    return;
  }
  arm(c, now);
}

/**
 * Something was sent (RFC 6298 5.1). New data moves the probe of the tail (RFC 8985 7.2). Nothing moves a running
 * timeout.
 */
export function armAfterSend(c: Connection, now: number, newData: boolean): void {
  const { busy } = c;
  if (busy.timers.kind === TIMER_REORDER || (busy.timers.kind === TIMER_RTO && !(newData && probes(c)))) return;
  arm(c, now);
}

/** RFC 8985 7.2: one probe a tail, only while nothing is known to be lost. */
function probes(c: Connection): boolean {
  const { busy } = c;
  return (
    c.sackOk &&
    !busy.recovering &&
    !busy.tailProbe.active &&
    busy.timers.backoff === 0 &&
    busy.rtt.srtt > 0 &&
    busy.flight.sackedBytes === 0
  );
}

function arm(c: Connection, now: number): void {
  const { busy } = c;
  const rto = timeout(c);
  busy.timers.arm(TIMER_RTO, now + rto);
  if (!probes(c)) return;
  let pto = 2 * busy.rtt.srtt + 8;
  // A lone segment may wait for the peer's delayed ACK.
  if (busy.flight.pipe <= c.mss) pto += 200;
  // RFC 8985 7.2: where the timeout would come first, the probe takes its place, and does not reduce the window.
  busy.timers.arm(TIMER_PROBE, now + Math.min(pto, rto));
}
