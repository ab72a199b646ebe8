/**
 * Passive open: the ports with a listener, and the segments without a connection that come there (RFC 9293 3.10.7.2,
 * LISTEN).
 */

import { UserError } from '../../../errors/user-error.js';
import { dropReason } from '../../drops.js';
import type { Accept, Adopt } from '../../flow.js';
import type { Datagram, IcmpError } from '../../ip/contracts/datagram.js';
import type { Handle } from '../../ip/contracts/ip-output.js';
import { ACK, CWR, ECE, FIN, RST, type Segment, SYN } from '../../wire/tcp.js';
import { after } from '../numbers/sequence.js';
import type { TcpContext } from '../state/connection.js';
import type { FlowName } from '../state/departure.js';
import { HalfOpen } from './half-open.js';
import { sendSynAck } from './syn-ack.js';
import { NOT_OURS, SynCookies } from './syn-cookies.js';
import { SynQueue } from './syn-queue.js';
import { arriveSynReceived, type Handshakes, synAckError } from './syn-received.js';
import { SynShare } from './syn-share.js';

const PORT_CLOSED = dropReason('tcp-port-closed');
const FLAGS = dropReason('tcp-flags-invalid');
const ACK_INVALID = dropReason('tcp-ack-invalid');
const RST_INVALID = dropReason('tcp-rst-invalid');
const NO_ROUTE = dropReason('ip-no-route');
/** Keeps hashes of SYNs apart from those of cookies. */
const SYN_SEEN = 0x53594e;
const SYN_LIMITED = dropReason('tcp-syn-limited');

export class Listening implements Handshakes {
  private readonly ports = new Map<number, Accept>();
  private readonly adopting = new Map<number, Adopt>();
  readonly queue: SynQueue;
  readonly cookies: SynCookies;
  private readonly share: SynShare;

  constructor(readonly layer: TcpContext) {
    this.queue = new SynQueue(layer);
    this.cookies = new SynCookies(layer);
    this.share = new SynShare(layer.limits.synAcks);
  }

  /** Whether `port` has a listener. */
  has(port: number): boolean {
    return this.ports.has(port);
  }

  isHalfOpen(remote: Handle, local: Handle, ports: number): boolean {
    return this.queue.find(remote, local, ports) !== undefined;
  }

  /** Whether the segment is the answer to a SYN-ACK of ours that is remembered: it opens the connection, or ends it. */
  expects(flow: FlowName, { flags, seq, ack }: Pick<Segment, 'flags' | 'seq' | 'ack'>): boolean {
    const one = this.queue.find(...flow);
    if (one === undefined) return false;
    if ((flags & RST) !== 0) return seq === ((one.irs + 1) | 0);
    return ack === ((one.iss + 1) | 0);
  }

  get halfOpen(): number {
    return this.queue.size;
  }

  listen(port: number, accept: Accept, adopt?: Adopt): { close(): void; readonly port: number } {
    let chosen = port;
    if (port === 0) {
      do chosen = 49_152 + ((this.layer.random.random32() >>> 0) % 16_384);
      while (this.ports.has(chosen));
    }
    if (this.ports.has(chosen)) throw new UserError(`port ${chosen} is listened on already`, 'in-use');
    this.ports.set(chosen, accept);
    if (adopt !== undefined) this.adopting.set(chosen, adopt);
    const close = (): void => {
      this.ports.delete(chosen);
      this.adopting.delete(chosen);
    };
    return { port: chosen, close };
  }

  /** Gets the connections to `port`; undefined: the port has no listener. */
  acceptOf(port: number): Accept | undefined {
    return this.ports.get(port);
  }

  /** Takes connections to `port` that another program had. */
  adopterOf(port: number): Adopt | undefined {
    return this.adopting.get(port);
  }

  /** Since a cookie was sent, ms; -1: none was. */
  cookieAge(now: number): number {
    return this.cookies.age(now);
  }

  /** The layer that this one took over from sent a cookie at `when`. */
  cookieWas(when: number | undefined): void {
    this.cookies.was(when);
  }

