/** What happens when nothing happens: retransmission (RFC 6298), tail loss probe (8985 7), zero-window probe (9293 3.8.6.1). */
import type { Connection } from './connection.js';
import {
  FRTO_OFF,
  FRTO_WAITING,
  TIMER_NONE,
  TIMER_PERSIST,
  TIMER_PROBE,
  TIMER_REORDER,
  TIMER_RTO,
} from './connection.js';
import { output, probeTail, probeWindow } from './output.js';
import { rackDetect } from './rack.js';
import { RTO_MAX } from './rto.js';
import { CLOSED, SYN_RECEIVED, SYN_SENT } from './state.js';

/** What passes everywhere (RFC 9293 3.7.1). */
const BLACK_HOLE_MSS = 536;
/** Retransmissions before trouble is told of (RFC 9293 SHLD-10). */
const R1 = 3;

function timeout(c: Connection): number {
  return Math.min(RTO_MAX, c.rtt.rto * 2 ** c.backoff);
}

/** Arms the timer anew after the flight changed by an ACK (RFC 6298 5.3). */
export function armAfterAck(c: Connection, now: number): void {
  if (c.timer === TIMER_REORDER) return;
  if (c.flight.head === undefined) {
    c.timer = TIMER_NONE;
    c.timerAt = Number.POSITIVE_INFINITY;
    return;
  }
  arm(c, now);
}

/** Something was sent (RFC 6298 5.1). New data moves the probe of the tail (RFC 8985 7.2), nothing moves a running timeout. */
export function armAfterSend(c: Connection, now: number, newData: boolean): void {
  if (c.timer === TIMER_REORDER || (c.timer === TIMER_RTO && !(newData && probes(c)))) return;
  arm(c, now);
}

/** RFC 8985 7.2: one probe a tail, only while nothing is known to be lost. */
function probes(c: Connection): boolean {
  return c.sackOk && !c.recovering && !c.tlpActive && c.backoff === 0 && c.rtt.srtt > 0 && c.flight.sackedBytes === 0;
}

function arm(c: Connection, now: number): void {
  const rto = timeout(c);
  c.timer = TIMER_RTO;
  c.timerAt = now + rto;
  if (!probes(c)) return;
  let pto = 2 * c.rtt.srtt + 8;
  // A lone segment may wait for the peer's delayed ACK.
  if (c.flight.pipe <= c.mss) pto += 200;
  if (pto < rto) {
    c.timer = TIMER_PROBE;
    c.timerAt = now + pto;
  }
}

/** The main timer fired. False: the connection is given up. */
export function onTimer(c: Connection, now: number): boolean {
  const kind = c.timer;
  c.timer = TIMER_NONE;
  c.timerAt = Number.POSITIVE_INFINITY;
  if (kind === TIMER_REORDER) {
    const lost = rackDetect(c, now);
    if (lost > 0) {
      c.lostTotal += lost;
      if (!c.recovering) c.layer.enterRecovery(c, now);
    }
    output(c, now);
    if (c.timer === TIMER_NONE) armAfterAck(c, now);
    return true;
  }
  if (kind === TIMER_PROBE) {
    probeTail(c, now);
    c.timer = TIMER_RTO;
    c.timerAt = now + timeout(c);
    return true;
  }
  if (kind === TIMER_PERSIST) {
    // RFC 9293 MUST-37: as long as the peer answers probes, it may keep its window closed.
    if (c.persistBackoff > 3 && now - c.heardAt > c.userTimeout) return false;
    if (abandoned(c, now)) return false;
    probeWindow(c, now);
    return true;
  }
  if (kind === TIMER_RTO) return retransmit(c, now);
  return true;
}

/**
 * The owner has said its last word, and the peer takes nothing of it: it may not hold us for ever by answering probes with a
 * closed window.
 */
function abandoned(c: Connection, now: number): boolean {
  return c.closing && now - Math.max(c.stuckSince, c.closedAt) > c.userTimeout;
}

function retransmit(c: Connection, now: number): boolean {
  const limits = c.layer.limits;
  if (c.state === SYN_SENT || c.state === SYN_RECEIVED) {
    if (c.backoff >= limits.synRetries) return false;
    c.backoff++;
    c.layer.sendSyn(c, now);
    c.timer = TIMER_RTO;
    c.timerAt = now + timeout(c);
    return true;
  }
  // RFC 9293 3.8.3 R2, RFC 5482. A peer that shrank its window to nothing, but answers, is borne (SHLD-17).
  const shut = c.sndWnd === 0;
  if (now - (shut ? c.heardAt : c.stuckSince) > c.userTimeout || (shut && abandoned(c, now))) return false;
  const flight = c.flight;
  // RFC 5682 2.1: only the first timeout can turn out to have been needless.
  c.frto = c.recovering && c.timedOut ? FRTO_OFF : FRTO_WAITING;
  if (!c.recovering || !c.timedOut) {
    c.undoRetransmissions = 0;
    c.retransmitTs = 0;
  }
  let lost = 0;
  for (let one = flight.head; one !== undefined; one = one.next) {
    // RFC 2018 8: what was SACKed may have been dropped by the receiver, if the head is.
    if (one.sacked && one === flight.head) flight.unsack(one);
    if (one.sacked || (one.lost && !one.resent)) continue;
    flight.markLost(one);
    lost += (one.end - one.seq) | 0;
  }
  c.lostTotal += lost;
  c.recovering = true;
  c.timedOut = true;
  c.recover = c.sndMax;
  c.dupAcks = 0;
  c.tlpActive = false;
  // RFC 6298 5.5.
  c.backoff++;
  c.cc.onTimeout(c, now);
  if (c.backoff === R1) {
    // RFC 9293 3.8.3 (a): negative advice to IP, which asks anew who the next hop is; SHLD-9: the owner hears of it.
    c.layer.ip.doubt(c.route);
    c.handler.trouble?.(c, 'no-answer');
    if ((c.state as number) === CLOSED) return true;
  }
  // Full-sized segments that vanish again and again: a path with a smaller MTU and no ICMP (RFC 4821 7.7)? Smaller ones
  // try; the path is blamed only when they pass.
  if (c.backoff >= 3 && c.mss > BLACK_HOLE_MSS) {
    c.mssCap = c.mss > 1200 ? 1200 : BLACK_HOLE_MSS;
    c.layer.updateMss(c);
  }
  output(c, now, true);
  c.timer = TIMER_RTO;
  c.timerAt = now + timeout(c);
  return true;
}
