/** What comes to a connection in SYN-RECEIVED that is remembered (RFC 9293 3.10.7.4). */
import { dropReason } from '../../drops.js';
import { ACK, FIN, RST, type Segment, SYN } from '../../wire/tcp.js';
import type { TcpLayer } from '../layer.js';
import { after } from '../numbers/sequence.js';
import { establish } from './establish.js';
import type { HalfOpen } from './half-open.js';
import { repeatSynAck } from './syn-ack.js';
import { NOT_OURS, OPENED } from './syn-cookies.js';

const FLAGS = dropReason('tcp-flags-invalid');
const ACK_INVALID = dropReason('tcp-ack-invalid');
const RST_INVALID = dropReason('tcp-rst-invalid');
const ERROR_OUT_OF_WINDOW = dropReason('icmp-error-out-of-window');
const OUT_OF_WINDOW = dropReason('tcp-out-of-window');
const PAWS = dropReason('tcp-paws');
const CHALLENGE_LIMITED = dropReason('tcp-challenge-limited');

export function arriveSynReceived(
  layer: TcpLayer,
  one: HalfOpen,
  segment: Segment,
  bytes: Uint8Array,
  ecn: number,
  now: number,
): void {
  const { queue, cookies } = layer.listening;
  const flags = segment.flags;
  const next = (one.irs + 1) | 0;
  if ((flags & RST) !== 0) {
    // RFC 5961 3.2 for SYN-RECEIVED.
    const offset = (segment.seq - next) | 0;
    if (offset === 0) queue.forget(one);
    else {
      layer.drops.count(RST_INVALID);
      if (offset > 0 && offset < layer.initialWindow) challenge(layer, one, now);
    }
    return;
  }
  if ((flags & SYN) !== 0 && (flags & ACK) === 0) {
    if ((flags & FIN) !== 0) {
      layer.drops.count(FLAGS);
      return;
    }
    // The same SYN again draws the same SYN-ACK; another one (RFC 9293 3.10.7.4: from LISTEN, start over).
    if (segment.seq !== one.irs) {
      queue.forget(one);
      layer.listening.syn(segment, one.remoteAddress, one.localAddress, one.ports, now, undefined);
    } else repeatSynAck(layer, one, now);
    return;
  }
  if ((flags & ACK) === 0) {
    layer.drops.count(FLAGS);
    return;
  }
  if (segment.ack !== ((one.iss + 1) | 0)) {
    // A SYN that came twice may have drawn a cookie first, and a place in the queue then: the client knows the cookie.
    const { remoteAddress, localAddress, ports } = one;
    const cookie =
      (flags & SYN) !== 0 ? NOT_OURS : cookies.input(segment, bytes, remoteAddress, localAddress, ports, ecn, now);
    if (cookie === OPENED) queue.forget(one);
    if (cookie !== NOT_OURS) return;
    layer.drops.count(ACK_INVALID);
    layer.responder.refuse(segment, one.remoteAddress, one.localAddress, one.ports);
    return;
  }
  const offset = (segment.seq - next) | 0;
  const old = one.timestamps && segment.timestamps && after(one.tsRecent, segment.tsVal);
  if (old || offset < 0 || offset >= layer.initialWindow) {
    layer.drops.count(old ? PAWS : OUT_OF_WINDOW);
    challenge(layer, one, now);
    return;
  }
  queue.forget(one);
  establish(layer, one, segment, bytes, ecn, now);
}

/** RFC 9293 3.10.7.4, first: what is not acceptable in SYN-RECEIVED is told where we are; a few times (RFC 5961 7). */
function challenge(layer: TcpLayer, one: HalfOpen, now: number): void {
  if (one.challenges >= layer.limits.challenges) {
    layer.drops.count(CHALLENGE_LIMITED);
    return;
  }
  one.challenges++;
  const { responder } = layer;
  const window = layer.initialWindow >> (one.scale === -1 ? 0 : layer.receiveScale);
  const options = one.timestamps ? responder.timestamps(layer.timestamp(one, now), one.tsRecent) : 0;
  const { route, localAddress, ports, iss, irs } = one;
  responder.send(route, localAddress, ports, (iss + 1) | 0, (irs + 1) | 0, ACK, window, options);
}

/** An ICMP error about a SYN-ACK: a hard one ends the half-open connection (RFC 9293 3.9.2.2), if the number is that of ours. */
export function synAckError(layer: TcpLayer, one: HalfOpen, type: number, code: number, seq: number): boolean {
  if (seq !== one.iss) {
    layer.drops.count(ERROR_OUT_OF_WINDOW);
    return false;
  }
  if (type === 3 && (code === 2 || code === 3)) layer.listening.queue.forget(one);
  return true;
}
