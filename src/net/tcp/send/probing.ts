/**
 * Reports segments to a probe, with the state of their connection before and after. Where no probe is set, none of this
 * runs.
 */
import type { Handle } from '../../ip/contracts/ip-output.js';
import type { Probe, ProbeEvent } from '../../probe.js';
import { placeText } from '../../wire/address.js';
import type { TcpContext } from '../state/connection.js';
import { STATE_NAMES } from '../state/states.js';
import { NONE } from '../tables/time-wait.js';

/** The fields of a segment as they were before it was dealt with. */
export interface SegmentFields {
  readonly direction: 'in' | 'out';
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly length: number;
  readonly window: number;
}

/** The addresses and ports of a connection, or of a segment without one (RFC 9293 3.3.1). */
export interface FourTuple {
  readonly remote: Handle;
  readonly local: Handle;
  /** The peer's port in the upper half, ours in the lower. */
  readonly ports: number;
}

/** The state by RFC 9293's names, of a connection or of a four-tuple without one. */
export function stateName(layer: TcpContext, { remote, local, ports }: FourTuple): string {
  const c = layer.connections.get(remote, local, ports);
  if (c !== undefined) return STATE_NAMES[c.state];
  if (layer.waiting.find(remote, local, ports) !== NONE) return 'TIME-WAIT';
  if (layer.listening.isHalfOpen(remote, local, ports)) return 'SYN-RECEIVED';
  return layer.listening.has(ports & 0xffff) ? 'LISTEN' : 'CLOSED';
}

export function report(
  probe: Probe,
  layer: TcpContext,
  name: FourTuple,
  stateBefore: string,
  segment: SegmentFields,
): void {
  const { remote, local, ports } = name;
  const c = layer.connections.get(remote, local, ports);
  const info = c?.info();
  const { peers } = layer.ip;
  const event: ProbeEvent = {
    ...segment,
    now: layer.now,
    remote: placeText(peers.text(remote), ports >>> 16),
    localPort: ports & 0xffff,
    stateBefore,
    stateAfter: stateName(layer, name),
    sndUna: c?.sndUna ?? 0,
    sndNxt: c?.sndNxt ?? 0,
    rcvNxt: c?.rcvNxt ?? 0,
    cwnd: info?.cwnd ?? 0,
    ssthresh: info?.ssthresh ?? 0,
    srtt: info?.srtt ?? 0,
    inFlight: info?.bytesInFlight ?? 0,
  };
  if (layer.answers === undefined) probe(event);
  else layer.answers.push(event);
}
