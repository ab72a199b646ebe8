/**
 * A layer gives its traffic to another one, that of a new program with the same address. Established connections stay with the old
 * layer until they can follow (`moving/`), and the new one knows their names; what is no connection yet, or none any more, moves: the SYN queue, TIME-WAIT, the
 * keys of initial sequence numbers, cookies and timestamps, and the clock that these run on.
 */
import { type Handle, isIpv6, type Peers } from '../../ip/ip-output.js';
import type { TcpLayer } from '../layer.js';
import { HalfOpen } from '../passive-open/half-open.js';
import { NONE, type TimeWait } from '../tables/time-wait.js';

/** Remote address, local address, and `remote port << 16 | local port`: int32 each. */
export type FlowName = readonly [Handle, Handle, number];

/** The same between programs: what a handle of IPv6 means only its own program knows, so those addresses are text. */
export type CarriedName = readonly [Handle | string, Handle | string, number];

/** All times are ms before or after the moment of the hand-over. */
export interface TcpState {
  readonly keys: readonly [number, number];
  /** The clock of sequence numbers, cookies and timestamps. */
  readonly clock: number;
  /** Since the last cookie was sent; -1: none was. */
  readonly cookieAge: number;
  readonly halfOpen: readonly HalfOpenState[];
  readonly waiting: readonly TimeWaitState[];
  readonly connections: readonly CarriedName[];
}

export interface HalfOpenState {
  readonly name: CarriedName;
  readonly iss: number;
  readonly irs: number;
  readonly mss: number;
  readonly scale: number;
  readonly sackOk: boolean;
  readonly timestamps: boolean;
  readonly ecn: boolean;
  readonly tsRecent: number;
  readonly tsOffset: number;
  readonly age: number;
  readonly retries: number;
  readonly dueIn: number;
}

export interface TimeWaitState {
  readonly name: CarriedName;
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
  gone(name: CarriedName): void;
}

/** Where segments go for which a layer has no connection, but a predecessor may. */
export interface Elsewhere {
  /** `bytes[ip..end)` is a datagram with a whole, verified segment. True: it was taken. */
  segment(
    remote: Handle,
    local: Handle,
    ports: number,
    tos: number,
    bytes: Uint8Array,
    ip: number,
    end: number,
  ): boolean;
  /** An ICMP error about a datagram of ours, `bytes[ip..end)`. True: it was taken. */
  error(type: number, code: number, mtu: number, bytes: Uint8Array, ip: number, end: number): boolean;
}

/**
 * Takes out what moves. From now on the layer accepts no connection and answers to nothing but what is its own; `departed` is told
 * of what becomes of that.
 */
export function handOver(layer: TcpLayer, departed: Departed, now: number): TcpState {
  layer.departed = departed;
  const state = {
    keys: layer.hash.keys,
    clock: now + layer.clockOffset,
    cookieAge: layer.listening.cookieAge(now),
    halfOpen: layer.listening.takeHalfOpen().map((one) => halfOpenState(layer, one, now)),
    waiting: layer.waiting.take().map((one) => timeWaitState(layer, one, now)),
    connections: [...layer.connections].map((one) => carriedName(layer.ip.peers, one)),
  };
  return state;
}

/** The traffic is this layer's again: its successor is gone and has sent nothing. */
export function takeBack(layer: TcpLayer, state: TcpState, now: number, elapsed: number): void {
  layer.departed = undefined;
  restore(layer, state, now, elapsed);
}

/** Takes over from another layer. `elapsed`: ms since it handed over. */
export function takeOver(layer: TcpLayer, state: TcpState, now: number, elapsed: number): void {
  layer.hash.rekey(state.keys);
  layer.clockOffset = state.clock + elapsed - now;
  restore(layer, state, now, elapsed);
}

function restore(layer: TcpLayer, state: TcpState, now: number, elapsed: number): void {
  layer.listening.cookieWas(state.cookieAge < 0 ? undefined : now - elapsed - state.cookieAge);
  for (const one of state.halfOpen) {
    const name = flowName(layer.ip.peers, one.name);
    const route = name && layer.ip.route(name[0]);
    if (route === undefined) continue;
    const [remote, local, ports] = name as FlowName;
    const half = new HalfOpen(route, local, remote, ports);
    const { iss, irs, mss, scale, sackOk, timestamps, ecn, tsRecent, tsOffset, retries } = one;
    Object.assign(half, { iss, irs, mss, scale, sackOk, timestamps, ecn, tsRecent, tsOffset, retries });
    half.sentAt = now - elapsed - one.age;
    half.repeated = retries > 0;
    half.deadline = Math.max(now, now + one.dueIn - elapsed);
    layer.listening.adopt(half);
  }
  for (const one of [...state.waiting].sort((a, b) => a.expiresIn - b.expiresIn))
    adoptTimeWait(layer, one, now, elapsed);
}

export function adoptTimeWait(layer: TcpLayer, state: TimeWaitState, now: number, elapsed: number): void {
  const name = flowName(layer.ip.peers, state.name);
  if (name === undefined) return;
  const [remote, local, ports] = name;
  const { sndNxt, rcvNxt, timestamps, tsRecent, tsOffset } = state;
  const expires = now + state.expiresIn - elapsed;
  const routed = layer.ip.route(remote) !== undefined;
  // A connection of that name may have begun here already.
  if (!routed || expires <= now || layer.connections.get(remote, local, ports) !== undefined) return;
  if (layer.waiting.find(remote, local, ports) !== NONE) return;
  const addresses = { localAddress: local, remoteAddress: remote, ports };
  const open = state.open === true;
  const window = state.window ?? 0;
  layer.waiting.add({ ...addresses, sndNxt, rcvNxt, open, timestamps, tsRecent, tsOffset, expires, window });
}

export function timeWaitState(layer: TcpLayer, one: TimeWait, now: number): TimeWaitState {
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

function halfOpenState(layer: TcpLayer, one: HalfOpen, now: number): HalfOpenState {
  const { iss, irs, mss, scale, sackOk, timestamps, ecn, tsRecent, tsOffset, retries } = one;
  const times = { age: now - one.sentAt, dueIn: one.deadline - now };
  const name = carriedName(layer.ip.peers, one);
  return { name, iss, irs, mss, scale, sackOk, timestamps, ecn, tsRecent, tsOffset, retries, ...times };
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

/** What another program's name means here; undefined: nothing. The handles are good until something else is asked for. */
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
