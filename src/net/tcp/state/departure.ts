/**
 * What a layer reports of its connections after it has given its traffic to another program, and what it asks of that
 * program.
 */

import type { Datagram, IcmpError } from '../../ip/contracts/datagram.js';
import { type Handle, isIpv6, type Peers } from '../../ip/contracts/ip-output.js';
import type { TimeWait } from '../tables/time-wait.js';

/** Remote address, local address, and `remote port << 16 | local port`: int32 each. */
export type FlowName = readonly [Handle, Handle, number];

/** The same between programs. A handle of IPv6 has a meaning only in its own program, so those addresses are text. */
export type CarriedName = readonly [Handle | string, Handle | string, number];

/** All times are ms before or after the moment of the hand-over. */
export interface TimeWaitState {
  readonly name: CarriedName;
  readonly sndNxt: number;
  readonly rcvNxt: number;
  readonly timestamps: boolean;
  readonly tsRecent: number;
  readonly tsOffset: number;
  readonly expiresIn: number;
  /** It stands in FIN-WAIT-2. A program from before this was known sends neither this nor `window`. */
  readonly open?: boolean;
  readonly window?: number;
}

/** Gets reports from a layer that has given its traffic away. */
export interface Departed {
  /** A connection has come to TIME-WAIT; the new layer keeps it from now on. Called before `gone`. */
  timeWait(state: TimeWaitState): void;
  /** There is no connection of this name here any more. */
  gone(name: CarriedName): void;
}

/** Where segments go for which a layer has no connection, but a predecessor may. */
export interface Elsewhere {
  /** The datagram has a whole, verified segment. True: it was taken. */
  segment(datagram: Datagram, ports: number): boolean;
  /** An ICMP error about a datagram of ours. True: it was taken. */
  error(error: IcmpError): boolean;
}

export function timeWaitState(
  layer: { readonly ip: { readonly peers: Peers } },
  one: TimeWait,
  now: number,
): TimeWaitState {
  const { sndNxt, rcvNxt, open, timestamps, tsRecent, tsOffset, window } = one;
  const expiresIn = one.expires - now;
  return {
    name: carriedName(layer.ip.peers, one),
    sndNxt,
    rcvNxt,
    open,
    timestamps,
    tsRecent,
    tsOffset,
    expiresIn,
    window,
  };
}

export function nameOf(one: { remoteAddress: Handle; localAddress: Handle; ports: number }): FlowName {
  return [one.remoteAddress, one.localAddress, one.ports];
}

/** The name of a flow for another program. */
export function carriedName(peers: Peers, one: Parameters<typeof nameOf>[0]): CarriedName {
  const { remoteAddress, localAddress, ports } = one;
  if (!isIpv6(remoteAddress)) return [remoteAddress, localAddress, ports];
  return [peers.text(remoteAddress), peers.text(localAddress), ports];
}

/** What another program's name means here; undefined: nothing. The handles are good until the next look-up. */
export function flowName(peers: Peers, name: CarriedName): FlowName | undefined {
  if (!Array.isArray(name) || name.length !== 3 || !Number.isInteger(name[2])) return undefined;
  const [remote, local] = name.slice(0, 2).map((one: Handle | string) => addressNamed(peers, one));
  // Both are of one family.
  if (remote === undefined || local === undefined || isIpv6(remote) !== isIpv6(local)) return undefined;
  return [remote, local, name[2]];
}

function addressNamed(peers: Peers, one: Handle | string): Handle | undefined {
  if (typeof one === 'string') return one.includes(':') ? peers.fromText(one) : undefined;
  return Number.isInteger(one) && !isIpv6(one) ? one : undefined;
}
