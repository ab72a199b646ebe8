/** What a layer says of its connections after it has given its traffic to another program, and what it asks of that one. */
import type { Ipv4 } from '../../ip/ip-output.js';
import type { TimeWait } from '../tables/time-wait.js';

/** Remote address, local address, and `remote port << 16 | local port`: int32 each. */
export type FlowName = readonly [Ipv4, Ipv4, number];

/** All times are ms before or after the moment of the hand-over. */
export interface TimeWaitState {
  readonly name: FlowName;
  readonly sndNxt: number;
  readonly rcvNxt: number;
  readonly timestamps: boolean;
  readonly tsRecent: number;
  readonly tsOffset: number;
  readonly expiresIn: number;
  /** It stands in FIN-WAIT-2. A program from before this was known says nothing, nor of `window`. */
  readonly open?: boolean;
  readonly window?: number;
}

/** Told by a layer that has given its traffic away. */
export interface Departed {
  /** A connection has come to TIME-WAIT; the new layer keeps it from now on. Called before `gone`. */
  timeWait(state: TimeWaitState): void;
  /** There is no connection of this name here any more. */
  gone(name: FlowName): void;
}

/** Where segments go for which a layer has no connection, but a predecessor may. */
export interface Elsewhere {
  /** `bytes[ip..end)` is a datagram with a whole, verified segment. True: it was taken. */
  segment(remote: Ipv4, local: Ipv4, ports: number, tos: number, bytes: Uint8Array, ip: number, end: number): boolean;
  /** An ICMP error about a datagram of ours, `bytes[ip..end)`. True: it was taken. */
  error(type: number, code: number, mtu: number, bytes: Uint8Array, ip: number, end: number): boolean;
}

export function timeWaitState(one: TimeWait, now: number): TimeWaitState {
  const { sndNxt, rcvNxt, open, timestamps, tsRecent, tsOffset, window } = one;
  const expiresIn = one.expires - now;
  return { name: nameOf(one), sndNxt, rcvNxt, open, timestamps, tsRecent, tsOffset, expiresIn, window };
}

export function nameOf(one: { remoteAddress: Ipv4; localAddress: Ipv4; ports: number }): FlowName {
  return [one.remoteAddress, one.localAddress, one.ports];
}
