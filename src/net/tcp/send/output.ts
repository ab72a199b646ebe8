/** Sends what may be sent: lost segments first, then new data, then FIN, then an ACK if one is still due. */
import { ACK, FIN } from '../../wire/tcp.js';
import { MOST_RECORDS } from '../flight/in-flight.js';
import type { Sent } from '../flight/sent.js';
import { TIMER_NONE, TIMER_PERSIST } from '../flight/timers.js';
import { after, before } from '../numbers/sequence.js';
import { armAfterSend } from '../recovery/arm.js';
import { inNetwork } from '../recovery/recovery.js';
import { FRTO_PROBING } from '../state/busy.js';
import type { Connection } from '../state/connection.js';
import { CLOSED, ESTABLISHED } from '../state/states.js';
import { emit, sendAck } from './emit.js';
import { SMALL_MSS, SMALL_MSS_SEGMENTS } from './mss.js';

/** Remembers what delivery-rate estimation and RACK need of a transmission. */
function stamp(c: Connection, one: Sent, now: number): void {
  const { busy } = c;
  one.sentAt = now;
  if (!busy.cc.rates) return;
  busy.delivery.stamp(one, busy.flight.head === undefined || busy.flight.pipe === 0, now);
}

/** Largest piece to send at once: whole segments, bounded by the device, and by a millisecond of pacing. */
function burst(c: Connection): number {
  const { busy } = c;
  const most = c.layer.ip.offload.segmentation;
  // An urgent pointer counts from its own segment: the device may not cut that segment.
  if (most === 0 || busy.urgent?.sending === true) return c.mss;
  let bytes = most - 120;
  if (busy.cc.pacingRate > 0) bytes = Math.min(bytes, Math.max(busy.cc.pacingRate, 2 * c.mss));
  return Math.max(c.mss, bytes - (bytes % c.mss));
}

/** What congestion control lets be in flight. */
function allowance(c: Connection): number {
  const { busy } = c;
  const window = busy.recovering && !busy.timedOut ? busy.cc.recoveryWindow(busy.prr.window) : busy.cc.cwnd;
  return c.mss < SMALL_MSS ? Math.min(window, c.mss * SMALL_MSS_SEGMENTS) : window;
}

function paced(c: Connection, bytes: number, now: number): void {
  const { busy } = c;
  if (busy.cc.pacingRate > 0) busy.timers.pace(bytes, busy.cc.pacingRate, now);
}

/** `force`: one segment leaves whatever the window says (after a timeout). */
export function output(c: Connection, now: number, force = false): void {
  const { busy } = c;
  if (c.state < ESTABLISHED || c.state === CLOSED) return;
  let first = force;
  // RFC 2018 4: each ACK reports what came out of order; a segment of data has no room for that report.
  if (c.ackNow && (busy.dsackLeft !== busy.dsackRight || (busy.reassembly !== undefined && !busy.reassembly.empty)))
    sendAck(c);
  const before_ = c.sndNxt;
  if (
    busy.flight.head === undefined &&
    busy.queue.end !== c.sndNxt &&
    c.sentAt !== 0 &&
    now - c.sentAt > busy.rtt.rto
  ) {
    busy.cc.onIdle(c, now - c.sentAt, now);
  }
  for (;;) {
    if (busy.cc.pacingRate > 0 && busy.timers.pacedUntil > now + 1 && !first) {
      busy.timers.waitForPace();
      break;
    }
    let room = allowance(c) - inNetwork(c);
    // RFC 5682 2.1 step 2b: two new segments at most.
    if (busy.frto === FRTO_PROBING) room = Math.min(room, 2 * c.mss - ((c.sndNxt - busy.recover) | 0));
    // F-RTO (RFC 5682 2.1 step 2b) tries new data before it believes that the old is lost.
    const lost = busy.frto === FRTO_PROBING ? undefined : busy.flight.firstLost();
    if (lost !== undefined) {
      const size = (lost.end - lost.seq) | 0;
      let take = Math.min(size, burst(c));
      if (!first) {
        if (room < Math.min(take, c.mss)) break;
        // RFC 9293 SHLD-16: if the window shrank, only what it still covers. The timer goes on asking.
        take = coveredByWindow(c, lost, take);
        if (take <= 0) break;
        if (take > room) take = Math.max(c.mss, room - (room % c.mss));
      } else {
        // A window that shrank lets out what it still covers (SHLD-16); a window that is shut is probed with a whole
        // segment (MAY-7).
        const left = coveredByWindow(c, lost, Math.min(take, c.mss));
        take = Math.min(take, left > 0 ? left : c.mss);
      }
      resend(c, lost, Math.min(size, take), now);
      first = false;
      continue;
    }
    if (!sendNew(c, room, now)) break;
    first = false;
  }
  busy.cwndLimited = allowance(c) - inNetwork(c) < c.mss;
  if (c.sndNxt !== before_) c.quickAcks = Math.max(c.quickAcks - 1, 0);
  // Nothing more to send while the window has room: the samples that follow measure the application, not the path.
  if (busy.cc.rates && busy.queue.end === c.sndMax && !busy.cwndLimited && busy.flight.lostBytes === 0) {
    busy.delivery.limitedByApplication(busy.flight.pipe);
  }
  if (c.ackNow) sendAck(c);
  armPersist(c, now);
}

