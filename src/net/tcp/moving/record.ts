/**
 * A connection on its way to another program: plain values, so that any transport can carry it. Sequence variables are
 * as they are. Times are ms after the moment of the freeze, negative ones before it. Queued data is named, not copied,
 * where it lies in memory that the other program can open, too.
 */
import type { Piece } from '../../../memory/pieces.js';
import type { BusyState } from '../state/busy.js';
import type { Connection } from '../state/connection.js';
import type { CarriedName } from '../state/departure.js';

/** Both programs must have it: a record that JSON can carry. */
export const MOVE_VERSION = 1;
/** What the owner answers may have bytes in it: keys, ciphertext, frames. Programs from before TLS moved take none. */
export const MOVE_WITH_BYTES = 2;

/** Names of fields of `T` with a value of type `V`. */
type Own<T, V> = { [K in keyof T & string]: T[K] extends V ? K : never }[keyof T & string];
/** The same, and those of its parts: `part.field`. */
type Deep<T, V> =
  | Own<T, V>
  | { [K in keyof T & string]: T[K] extends object ? `${K}.${Own<T[K], V>}` : never }[keyof T & string];

/** Fields of a connection that go along as they are. The order is what both programs agree on. */
export const NUMBERS = [
  ...(['state', 'iss', 'sndUna', 'sndNxt', 'sndWnd', 'sndWl1', 'sndWl2', 'maxSndWnd', 'sndScale', 'rcvScale'] as const),
  ...(['mss', 'peerMss', 'mssCap', 'irs', 'rcvNxt', 'rcvAdv', 'lastAckSent', 'tsRecent', 'tsOffset'] as const),
  ...(['retransmissions', 'keepAliveInterval', 'keepAliveProbes', 'unacked', 'quickAcks', 'rcvMss'] as const),
  ...(['tos', 'userTimeout'] as const),
] as const satisfies readonly Own<Connection, number>[];
export const FLAGS = [
  ...([
    'timestamps',
    'sackOk',
    'ecn',
    'eceDue',
    'cwrDue',
    'ackNow',
    'finReceived',
    'closing',
    'readingEnded',
    'nagle',
  ] as const),
  ...(['finSent', 'aboveLowWater', 'paused'] as const),
] as const satisfies readonly Own<Connection, boolean>[];
export const TIMES = ['heardAt', 'sentAt', 'lifeAt'] as const satisfies readonly Own<Connection, number>[];
/** The same of what a busy connection is lent. */
export const BUSY_NUMBERS = [
  ...(['delivery.delivered', 'delivery.lost', 'delivery.lostTold', 'delivery.appLimitedUntil', 'recover'] as const),
  ...(['duplicates.acks', 'prr.delivered', 'prr.out', 'prr.window', 'prr.flightSize'] as const),
  ...(['undo.retransmissions', 'undo.firstStamp', 'rack.end', 'rack.rtt', 'rack.reorderingSteps'] as const),
  ...(['rack.reorderingRound', 'rack.fack', 'tailProbe.end', 'timers.backoff', 'ecnRecover', 'frto'] as const),
  ...(['timers.kind', 'timers.persistBackoff', 'dsackLeft', 'dsackRight'] as const),
] as const satisfies readonly Deep<BusyState, number>[];
export const BUSY_FLAGS = [
  ...(['cwndLimited', 'recovering', 'timedOut', 'rack.reorderingSeen', 'tailProbe.active'] as const),
  ...(['tailProbe.retransmitted'] as const),
] as const satisfies readonly Deep<BusyState, boolean>[];
export const BUSY_TIMES = [
  ...([
    'delivery.deliveredAt',
    'delivery.firstSentAt',
    'rack.sentAt',
    'timers.pacedUntil',
    'stuckSince',
    'closedAt',
  ] as const),
  ...(['timers.at', 'timers.delayedAckAt', 'timers.pacingAt'] as const),
] as const satisfies readonly Deep<BusyState, number>[];

