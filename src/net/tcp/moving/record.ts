/**
 * A connection on its way to another program: plain values, so that any transport can carry it. Sequence variables are as they are;
 * times are ms after the moment of the freeze, negative ones before it; what is queued is named, not copied, where it lies in memory
 * that the other program can open, too.
 */
import type { CarriedName } from './hand-over.js';

/** Both programs must have it. */
export const MOVE_VERSION = 1;

/** Fields of a connection that go along as they are. */
export const NUMBERS = [
  ...(['state', 'iss', 'sndUna', 'sndNxt', 'sndWnd', 'sndWl1', 'sndWl2', 'maxSndWnd', 'sndScale', 'rcvScale'] as const),
  ...(['mss', 'peerMss', 'mssCap', 'irs', 'rcvNxt', 'rcvAdv', 'lastAckSent', 'tsRecent', 'tsOffset'] as const),
  ...(['retransmissions', 'keepAliveInterval', 'keepAliveProbes', 'unacked', 'quickAcks', 'rcvMss'] as const),
  ...(['tos', 'userTimeout'] as const),
] as const;

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
    'deaf',
    'nagle',
  ] as const),
  ...(['finSent', 'aboveLowWater', 'paused'] as const),
] as const;

export const TIMES = ['heardAt', 'sentAt', 'lifeAt'] as const;

/** The same of what a busy connection is lent. */
export const BUSY_NUMBERS = [
  ...([
    'delivered',
    'lostTotal',
    'lostTold',
    'appLimitedUntil',
    'recover',
    'dupAcks',
    'prrDelivered',
    'prrOut',
  ] as const),
  ...(['prrWindow', 'recoverFlightSize', 'undoRetransmissions', 'retransmitTs', 'rackEnd', 'rackRtt'] as const),
  ...(['reorderingSteps', 'reorderingRound', 'fack', 'tlpEnd', 'backoff', 'ecnRecover', 'frto', 'timer'] as const),
  ...(['persistBackoff', 'dsackLeft', 'dsackRight'] as const),
] as const;

export const BUSY_FLAGS = [
  ...(['cwndLimited', 'recovering', 'timedOut', 'reorderingSeen', 'tlpActive', 'tlpRetransmitted'] as const),
] as const;

export const BUSY_TIMES = [
  ...(['deliveredAt', 'firstSentAt', 'rackSentAt', 'pacedUntil', 'stuckSince', 'closedAt'] as const),
  ...(['timerAt', 'delayedAckAt', 'pacingAt'] as const),
] as const;

/** Those among the times that are `Infinity` when there is none. Of the others 0 says so. */
export const NEVER: ReadonlySet<string> = new Set(['lifeAt', 'timerAt', 'delayedAckAt', 'pacingAt']);

/** What is queued: a range of a memory that has a name, or the bytes themselves. */
export type Piece =
  | { readonly id: string; readonly start: number; readonly end: number }
  | { readonly bytes: Uint8Array };

/**
 * A transmission that is not acknowledged: length, when it was sent; `delivered`, when that was, when its flight began; `txInFlight`,
 * `lostBefore`; how often it was sent; and bits.
 */
export type Transmission = readonly [number, number, number, number, number, number, number, number, number];

export const SACKED = 1;
export const LOST = 2;
export const RESENT = 4;
export const APP_LIMITED = 8;

/** What a connection has that does not rest. */
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

/** `object`'s `fields`, in their order. */
export function numbersOf(object: object, fields: readonly string[]): number[] {
  return fields.map((field) => (object as Record<string, number>)[field] as number);
}

export function flagsOf(object: object, fields: readonly string[]): (0 | 1)[] {
  return fields.map((field) => ((object as Record<string, boolean>)[field] ? 1 : 0));
}

/** Relative to `now`; null: never. */
export function timesOf(object: object, fields: readonly string[], now: number): (number | null)[] {
  return fields.map((field) => {
    const time = (object as Record<string, number>)[field] as number;
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
    (object as Record<string, number>)[field] =
      time !== null ? time + frozenAt : NEVER.has(field) ? Number.POSITIVE_INFINITY : 0;
  });
}

export function putNumbers(object: object, fields: readonly string[], values: readonly number[]): void {
  fields.forEach((field, i) => {
    (object as Record<string, number>)[field] = values[i] as number;
  });
}

export function putFlags(object: object, fields: readonly string[], values: readonly number[]): void {
  fields.forEach((field, i) => {
    (object as Record<string, boolean>)[field] = values[i] === 1;
  });
}
