/** ICMP errors about a connection (RFC 9293 3.9.2.2), believed only inside of the send window (RFC 5927 4.1). */
import { dropReason } from '../../drops.js';
import type { IcmpError, Quoted } from '../../ip/contracts/datagram.js';
import type { IpOutput } from '../../ip/contracts/ip-output.js';
import { int32At, uint16At } from '../../wire/tcp.js';
import { before, notBefore } from '../numbers/sequence.js';
import { updateMss } from '../send/mss.js';
import { output } from '../send/output.js';
import type { Connection } from '../state/connection.js';
import type { FlowName } from '../state/departure.js';
import { SYN_SENT } from '../state/states.js';

const OUT_OF_WINDOW = dropReason('icmp-error-out-of-window');

/**
 * Whose connection an ICMP error is about, by the datagram of ours that it quotes; undefined when it quotes too little.
 */
export function quotedFlow(layer: IpOutput, { bytes, ip, end }: Quoted): FlowName | undefined {
  const at = layer.transportAt(bytes, ip, end);
  if (at < 0 || at + 8 > end) return undefined;
  // Our datagram: its source is ours.
  const ports = (uint16At(bytes, at + 2) << 16) | uint16At(bytes, at);
  return [layer.destinationOf(bytes, ip), layer.sourceOf(bytes, ip), ports];
}

/** The sequence number of that datagram, where `quotedFlow` found enough. */
export function quotedSequence(layer: IpOutput, { bytes, ip, end }: Quoted): number {
  return int32At(bytes, layer.transportAt(bytes, ip, end) + 4);
}

/** `seq` is that of our segment that the error is about. Returns whether it was believed. */
export function icmpError(c: Connection, { type, code }: IcmpError, seq: number): boolean {
  if (before(seq, c.sndUna) || notBefore(seq, c.sndMax)) {
    c.layer.drops.count(OUT_OF_WINDOW);
    return false;
  }
  // RFC 1191: what follows from it is `pathMtuLowered`, once the new value is in force.
  if (type === 3 && code === 4) return true;
  if (type === 3 && (code === 2 || code === 3) && c.state === SYN_SENT) c.layer.gone(c, 'refused');
  else if (type === 3 && c.state === SYN_SENT && (code === 0 || code === 1)) c.layer.gone(c, 'unreachable');
  // RFC 9293 SHLD-25, and hard errors after the handshake (RFC 5927 5.2): reported, and nothing more.
  else c.handler.trouble?.(c, type === 11 ? 'time-exceeded' : type === 12 ? 'parameter-problem' : 'unreachable');
  return true;
}

/** The path's MTU has changed: what was too large goes again, smaller, at once and without a penalty (RFC 1191 6.4). */
export function pathMtuLowered(c: Connection, now: number): void {
  const old = c.mss;
  updateMss(c);
  // A connection that rests has nothing under way.
  if (c.mss >= old || c.resting) return;
  const { flight } = c.busy;
  for (let i = 0; i < flight.records; i++) {
    const one = flight.at(i);
    // A retransmission that was too large is lost as well.
    const underWay = !one.sacked && (!one.lost || one.resent);
    if (underWay && ((one.end - one.seq) | 0) > c.mss) flight.markLost(one);
  }
  output(c, now, true);
}