/**
 * How many of the first `take` bytes of what is lost the peer's window covers. Less than a segment is allowed only at
 * the head of the flight, where it is acknowledged and gone before the next one. Otherwise the peer's window would
 * decide how finely we cut what is in flight.
 */
function coveredByWindow(c: Connection, lost: Sent, take: number): number {
  const left = (c.sndUna + c.sndWnd - lost.seq) | 0;
  if (left >= take || lost === c.busy.flight.head) return Math.min(left, take);
  return left - (left % c.mss);
}

function resend(c: Connection, one: Sent, length: number, now: number): void {
  const { busy } = c;
  const { flight } = busy;
  if (((one.end - one.seq) | 0) > length) flight.split(one, (one.seq + length) | 0);
  const fin = c.finSent && one.end === c.sndMax && after(one.end, busy.queue.end);
  const data = (one.end - one.seq - (fin ? 1 : 0)) | 0;
  const taken = emit(c, one.seq, data, fin ? ACK | FIN : ACK);
  if (taken < data) flight.split(one, (one.seq + taken) | 0);
  flight.markResent(one);
  stamp(c, one, now);
  const size = (one.end - one.seq) | 0;
  busy.prr.sent(size);
  busy.undo.resent(c.layer.clocks.timestamp(c, now));
  c.retransmissions++;
  c.layer.counters.retransmissions++;
  c.sentAt = now;
  paced(c, size, now);
  armAfterSend(c, now, false);
}

/** One segment (or super-segment) of new data. False: nothing can go now. */
function sendNew(c: Connection, room: number, now: number): boolean {
  const { busy } = c;
  const available = (busy.queue.end - c.sndNxt) | 0;
  const finDue = c.closing && !c.finSent;
  if (available <= 0) {
    if (!finDue || available < 0) return false;
    return transmit(c, 0, true, now);
  }
  if (busy.flight.records >= MOST_RECORDS) return false;
  // No more segments than records, so that no loss pattern of a peer can cut the flight into more.
  const window = (c.sndUna + Math.min(c.sndWnd, MOST_RECORDS * c.mss) - c.sndNxt) | 0;
  let take = Math.min(available, window, burst(c));
  if (take <= 0) return false;
  if (take > room) {
    take = room - (room % c.mss);
    if (take <= 0) return false;
  }
  if (take < available && take % c.mss !== 0) {
    if (take > c.mss) take -= take % c.mss;
    // RFC 9293 3.8.6.2.1: less than a segment goes only when it is a large part of the largest window seen.
    else if (take < c.maxSndWnd / 2) return false;
  }
  // RFC 9293 3.7.4: less than a segment waits for the ACK of what is in flight, if the owner asked for that.
  if (c.nagle && take < c.mss && busy.flight.head !== undefined && !finDue) return false;
  return transmit(c, take, finDue && take === available, now);
}

