/**
 * Makes a connection from another program's record. Nothing in the record is trusted: a record that is not consistent
 * is refused, and the connection stays where it is.
 */
import { bytesIn, type FindMemory, rangesOf } from '../../../memory/pieces.js';
import { TIMER_NONE, TIMER_REORDER } from '../flight/timers.js';
import type { TcpLayer } from '../layer.js';
import { updateMss } from '../send/mss.js';
import { Connection } from '../state/connection.js';
import { CLOSE_WAIT, CLOSING, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, LAST_ACK } from '../state/states.js';
import { NONE } from '../tables/time-wait.js';
import { MOST_TRANSMISSIONS } from './freeze.js';
import { flowName } from './hand-over.js';
import {
  APP_LIMITED,
  BUSY_FLAGS,
  BUSY_NUMBERS,
  BUSY_TIMES,
  type BusyRecord,
  FLAGS,
  LOST,
  MOVE_VERSION,
  MOVE_WITH_BYTES,
  type MovingRecord,
  NUMBERS,
  putFlags,
  putNumbers,
  putTimes,
  RESENT,
  SACKED,
  TIMES,
} from './record.js';

/** ms by which the clocks of two programs may differ. */
const CLOCKS_DIFFER = 1000;

/** More than any window (RFC 7323 2.3). */
const LARGEST = 2 ** 30;

/**
 * A connection that no look-up finds until it is attached to `layer`. Undefined: the record is refused. `find`: the
 * memory of an id. Never throws.
 */
export function adopt(layer: TcpLayer, record: MovingRecord, find: FindMemory): Connection | undefined {
  if (!wellFormed(record)) return undefined;
  const name = flowName(layer.ip.peers, record.name);
  if (name === undefined) return undefined;
  const [remote, local, ports] = name;
  const owner = layer.listening.adopterOf(ports & 0xffff);
  const route = layer.ip.route(remote);
  if (owner === undefined || route === undefined || layer.departed !== undefined) return undefined;
  // A connection of that name may have begun here.
  if (layer.connections.get(remote, local, ports) !== undefined) return undefined;
  if (layer.listening.isHalfOpen(remote, local, ports)) return undefined;
  if (layer.waiting.find(remote, local, ports) !== NONE) return undefined;
  if (!layer.budget.admit()) return undefined;
  const c = new Connection(layer, route, local, remote, ports);
  // One clock was set by the other: they differ by the time that this took.
  const frozenAt = Math.min(record.at - layer.clocks.offset, layer.now);
  putNumbers(c, NUMBERS, record.numbers);
  putFlags(c, FLAGS, record.flags);
  putTimes(c, TIMES, record.times, frozenAt);
  c.sndMax = c.sndNxt;
  // RFC 7323 5.3: the peer drops a segment whose timestamp went back, even by one.
  const behind = (record.stamp - layer.clocks.stamp(c)) | 0;
  if (behind > CLOCKS_DIFFER) return undefined;
  if (behind > 0) c.tsOffset = (c.tsOffset + behind) | 0;
  if (!inOrder(c)) return undefined;
  // The MTU of the path is learnt anew. A size that did not pass in the old program is not tried again.
  const { mss } = c;
  updateMss(c);
  c.mss = Math.min(c.mss, mss);
  if (record.busy === undefined) {
    if (c.state !== ESTABLISHED || c.sndUna !== c.sndNxt || record.rested[0] <= 0) return undefined;
    c.rested = record.rested;
  } else if (!adoptBusy(c, record.busy, frozenAt, find)) {
    c.release();
    return undefined;
  }
  if (owner(c, record.owner, find)) return c;
  c.release();
  return undefined;
}

function adoptBusy(c: Connection, record: BusyRecord, frozenAt: number, find: FindMemory): boolean {
  const pieces = rangesOf(record.queue, find);
  if (pieces === undefined) return false;
  const queued = bytesIn(pieces);
  // Our FIN is one behind the queue, and may be acknowledged already.
  const left = (record.queueEnd - c.sndUna) | 0;
  if (queued !== Math.max(0, left) || left < (c.finSent ? -1 : 0)) return false;
  const unsent = (record.queueEnd - c.sndMax) | 0;
  if (c.finSent ? unsent !== -1 : unsent < 0) return false;
  const inFlight = record.flight.reduce((sum, [length]) => sum + length, 0);
  if (inFlight !== ((c.sndMax - c.sndUna) | 0)) return false;
  const { busy } = c;
  busy.cc.start(c, c.layer.now);
  putNumbers(busy, BUSY_NUMBERS, record.numbers);
  putFlags(busy, BUSY_FLAGS, record.flags);
  putTimes(busy, BUSY_TIMES, record.times, frozenAt);
  if (busy.timers.kind < TIMER_NONE || busy.timers.kind > TIMER_REORDER || busy.frto < 0 || busy.frto > 2) return false;
  // A connection that waits for an answer has a timer.
  const armed = busy.timers.at !== Number.POSITIVE_INFINITY;
  if (armed !== (busy.timers.kind !== TIMER_NONE) || (inFlight > 0 && !armed)) return false;
  [busy.rtt.srtt, busy.rtt.rttvar, busy.rtt.min, busy.rtt.latest] = record.rtt;
  busy.rtt.update();
  busy.cc.cwnd = Math.max(record.cwnd, c.mss);
  busy.cc.ssthresh = Math.max(record.ssthresh, 2 * c.mss);
  busy.queue.reset(left < 0 ? record.queueEnd : c.sndUna);
  for (const { memory, start, end } of pieces) busy.queue.push(memory, start, end);
  adoptFlight(c, record, frozenAt);
  return true;
}

