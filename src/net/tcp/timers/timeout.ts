/**
 * What happens when no ACK comes: retransmission (RFC 6298), tail loss probe (8985 7), zero-window probe (9293
 * 3.8.6.1).
 */

import { TIMER_NONE, TIMER_PERSIST, TIMER_PROBE, TIMER_REORDER, TIMER_RTO } from '../flight/timers.js';
import { armAfterAck, timeout } from '../recovery/arm.js';
import { enterRecovery, rackDetect } from '../recovery/recovery.js';
import { PASSED_REMEMBERED, updateMss } from '../send/mss.js';
import { output, probeTail, probeWindow } from '../send/output.js';
import { FRTO_OFF, FRTO_WAITING } from '../state/busy.js';
import type { Connection } from '../state/connection.js';
import { CLOSED, SYN_RECEIVED, SYN_SENT } from '../state/states.js';

/** The MSS that passes everywhere (RFC 9293 3.7.1). */
const BLACK_HOLE_MSS = 536;
/** The MSS that is tried first, in bytes of data. */
const LARGE = 1200;
/** Retransmissions before trouble is reported (RFC 9293 SHLD-10). */
const R1 = 3;

/** The main timer fired. False: the connection is given up. */
export function onTimer(c: Connection, now: number): boolean {
  const { busy } = c;
  const kind = busy.timers.kind;
  busy.timers.stop();
  if (kind === TIMER_REORDER) {
    const lost = rackDetect(c, now);
    if (lost > 0) {
      busy.delivery.loses(lost);
      if (!busy.recovering) enterRecovery(c, now);
    }
    output(c, now);
    if (busy.timers.kind === TIMER_NONE) armAfterAck(c, now);
    return true;
  }
  if (kind === TIMER_PROBE) {
    probeTail(c, now);
    busy.timers.arm(TIMER_RTO, now + timeout(c));
    return true;
  }
  if (kind === TIMER_PERSIST) {
    // RFC 9293 MUST-37: as long as the peer answers probes, it may keep its window closed.
    if (busy.timers.persistBackoff > 3 && now - c.heardAt > c.userTimeout) return false;
    if (abandoned(c, now)) return false;
    probeWindow(c, now);
    return true;
  }
  if (kind === TIMER_RTO) return retransmit(c, now);
  return true;
}

/**
 * The owner has closed, and the peer takes nothing of what is left. It may not hold the connection without end by
 * answering probes with a closed window.
 */
function abandoned(c: Connection, now: number): boolean {
  const { busy } = c;
  return c.closing && now - Math.max(busy.stuckSince, busy.closedAt) > c.userTimeout;
}

function retransmit(c: Connection, now: number): boolean {
  const { busy } = c;
  const limits = c.layer.limits;
  if (c.state === SYN_SENT || c.state === SYN_RECEIVED) {
    if (busy.timers.backoff >= limits.synRetries) return false;
    busy.timers.timedOut();
    // RFC 9293 3.8.3 (a) for a SYN, too: the router may have died, and another one may lead there.
    if (busy.timers.backoff === R1) c.layer.ip.doubt(c.route, true);
    c.layer.opening.sendSyn(c, now);
    busy.timers.arm(TIMER_RTO, now + timeout(c));
    return true;
  }
  // RFC 9293 3.8.3 R2, RFC 5482. A peer that shrank its window to nothing, but answers, is tolerated (SHLD-17).
  const shut = c.sndWnd === 0;
  if (now - (shut ? c.heardAt : busy.stuckSince) > c.userTimeout || (shut && abandoned(c, now))) return false;
  const { flight } = busy;
  // RFC 5682 2.1: only the first timeout can turn out to have been needless.
  busy.frto = busy.recovering && busy.timedOut ? FRTO_OFF : FRTO_WAITING;
  if (!busy.recovering || !busy.timedOut) {
    busy.undo.reset();
  }
  busy.delivery.loses(flight.loseAll());
  busy.recovering = true;
  busy.timedOut = true;
  busy.recover = c.sndMax;
  busy.duplicates.forgetAcks();
  busy.tailProbe.stop();
  // RFC 6298 5.5.
  busy.timers.timedOut();
  busy.cc.onTimeout(c, now);
  if (busy.timers.backoff === R1) {
    // RFC 9293 3.8.3 (a): negative advice to IP, which resolves the next hop anew; SHLD-9: the owner gets a report.
    c.layer.ip.doubt(c.route);
    c.handler.trouble?.(c, 'no-answer');
    if ((c.state as number) === CLOSED) return true;
  }
  // Full-sized segments vanish again and again: a path with a smaller MTU and no ICMP (RFC 4821 7.7)? Smaller segments
  // are tried, and the path is blamed only when these pass. If segments of that size got through a moment ago, it is
  // loss.
  if (busy.timers.backoff >= 3 && flight.head !== undefined) {
    const size = Math.min((flight.head.end - flight.head.seq) | 0, c.mss);
    if (size > BLACK_HOLE_MSS && (c.route.passed < size || now - c.route.passedAt > PASSED_REMEMBERED)) {
      c.mssCap = size > LARGE ? LARGE : BLACK_HOLE_MSS;
      updateMss(c);
    }
  }
  output(c, now, true);
  busy.timers.arm(TIMER_RTO, now + timeout(c));
  return true;
}
