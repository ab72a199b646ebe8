/**
 * The parts of a connection that go to another program. A connection stays if it is in the middle of something that is
 * not part of its record.
 */
import type { Memory } from '../../../memory/memory.js';
import { Carrier, type Piece } from '../../../memory/pieces.js';
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
  MOVE_WITH_BYTES,
  type MovingRecord,
  NUMBERS,
  numbersOf,
  RESENT,
  SACKED,
  TIMES,
  type Transmission,
  timesOf,
} from './record.js';

/** Most bytes outside of named memories that go along with one connection: as text, and as they are. */
const MOST_TEXT = 256 * 1024;
const MOST_BYTES = 4 * 1024 * 1024;
/** Transmissions in flight; a window of super-segments has a few dozen. */
export const MOST_TRANSMISSIONS = 4096;

/** Whether TCP can move the connection without losing anything. */
export function movable(c: Connection): boolean {
  if (c.state < ESTABLISHED || c.state === CLOSED || !c.fromPassive || c.dirty) return false;
  if (c.heldBytes > 0 || c.sndNxt !== c.sndMax || c.handler.freeze === undefined) return false;
  if (c.resting) return true;
  const { busy } = c;
  if (busy.reassembly !== undefined || busy.held !== undefined || busy.finPending) return false;
  if (busy.urgent?.due === true || busy.flight.records > MOST_TRANSMISSIONS) return false;
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

/** The memories that its queue, and its owner's, refer to. */
export function memoriesOf(c: Connection): Set<Memory> {
  const found = new Set<Memory>(c.handler.memories?.(c));
  if (!c.resting) for (const { memory } of c.busy.queue.from(c.sndUna)) found.add(memory);
  return found;
}

/** A record, and the bytes without a name that it takes along. */
export interface FrozenRecord {
  readonly record: MovingRecord;
  readonly bytes: number;
}

/**
 * The record of a `movable` connection, whose owner asks nothing of it any more. `idOf`: the id of a memory in the
 * other program. `version`: the newest that the other program takes. Undefined: the connection stays, and nothing has
 * changed.
 */
export function freeze(
  c: Connection,
  idOf: (memory: Memory) => string | undefined,
  version: number = MOVE_VERSION,
): FrozenRecord | undefined {
  const { now, clocks } = c.layer;
  const withBytes = version >= MOVE_WITH_BYTES;
  const carrier = new Carrier(idOf, withBytes ? MOST_BYTES : MOST_TEXT);
  let busy: BusyRecord | undefined;
  if (!c.resting) {
    const queue = carrier.pieces(c.busy.queue.from(c.sndUna));
    if (queue === undefined) return undefined;
    busy = busyRecord(c, queue, now);
  }
  const owner = c.handler.freeze?.(c, withBytes ? carrier : undefined);
  if (owner === undefined) return undefined;
  const record = {
    version: withBytes ? MOVE_WITH_BYTES : MOVE_VERSION,
    name: carriedName(c.layer.ip.peers, c),
    at: now + clocks.offset,
    stamp: clocks.timestamp(c, now),
    numbers: numbersOf(c, NUMBERS),
    flags: flagsOf(c, FLAGS),
    times: timesOf(c, TIMES, now),
    rested: c.rested,
    busy,
    owner,
  };
  return { record, bytes: carrier.copied };
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