/** Times that are `Infinity` when there is none. The other times are 0 then. */
const NEVER: ReadonlySet<string> = new Set(['lifeAt', 'timers.at', 'timers.delayedAckAt', 'timers.pacingAt']);

/**
 * A transmission that is not acknowledged: its length and when it was sent; `delivered`, when that was, and when its
 * flight began; `txInFlight`, `lostBefore`; how often it was sent; and bits.
 */
export type Transmission = readonly [number, number, number, number, number, number, number, number, number];

export const SACKED = 1;
export const LOST = 2;
export const RESENT = 4;
export const APP_LIMITED = 8;

/** What a connection that does not rest has in addition. */
export interface BusyRecord {
  readonly numbers: readonly number[];
  readonly flags: readonly (0 | 1)[];
  readonly times: readonly (number | null)[];
  /** Smoothed, deviating, least and latest RTT, ms. */
  readonly rtt: readonly [number, number, number, number];
  readonly cwnd: number;
  readonly ssthresh: number;
  /** Sequence number behind the last byte that is queued. */
  readonly queueEnd: number;
  /** From `sndUna` on. */
  readonly queue: readonly Piece[];
  /** From `sndUna` on, one right behind the other. */
  readonly flight: readonly Transmission[];
}

export interface MovingRecord {
  readonly version: number;
  readonly name: CarriedName;
  /** The moment of the freeze, by the clock of sequence numbers and timestamps, which both programs have; ms. */
  readonly at: number;
  /** Our timestamp at that moment (RFC 7323 5.4). */
  readonly stamp: number;
  readonly numbers: readonly number[];
  readonly flags: readonly (0 | 1)[];
  readonly times: readonly (number | null)[];
  /** As `Connection.rested`. */
  readonly rested: readonly [number, number, number, number];
  /** Undefined: it rests. */
  readonly busy?: BusyRecord | undefined;
  /** What the owner answered to `freeze`. */
  readonly owner: unknown;
}

function fieldOf(object: object, field: string): unknown {
  const [name, inner] = field.split('.');
  const value = (object as Record<string, unknown>)[name];
  return inner === undefined ? value : (value as Record<string, unknown>)[inner];
}

function put(object: object, field: string, value: unknown): void {
  const [name, inner] = field.split('.');
  if (inner === undefined) (object as Record<string, unknown>)[name] = value;
  else (object as Record<string, Record<string, unknown>>)[name][inner] = value;
}

/** `object`'s `fields`, in their order; `part.field` is one of a part of it. */
export function numbersOf(object: object, fields: readonly string[]): number[] {
  return fields.map((field) => fieldOf(object, field) as number);
}

export function flagsOf(object: object, fields: readonly string[]): (0 | 1)[] {
  return fields.map((field) => (fieldOf(object, field) === true ? 1 : 0));
}

/** Relative to `now`; null: never. */
export function timesOf(object: object, fields: readonly string[], now: number): (number | null)[] {
  return fields.map((field) => {
    const time = fieldOf(object, field) as number;
    return time === 0 || time === Number.POSITIVE_INFINITY ? null : time - now;
  });
}

/** Sets `fields` of `object`; `frozenAt` is the moment of the freeze by the clock of the new owner. */
export function putTimes(
  object: object,
  fields: readonly string[],
  times: readonly (number | null)[],
  frozenAt: number,
): void {
  fields.forEach((field, i) => {
    const time = times[i] as number | null;
    put(object, field, time !== null ? time + frozenAt : NEVER.has(field) ? Number.POSITIVE_INFINITY : 0);
  });
}

export function putNumbers(object: object, fields: readonly string[], values: readonly number[]): void {
  fields.forEach((field, i) => {
    put(object, field, values[i]);
  });
}

export function putFlags(object: object, fields: readonly string[], values: readonly number[]): void {
  fields.forEach((field, i) => {
    put(object, field, values[i] === 1);
  });
}