function transmit(c: Connection, length: number, fin: boolean, now: number): boolean {
  const { busy } = c;
  const seq = c.sndNxt;
  let withFin = fin;
  let taken = 0;
  if (length > 0) {
    taken = emit(c, seq, length, fin ? ACK | FIN : ACK, true);
    if (taken < length) withFin = false;
  } else emit(c, seq, 0, ACK | FIN);
  // After the calls that may fail: a record that is in no flight would never be given back.
  const one = c.layer.pool.take();
  stamp(c, one, now);
  one.seq = seq;
  one.end = (seq + taken + (withFin ? 1 : 0)) | 0;
  one.sacked = one.lost = one.resent = false;
  one.count = 1;
  if (busy.flight.head === undefined) busy.stuckSince = now;
  busy.flight.append(one);
  one.txInFlight = busy.flight.pipe;
  c.sndNxt = one.end;
  if (before(c.sndMax, c.sndNxt)) c.sndMax = c.sndNxt;
  if (withFin) c.finSent = true;
  if (busy.recovering) busy.prr.sent(taken);
  c.sentAt = now;
  busy.cc.onSend(c, taken, now);
  paced(c, taken, now);
  armAfterSend(c, now, true);
  return true;
}

/** RFC 8985 7.3: new data if the window allows, else the last segment again. */
export function probeTail(c: Connection, now: number): void {
  const { busy } = c;
  busy.tailProbe.begin();
  const available = (busy.queue.end - c.sndNxt) | 0;
  const window = (c.sndUna + c.sndWnd - c.sndNxt) | 0;
  if (available > 0 && window >= Math.min(available, c.mss)) {
    transmit(c, Math.min(available, c.mss, window), false, now);
  } else {
    // What was SACKed is one record: the record before it was not SACKed.
    const { flight } = busy;
    let last = flight.tail;
    if (last?.sacked) last = flight.records > 1 ? flight.at(flight.records - 2) : undefined;
    if (last === undefined) return;
    const size = (last.end - last.seq) | 0;
    if (size > c.mss) last = flight.split(last, (last.end - c.mss) | 0);
    flight.markLost(last);
    busy.tailProbe.repeats();
    resend(c, last, (last.end - last.seq) | 0, now);
  }
  busy.tailProbe.sent(c.sndNxt);
}

/** RFC 9293 3.8.6.1: with nothing in flight and a window that takes nothing, ask whether it has opened. */
function armPersist(c: Connection, now: number): void {
  const { busy } = c;
  const waiting = busy.flight.head === undefined && ((busy.queue.end - c.sndNxt) | 0) > 0;
  if (!waiting) {
    if (busy.timers.kind === TIMER_PERSIST) {
      busy.timers.stop();
    }
    if (c.sndWnd > 0) busy.timers.windowOpened();
    return;
  }
  if (busy.timers.kind !== TIMER_NONE) return;
  busy.timers.arm(TIMER_PERSIST, now + Math.min(60_000, busy.rtt.rto * 2 ** busy.timers.persistBackoff));
}

/**
 * Sends what the small window takes, even against the rules for silly windows. A window that is shut gets a segment
 * without data.
 */
export function probeWindow(c: Connection, now: number): void {
  const { busy } = c;
  busy.timers.windowProbed();
  const available = (busy.queue.end - c.sndNxt) | 0;
  const window = (c.sndUna + c.sndWnd - c.sndNxt) | 0;
  if (window > 0) transmit(c, Math.min(available, window, c.mss), false, now);
  else {
    // An old sequence number draws an ACK without risking that the byte is taken.
    emit(c, (c.sndUna - 1) | 0, 0, ACK);
    busy.timers.stop();
    armPersist(c, now);
  }
}

/** RFC 9293 3.8.4: an old sequence number and no data (SHLD-12) draw an ACK from a peer that is still there. */
export function probeKeepAlive(c: Connection): void {
  emit(c, (c.sndUna - 1) | 0, 0, ACK);
}
