/**
 * A layer gives its traffic to another one, that of a new program with the same address. Established connections stay
 * with the old layer until they can follow (`moving/`), and the new one knows their names; what is no connection yet,
 * or none any more, moves: the SYN queue, TIME-WAIT, the keys of initial sequence numbers, cookies and timestamps, and
 * the clock that these run on.
 */
import type { TcpLayer } from '../layer.js';
import { HalfOpen } from '../passive-open/half-open.js';
import {
  type CarriedName,
  carriedName,
  type Departed,
  type FlowName,
  flowName,
  type TimeWaitState,
  timeWaitState,
} from '../state/departure.js';
import { NONE } from '../tables/time-wait.js';

export {
  type CarriedName,
  carriedName,
  type Departed,
  type Elsewhere,
  type FlowName,
  flowName,
  nameOf,
  type TimeWaitState,
} from '../state/departure.js';

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

interface HalfOpenState {
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

/**
 * Takes out what moves. From now on the layer accepts no connection, and answers only segments of its own connections.
 * `departed` gets reports of what becomes of these.
 */
export function handOver(layer: TcpLayer, departed: Departed, now: number): TcpState {
  layer.departed = departed;
  const state = {
    keys: layer.hash.keys,
    clock: now + layer.clocks.offset,
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
  layer.clocks.offset = state.clock + elapsed - now;
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

function halfOpenState(layer: TcpLayer, one: HalfOpen, now: number): HalfOpenState {
  const { iss, irs, mss, scale, sackOk, timestamps, ecn, tsRecent, tsOffset, retries } = one;
  const times = { age: now - one.sentAt, dueIn: one.deadline - now };
  const name = carriedName(layer.ip.peers, one);
  return { name, iss, irs, mss, scale, sackOk, timestamps, ecn, tsRecent, tsOffset, retries, ...times };
}
