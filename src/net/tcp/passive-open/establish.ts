/** From SYN-RECEIVED to ESTABLISHED: the half-open connection becomes a connection (RFC 9293 3.10.7.4, fifth). */
import { dropReason } from '../../drops.js';
import type { Datagram } from '../../ip/contracts/datagram.js';
import type { Segment } from '../../wire/tcp.js';
import { SHORTEST_RTT } from '../flight/rto.js';
import { arrive } from '../receive/input.js';
import { updateMss } from '../send/mss.js';
import type { TcpContext } from '../state/connection.js';
import { Connection } from '../state/connection.js';
import { ESTABLISHED } from '../state/states.js';
import type { HalfOpen } from './half-open.js';

const PORT_CLOSED = dropReason('tcp-port-closed');
const MEMORY_LIMIT = dropReason('tcp-memory-limit');
const LIMIT = dropReason('tcp-connection-limit');

/** The handshake is over: `segment`, which answers our SYN-ACK, is the connection's first. */
export function establish(layer: TcpContext, one: HalfOpen, segment: Segment, datagram: Datagram): void {
  const { now } = datagram;
  const accept = layer.listening.acceptOf(one.ports & 0xffff);
  if (accept === undefined || !layer.budget.admit()) {
    const full = layer.connections.size >= layer.limits.connections ? LIMIT : MEMORY_LIMIT;
    layer.drops.count(accept === undefined ? PORT_CLOSED : full);
    layer.replies.refuse(segment, one.remoteAddress, one.localAddress, one.ports);
    return;
  }
  const c = new Connection(layer, one.route, one.localAddress, one.remoteAddress, one.ports);
  // Before the connection is lent anything: a connection in the table is found when something goes wrong.
  layer.connections.add(c);
  c.timestamps = one.timestamps;
  c.sackOk = one.sackOk;
  c.ecn = one.ecn;
  c.tsRecent = one.tsRecent;
  c.tsOffset = one.tsOffset;
  c.peerMss = one.mss;
  c.sndScale = Math.max(one.scale, 0);
  start(layer, c, one, now);
  // RFC 6298 2.2: the handshake is the first sample. If the SYN-ACK was sent again (section 3), its echo is measured.
  if (one.repeated) {
    const echoed = (layer.clocks.timestamp(c, now) - segment.tsEcr) | 0;
    const known = c.timestamps && segment.timestamps && segment.tsEcr !== 0;
    if (known && echoed >= 0) c.busy.rtt.echoed(Math.max(echoed, 1));
  } else if (one.sentAt !== 0) c.busy.rtt.sample(Math.max(now - one.sentAt, SHORTEST_RTT));
  if (one.retries > 0) c.busy.rtt.handshakeTimedOut();
  c.sndWnd = segment.window << c.sndScale;
  c.maxSndWnd = c.sndWnd;
  c.sndWl1 = segment.seq;
  c.sndWl2 = segment.ack;
  layer.counters.accepted++;
  c.busy.cc.start(c, now);
  // RFC 6928 2: the window is one segment after more than one lost SYN-ACK. A single time-out may be the timer's fault.
  if (one.retries > 1) c.busy.cc.cwnd = c.mss;
  accept(c);
  arrive(c, segment, datagram.bytes, datagram.tos & 3, now);
}

/** The initial sequence numbers of both sides are known. */
function start(layer: TcpContext, c: Connection, { iss, irs, scale }: HalfOpen, now: number): void {
  c.state = ESTABLISHED;
  c.iss = iss;
  c.sndUna = c.sndNxt = c.sndMax = c.busy.recover = (iss + 1) | 0;
  c.busy.ecnRecover = iss;
  c.busy.queue.reset(c.sndNxt);
  c.irs = irs;
  c.rcvNxt = c.lastAckSent = (irs + 1) | 0;
  c.rcvScale = scale === -1 ? 0 : layer.receiveScale;
  c.rcvAdv = (c.rcvNxt + layer.initialWindow) | 0;
  c.heardAt = now;
  updateMss(c);
}
