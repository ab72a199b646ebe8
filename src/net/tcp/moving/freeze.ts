/**
 * What of a connection goes to another program. A connection that is in the middle of something that is not here stays.
 */
import type { Memory } from '../../../memory/memory.js';
import type { Sent } from '../flight/sent.js';
import type { Connection } from '../state/connection.js';
import { carriedName } from '../state/departure.js';
import { CLOSED, ESTABLISHED } from '../state/states.js';
import {
  APP_LIMITED,
  BUSY_FLAGS,
  BUSY_NUMBERS,
  BUSY_TIMES,
  type BusyRecord,
  FLAGS,
  flagsOf,
  LOST,
  MOVE_VERSION,
  type MovingRecord,
  NUMBERS,
  numbersOf,
  type Piece,
  RESENT,
  SACKED,
  TIMES,
  type Transmission,
  timesOf,
} from './record.js';

/** Bytes without a name that go along with one connection. */
const MOST_BYTES = 256 * 1024;
/** Transmissions in flight; a window of super-segments has a few dozen. */
export const MOST_TRANSMISSIONS = 4096;

/** Whether TCP has nothing by it that would be lost on the way. */
export function movable(c: Connection): boolean {
  if (c.state < ESTABLISHED || c.state === CLOSED || !c.fromPassive || c.dirty) return false;
  if (c.heldBytes > 0 || c.sndNxt !== c.sndMax || c.handler.freeze === undefined) return false;
  if (c.resting) return true;
  const { busy } = c;
  if (busy.reassembly !== undefined || busy.held !== undefined || busy.finPending) return false;
  if (busy.urgent.receiving || busy.urgent.sending || busy.flight.records > MOST_TRANSMISSIONS) return false;
  return contiguous(c);
}

/** The flight is all that lies between `sndUna` and `sndMax`. */
function contiguous(c: Connection): boolean {
  let next = c.sndUna;
  const { flight } = c.busy;
  for (let i = 0; i < flight.records; i++) {
    const one = flight.at(i);
    if (one.seq !== next) return false;
    next = one.end;
  }
  return next === c.sndMax;
}

/** The memories that its queue refers to. */
export function memoriesOf(c: Connection): Set<Memory> {
  const found = new Set<Memory>();
  if (!c.resting) for (const { memory } of c.busy.queue.from(c.sndUna)) found.add(memory);
  return found;
}

/**
 * The record of a `movable` connection, whose owner asks nothing of it any more. `idOf`: how the other program knows a
 * memory. Undefined: it stays, and nothing has changed.
 */
export function freeze(c: Connection, idOf: (memory: Memory) => string | undefined): MovingRecord | undefined {
  const { now, clockOffset } = c.layer;
  let busy: BusyRecord | undefined;
  if (!c.resting) {
    const queue = piecesOf(c, idOf);
    if (queue === undefined) return undefined;
    busy = busyRecord(c, queue, now);
  }
  const owner = c.handler.freeze?.(c);
  if (owner === undefined) return undefined;
  return {
    version: MOVE_VERSION,
    name: carriedName(c.layer.ip.peers, c),
    at: now + clockOffset,
    stamp: c.layer.timestamp(c, now),
    numbers: numbersOf(c, NUMBERS),
    flags: flagsOf(c, FLAGS),
    times: timesOf(c, TIMES, now),
    rested: c.rested,
    busy,
    owner,
  };
}

function busyRecord(c: Connection, queue: Piece[], now: number): BusyRecord {
  const { busy } = c;
  const { rtt, cc } = busy;
  const flight: Transmission[] = [];
  for (let i = 0; i < busy.flight.records; i++) flight.push(transmission(busy.flight.at(i), now));
  return {
    numbers: numbersOf(busy, BUSY_NUMBERS),
    flags: flagsOf(busy, BUSY_FLAGS),
    times: timesOf(busy, BUSY_TIMES, now),
    rtt: [rtt.srtt, rtt.rttvar, rtt.min, rtt.latest],
    cwnd: Math.floor(cc.cwnd),
    ssthresh: Math.floor(cc.ssthresh),
    queueEnd: busy.queue.end,
    queue,
    flight,
  };
}

function transmission(one: Sent, now: number): Transmission {
  const bits =
    (one.sacked ? SACKED : 0) | (one.lost ? LOST : 0) | (one.resent ? RESENT : 0) | (one.appLimited ? APP_LIMITED : 0);
  return [
    (one.end - one.seq) | 0,
    one.sentAt - now,
    one.delivered,
    one.deliveredAt - now,
    one.firstSentAt - now,
    one.txInFlight,
    one.lostBefore,
    one.count,
    bits,
  ];
}

function piecesOf(c: Connection, idOf: (memory: Memory) => string | undefined): Piece[] | undefined {
  const pieces: Piece[] = [];
  let copied = 0;
  for (const { memory, start, end } of c.busy.queue.from(c.sndUna)) {
    const id = idOf(memory);
    if (id !== undefined) pieces.push({ id, start, end });
    else {
      copied += end - start;
      if (copied > MOST_BYTES) return undefined;
      pieces.push({ bytes: memory.bytes.slice(start, end) });
    }
  }
  return pieces;
}