function adoptFlight(c: Connection, record: BusyRecord, frozenAt: number): void {
  const { flight } = c.busy;
  let seq = c.sndUna;
  for (const [length, sent, delivered, deliveredAt, firstSent, inFlight, lostBefore, count, bits] of record.flight) {
    const one = c.layer.pool.take();
    one.seq = seq;
    one.end = seq = (seq + length) | 0;
    one.sentAt = sent + frozenAt;
    one.delivered = delivered;
    one.deliveredAt = deliveredAt + frozenAt;
    one.firstSentAt = firstSent + frozenAt;
    one.txInFlight = inFlight;
    one.lostBefore = lostBefore;
    one.appLimited = (bits & APP_LIMITED) !== 0;
    one.sacked = one.lost = one.resent = false;
    flight.append(one);
    if ((bits & SACKED) !== 0) flight.markSacked(one);
    else if ((bits & LOST) !== 0) {
      flight.markLost(one);
      if ((bits & RESENT) !== 0) flight.markResent(one);
    }
    one.count = count;
  }
  flight.sortByTime();
}

/** Sequence variables that can be so (RFC 9293 3.3.1), and a state that says what the flags say. */
function inOrder(c: Connection): boolean {
  const { state } = c;
  if (!(state >= ESTABLISHED && state <= LAST_ACK)) return false;
  const closes = state === FIN_WAIT_1 || state === FIN_WAIT_2 || state === CLOSING || state === LAST_ACK;
  const closed = state === CLOSE_WAIT || state === CLOSING || state === LAST_ACK;
  if (c.closing !== closes || c.finReceived !== closed || (c.finSent && !closes)) return false;
  const acknowledged = c.finSent && c.sndUna === c.sndNxt;
  // FIN-WAIT-2 has a time to wait, and in the others an acknowledged FIN has its end.
  if (acknowledged !== (state === FIN_WAIT_2)) return false;
  if (state === FIN_WAIT_2 && c.lifeAt === Number.POSITIVE_INFINITY) return false;
  const inFlight = (c.sndNxt - c.sndUna) | 0;
  const window = (c.rcvAdv - c.rcvNxt) | 0;
  if (inFlight < 0 || inFlight > LARGEST || window < -1 || window > LARGEST) return false;
  if (!within(c.sndScale, 0, 14) || !within(c.rcvScale, 0, 14) || !within(c.sndWnd, 0, LARGEST)) return false;
  if (!within(c.mss, 1, 0xffff) || !within(c.peerMss, 1, 0xffff) || !within(c.mssCap, 1, 0xffff)) return false;
  return within(c.rcvMss, 1, 0xffff) && within(c.tos, 0, 255) && within(c.userTimeout, 1, 2 ** 31);
}

function within(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}

function wellFormed(record: MovingRecord): boolean {
  if (typeof record !== 'object' || record === null) return false;
  const { busy, rested } = record;
  if (record.version !== MOVE_VERSION && record.version !== MOVE_WITH_BYTES) return false;
  if (!numbers([record.at, record.stamp], 2)) return false;
  if (!numbers(record.numbers, NUMBERS.length) || !numbers(record.flags, FLAGS.length)) return false;
  if (!times(record.times, TIMES.length) || !numbers(rested, 4) || rested.some((one) => one < 0)) return false;
  if (busy === undefined) return true;
  if (typeof busy !== 'object' || busy === null) return false;
  if (!numbers(busy.numbers, BUSY_NUMBERS.length) || !numbers(busy.flags, BUSY_FLAGS.length)) return false;
  if (!times(busy.times, BUSY_TIMES.length) || !numbers(busy.rtt, 4) || busy.rtt.some((one) => one < 0)) return false;
  if (!numbers([busy.cwnd, busy.ssthresh, busy.queueEnd], 3) || !Array.isArray(busy.queue)) return false;
  if (!Array.isArray(busy.flight) || busy.flight.length > MOST_TRANSMISSIONS) return false;
  return busy.flight.every((one) => numbers(one, 9) && Number.isInteger(one[0]) && one[0] > 0);
}

function numbers(list: unknown, length: number): boolean {
  return Array.isArray(list) && list.length === length && list.every((one) => Number.isFinite(one));
}

function times(list: unknown, length: number): boolean {
  return Array.isArray(list) && list.length === length && list.every((one) => one === null || Number.isFinite(one));
}
