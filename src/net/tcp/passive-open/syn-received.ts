/** What comes to a connection in SYN-RECEIVED that is remembered (RFC 9293 3.10.7.4). */
import { dropReason } from '../../drops.js';
import type { Datagram, IcmpError } from '../../ip/contracts/datagram.js';
import { ACK, FIN, RST, type Segment, SYN } from '../../wire/tcp.js';
import { after } from '../numbers/sequence.js';
import type { TcpContext } from '../state/connection.js';
import { establish } from './establish.js';
import type { HalfOpen } from './half-open.js';
import { NOT_OURS, OPENED, type SynCookies } from './syn-cookies.js';
import type { SynQueue } from './syn-queue.js';

const FLAGS = dropReason('tcp-flags-invalid');
const ACK_INVALID = dropReason('tcp-ack-invalid');
const RST_INVALID = dropReason('tcp-rst-invalid');
const ERROR_OUT_OF_WINDOW = dropReason('icmp-error-out-of-window');
const OUT_OF_WINDOW = dropReason('tcp-out-of-window');
const PAWS = dropReason('tcp-paws');
const CHALLENGE_LIMITED = dropReason('tcp-challenge-limited');
const SYN_LIMITED = dropReason('tcp-syn-limited');

/** Milliseconds between two repetitions of a SYN-ACK: no TCP sends its SYN again sooner (RFC 6298 2.1, 2.4). */
const SOONEST_AGAIN = 500;

/** What a connection in SYN-RECEIVED needs of the listening side. */
export interface Handshakes {
  readonly layer: TcpContext;
  readonly queue: SynQueue;
  readonly cookies: SynCookies;
  /** Whether a SYN is answered, or left out in a flood (`SynShare`). */
  answers(segment: Segment, datagram: Datagram, ports: number): boolean;
  /** A SYN for which nothing is remembered. */
  syn(segment: Segment, datagram: Datagram, ports: number): void;
}

export function arriveSynReceived(handshakes: Handshakes, one: HalfOpen, segment: Segment, datagram: Datagram): void {
  const { layer, queue, cookies } = handshakes;
  const { now } = datagram;
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
    // The same SYN again draws the same SYN-ACK, unless that was repeated just now. Another SYN starts over, as from
    // LISTEN (RFC 9293 3.10.7.4).
    if (segment.seq === one.irs) {
      if (one.repeated && now - one.sentAt < SOONEST_AGAIN) layer.drops.count(SYN_LIMITED);
      else queue.repeat(one, now);
    } else if (handshakes.answers(segment, datagram, one.ports)) {
      queue.forget(one);
      handshakes.syn(segment, datagram, one.ports);
    }
    return;
  }
  if ((flags & ACK) === 0) {
    layer.drops.count(FLAGS);
    return;
  }
  if (segment.ack !== ((one.iss + 1) | 0)) {
    // A SYN that came twice may have drawn a cookie first, and then a place in the queue: the client acknowledges the
    // cookie.
    const cookie = (flags & SYN) !== 0 ? NOT_OURS : cookies.input(segment, datagram, one.ports);
    if (cookie === OPENED) queue.forget(one);
    if (cookie !== NOT_OURS) return;
    layer.drops.count(ACK_INVALID);
    layer.replies.refuse(segment, one.remoteAddress, one.localAddress, one.ports);
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
  establish(layer, one, segment, datagram);
}

/**
 * RFC 9293 3.10.7.4, first: an ACK answers a segment that is not acceptable in SYN-RECEIVED; a few times (RFC 5961 7).
 */
function challenge(layer: TcpContext, one: HalfOpen, now: number): void {
  if (one.challenges >= layer.limits.challenges) {
    layer.drops.count(CHALLENGE_LIMITED);
    return;
  }
  one.challenges++;
  const { replies } = layer;
  const window = layer.initialWindow >> (one.scale === -1 ? 0 : layer.receiveScale);
  const options = one.timestamps ? replies.timestamps(layer.clocks.timestamp(one, now), one.tsRecent) : 0;
  const { route, localAddress, ports, iss, irs } = one;
  replies.write((iss + 1) | 0, (irs + 1) | 0, ACK, window).send(route, localAddress, ports, options);
}

/**
 * An ICMP error about a SYN-ACK: a hard one ends the half-open connection (RFC 9293 3.9.2.2), if the number is that of
 * ours.
 */
export function synAckError(
  { layer, queue }: Handshakes,
  one: HalfOpen,
  { type, code }: IcmpError,
  seq: number,
): boolean {
  if (seq !== one.iss) {
    layer.drops.count(ERROR_OUT_OF_WINDOW);
    return false;
  }
  if (type === 3 && (code === 2 || code === 3)) queue.forget(one);
  return true;
}