  /** All half-open connections, which are forgotten here. */
  takeHalfOpen(): HalfOpen[] {
    return this.queue.take();
  }

  /** Goes on with a half-open connection. */
  adopt(one: HalfOpen): void {
    this.queue.adopt(one);
  }

  /** `floor`: see `syn`. */
  input(segment: Segment, datagram: Datagram, ports: number, floor?: number): void {
    const { layer } = this;
    const { source, destination } = datagram;
    const flags = segment.flags;
    const half = this.queue.find(source, destination, ports);
    if (half !== undefined) {
      arriveSynReceived(this, half, segment, datagram);
      return;
    }
    const listens = this.ports.has(segment.destinationPort);
    if (!listens) {
      layer.drops.count(PORT_CLOSED);
      layer.replies.refuse(segment, source, destination, ports);
      return;
    }
    if ((flags & RST) !== 0) {
      layer.drops.count(RST_INVALID);
      return;
    }
    if ((flags & ACK) !== 0) {
      if ((flags & SYN) === 0 && this.cookies.input(segment, datagram, ports) !== NOT_OURS) return;
      layer.drops.count(ACK_INVALID);
      layer.replies.refuse(segment, source, destination, ports);
      return;
    }
    // No host opens and ends in one segment; scanners do, to pass filters.
    if ((flags & (SYN | FIN)) !== SYN) {
      layer.drops.count(FLAGS);
      return;
    }
    if (this.answers(segment, datagram, ports)) this.syn(segment, datagram, ports, floor);
  }

  /** Whether a SYN that would open a connection is answered; if not, it is counted, and is to cost little. */
  answers(segment: Segment, { source, destination, now }: Datagram, ports: number): boolean {
    if (this.share.admits(now)) return true;
    const { clocks, hash, drops } = this.layer;
    const seen = hash.of(clocks.digest(source), clocks.digest(destination) ^ SYN_SEEN, ports, segment.seq);
    if (this.share.comesAgain(seen, now)) return true;
    drops.count(SYN_LIMITED);
    return false;
  }

  /**
   * `floor`: our initial sequence number has to lie beyond it, because an earlier connection of the same name ended
   * there (MAY-2).
   */
  syn(segment: Segment, { source, destination, now }: Datagram, ports: number, floor?: number): void {
    const { layer } = this;
    const route = layer.ip.route(source);
    if (route === undefined) {
      layer.drops.count(NO_ROUTE);
      return;
    }
    const one = new HalfOpen(route, destination, source, ports);
    // RFC 3168 6.1.1: both bits ask for ECN.
    one.offer(segment, (segment.flags & (ECE | CWR)) === (ECE | CWR));
    one.tsOffset = layer.clocks.timestampOffset(destination, source);
    if (this.queue.size >= layer.limits.synQueue || !layer.budget.remember()) {
      this.cookies.make(one, now);
      sendSynAck(layer, one, true, now);
      return;
    }
    one.iss = layer.clocks.initialSequence(destination, source, ports);
    if (floor !== undefined && !after(one.iss, floor)) one.iss = floor;
    this.queue.add(one, now);
    sendSynAck(layer, one, false, now);
  }

  /** An ICMP error about what may be a SYN-ACK of ours. True: it was. */
  believes(error: IcmpError, flow: FlowName, seq: number): boolean {
    const one = this.queue.find(...flow);
    return one !== undefined && synAckError(this, one, error, seq);
  }

  /** Forgets a half-open connection, if there is one of this name. */
  forget(remote: Handle, local: Handle, ports: number): void {
    const one = this.queue.find(remote, local, ports);
    if (one !== undefined) this.queue.forget(one);
  }

  /** Makes room, if there is a half-open connection to forget. */
  shedHalfOpen(): boolean {
    return this.queue.shed();
  }

  poll(now: number): number {
    return this.queue.poll(now);
  }

  addressLost(address: Handle): void {
    this.queue.addressLost(address);
  }
}
