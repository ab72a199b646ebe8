/** Passive open: LISTEN, the SYN queue, SYN cookies (RFC 9293 3.10.7.2, RFC 4987). */
import { dropReason } from '../drops.js';
import type { Accept, Adopt } from '../flow.js';
import type { Ipv4 } from '../ip-output.js';
import { ACK, CWR, ECE, FIN, RST, type Segment, SYN } from '../wire/tcp.js';
import { Connection } from './connection.js';
import { FlowTable } from './flow-table.js';
import { arrive } from './input.js';
import type { TcpLayer } from './layer.js';
import {
  checkCookie,
  cookieTimestamp,
  HalfOpen,
  LATER_SEGMENT,
  makeCookie,
  readCookieTimestamp,
} from './passive-open.js';
import { SHORTEST_RTT } from './rto.js';
import { after } from './sequence.js';
import { ESTABLISHED } from './state.js';
import { writeSynOptions } from './syn-options.js';
import { TimerHeap } from './timer-heap.js';

const PORT_CLOSED = dropReason('tcp-port-closed');
const FLAGS = dropReason('tcp-flags-invalid');
const ACK_INVALID = dropReason('tcp-ack-invalid');
const COOKIE_INVALID = dropReason('tcp-cookie-invalid');
const MEMORY_LIMIT = dropReason('tcp-memory-limit');
const LIMIT = dropReason('tcp-connection-limit');
const RST_INVALID = dropReason('tcp-rst-invalid');
const ERROR_OUT_OF_WINDOW = dropReason('icmp-error-out-of-window');
const OUT_OF_WINDOW = dropReason('tcp-out-of-window');
const PAWS = dropReason('tcp-paws');
const CHALLENGE_LIMITED = dropReason('tcp-challenge-limited');
const NO_ROUTE = dropReason('ip-no-route');

/** What an ACK without a connection was. */
const NOT_OURS = 0;
const TOO_SOON = 1;
const OPENED = 2;

export class Listening {
  private readonly ports = new Map<number, Accept>();
  private readonly adopting = new Map<number, Adopt>();
  private readonly half: FlowTable<HalfOpen>;
  private readonly timers = new TimerHeap<HalfOpen>();
  private cookieSince = Number.NEGATIVE_INFINITY;

  constructor(private readonly layer: TcpLayer) {
    this.half = new FlowTable<HalfOpen>(layer.hash);
  }

  /** Whether somebody listens on `port`. */
  has(port: number): boolean {
    return this.ports.has(port);
  }

  isHalfOpen(remote: Ipv4, local: Ipv4, ports: number): boolean {
    return this.half.get(remote, local, ports) !== undefined;
  }

  /** Whether the segment is the answer to a SYN-ACK of ours that is remembered: it opens the connection, or ends it. */
  expects(remote: Ipv4, local: Ipv4, ports: number, flags: number, seq: number, ack: number): boolean {
    const one = this.half.get(remote, local, ports);
    if (one === undefined) return false;
    if ((flags & RST) !== 0) return seq === ((one.irs + 1) | 0);
    return ack === ((one.iss + 1) | 0);
  }

  get halfOpen(): number {
    return this.half.size;
  }

  listen(port: number, accept: Accept, adopt?: Adopt): { close(): void; readonly port: number } {
    let chosen = port;
    if (port === 0) {
      do chosen = 49_152 + ((this.layer.random.random32() >>> 0) % 16_384);
      while (this.ports.has(chosen));
    }
    if (this.ports.has(chosen)) throw new Error(`port ${chosen} is listened on already`);
    this.ports.set(chosen, accept);
    if (adopt !== undefined) this.adopting.set(chosen, adopt);
    const close = (): void => {
      this.ports.delete(chosen);
      this.adopting.delete(chosen);
    };
    return { port: chosen, close };
  }

  /** Who takes connections to `port` that another program had. */
  adopterOf(port: number): Adopt | undefined {
    return this.adopting.get(port);
  }

  /** Since a cookie was sent, ms; -1: none was. */
  cookieAge(now: number): number {
    return this.cookieSince === Number.NEGATIVE_INFINITY ? -1 : now - this.cookieSince;
  }

  /** A cookie was sent at `when`, by whom this layer took over from. */
  cookieWas(when: number | undefined): void {
    if (when !== undefined) this.cookieSince = Math.max(this.cookieSince, when);
  }

  /** All half-open connections, which are forgotten here. */
  takeHalfOpen(): HalfOpen[] {
    const all = [...this.half];
    for (const one of all) this.forget(one);
    return all;
  }

  /** Goes on with a half-open connection. */
  adopt(one: HalfOpen): void {
    if (this.half.get(one.remoteAddress, one.localAddress, one.ports) !== undefined) return;
    this.half.add(one);
    this.timers.arm(one);
  }

  input(
    segment: Segment,
    bytes: Uint8Array,
    source: Ipv4,
    destination: Ipv4,
    ports: number,
    ecn: number,
    now: number,
    floor?: number,
  ): void {
    const { layer } = this;
    const flags = segment.flags;
    const half = this.half.get(source, destination, ports);
    if (half !== undefined) {
      this.halfInput(half, segment, bytes, ecn, now);
      return;
    }
    const listens = this.ports.has(segment.destinationPort);
    if (!listens) {
      layer.drops.count(PORT_CLOSED);
      layer.responder.refuse(segment, source, destination, ports);
      return;
    }
    if ((flags & RST) !== 0) {
      layer.drops.count(RST_INVALID);
      return;
    }
    if ((flags & ACK) !== 0) {
      if ((flags & SYN) === 0 && this.cookie(segment, bytes, source, destination, ports, ecn, now) !== NOT_OURS) return;
      layer.drops.count(ACK_INVALID);
      layer.responder.refuse(segment, source, destination, ports);
      return;
    }
    // No host opens and ends in one segment; scanners do, to pass filters.
    if ((flags & (SYN | FIN)) !== SYN) {
      layer.drops.count(FLAGS);
      return;
    }
    this.syn(segment, source, destination, ports, now, floor);
  }

  /** `floor`: our first number is to lie beyond it, because an earlier connection of the same name ended there (MAY-2). */
  private syn(
    segment: Segment,
    source: Ipv4,
    destination: Ipv4,
    ports: number,
    now: number,
    floor: number | undefined,
  ): void {
    const { layer } = this;
    const route = layer.ip.route(source);
    if (route === undefined) {
      layer.drops.count(NO_ROUTE);
      return;
    }
    const one = new HalfOpen(route, destination, source, ports);
    // RFC 3168 6.1.1: both bits ask for ECN.
    one.offer(segment, (segment.flags & (ECE | CWR)) === (ECE | CWR));
    one.tsOffset = layer.hash.of(source, destination, 0x7357, 0);
    if (this.half.size >= layer.limits.synQueue || !layer.budget.remember()) {
      // Without timestamps a cookie can keep the MSS only.
      if (!one.timestamps) {
        one.scale = -1;
        one.sackOk = one.ecn = false;
      }
      one.iss = makeCookie(layer.hash, one, now + layer.clockOffset);
      layer.counters.cookies++;
      this.cookieSince = now;
      this.synAck(one, true, now);
      return;
    }
    one.iss = layer.initialSequence(destination, source, ports);
    if (floor !== undefined && !after(one.iss, floor)) one.iss = floor;
    one.sentAt = now;
    one.deadline = now + 1000;
    this.half.add(one);
    this.timers.arm(one);
    this.synAck(one, false, now);
  }

  private repeat(one: HalfOpen, now: number): void {
    one.repeated = true;
    this.synAck(one, false, now);
  }

  /** SYN-ACK, with the same options each time. */
  private synAck(one: HalfOpen, cookie: boolean, now: number): void {
    const { layer } = this;
    const clock = layer.timestamp(one, now);
    const options = writeSynOptions(
      layer.ip.tx.head,
      layer.ip.linkMtu - 40,
      one.scale === -1 ? -1 : layer.receiveScale,
      one.sackOk,
      one.timestamps,
      cookie ? cookieTimestamp(one, clock) : clock,
      one.tsRecent,
    );
    const flags = SYN | ACK | (one.ecn ? ECE : 0);
    layer.responder.send(
      one.route,
      one.localAddress,
      one.ports,
      one.iss,
      (one.irs + 1) | 0,
      flags,
      layer.initialWindow,
      options,
    );
  }

  /** RFC 9293 3.10.7.4, first: what is not acceptable in SYN-RECEIVED is told where we are; a few times (RFC 5961 7). */
  private challenge(one: HalfOpen, now: number): void {
    const { layer } = this;
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

  private halfInput(one: HalfOpen, segment: Segment, bytes: Uint8Array, ecn: number, now: number): void {
    const { layer } = this;
    const flags = segment.flags;
    const next = (one.irs + 1) | 0;
    if ((flags & RST) !== 0) {
      // RFC 5961 3.2 for SYN-RECEIVED.
      const offset = (segment.seq - next) | 0;
      if (offset === 0) this.forget(one);
      else {
        layer.drops.count(RST_INVALID);
        if (offset > 0 && offset < layer.initialWindow) this.challenge(one, now);
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
        this.forget(one);
        this.syn(segment, one.remoteAddress, one.localAddress, one.ports, now, undefined);
      } else this.repeat(one, now);
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
        (flags & SYN) !== 0 ? NOT_OURS : this.cookie(segment, bytes, remoteAddress, localAddress, ports, ecn, now);
      if (cookie === OPENED) this.forget(one);
      if (cookie !== NOT_OURS) return;
      layer.drops.count(ACK_INVALID);
      layer.responder.refuse(segment, one.remoteAddress, one.localAddress, one.ports);
      return;
    }
    const offset = (segment.seq - next) | 0;
    const old = one.timestamps && segment.timestamps && after(one.tsRecent, segment.tsVal);
    if (old || offset < 0 || offset >= layer.initialWindow) {
      layer.drops.count(old ? PAWS : OUT_OF_WINDOW);
      this.challenge(one, now);
      return;
    }
    this.forget(one);
    this.establish(one, segment, bytes, ecn, now);
  }

  /** An ICMP error about a SYN-ACK: a hard one ends the half-open connection (RFC 9293 3.9.2.2), if the number is that of ours. */
  error(type: number, code: number, remote: Ipv4, local: Ipv4, ports: number, seq: number): boolean {
    const one = this.half.get(remote, local, ports);
    if (one === undefined) return false;
    if (seq !== one.iss) {
      this.layer.drops.count(ERROR_OUT_OF_WINDOW);
      return false;
    }
    if (type === 3 && (code === 2 || code === 3)) this.forget(one);
    return true;
  }

  /** Forgets a half-open connection. It is no loss: cookies answer for a while, but one that has a SYN-ACK on its way must come again. */
  shedHalfOpen(): boolean {
    const one = this.timers.peek();
    if (one === undefined) return false;
    this.forget(one);
    return true;
  }

  private forget(one: HalfOpen): void {
    one.gone = true;
    one.deadline = Number.POSITIVE_INFINITY;
    this.timers.remove(one);
    this.half.delete(one);
  }

  /** An ACK for which nothing is remembered: is it the answer to a cookie of ours? */
  private cookie(
    segment: Segment,
    bytes: Uint8Array,
    source: Ipv4,
    destination: Ipv4,
    ports: number,
    ecn: number,
    now: number,
  ): typeof NOT_OURS | typeof TOO_SOON | typeof OPENED {
    const { layer } = this;
    const route = now - this.cookieSince > 120_000 ? undefined : layer.ip.route(source);
    if (route === undefined) return NOT_OURS;
    const one = new HalfOpen(route, destination, source, ports);
    one.irs = (segment.seq - 1) | 0;
    one.iss = (segment.ack - 1) | 0;
    one.mss = checkCookie(layer.hash, one, one.iss, now + layer.clockOffset);
    if (one.mss <= 0) {
      layer.drops.count(COOKIE_INVALID);
      // The segment before it was lost, with the only sequence number that we can take. It will come again; a RST would end it.
      return one.mss === LATER_SEGMENT ? TOO_SOON : NOT_OURS;
    }
    one.tsOffset = layer.hash.of(source, destination, 0x7357, 0);
    if (segment.timestamps) {
      one.timestamps = true;
      one.tsRecent = segment.tsVal;
      readCookieTimestamp(one, segment.tsEcr);
    }
    this.establish(one, segment, bytes, ecn, now);
    return OPENED;
  }

  private establish(one: HalfOpen, segment: Segment, bytes: Uint8Array, ecn: number, now: number): void {
    const { layer } = this;
    const accept = this.ports.get(one.ports & 0xffff);
    if (accept === undefined || !layer.budget.admit()) {
      const full = layer.connections.size >= layer.limits.connections ? LIMIT : MEMORY_LIMIT;
      layer.drops.count(accept === undefined ? PORT_CLOSED : full);
      layer.responder.refuse(segment, one.remoteAddress, one.localAddress, one.ports);
      return;
    }
    const c = new Connection(layer, one.route, one.localAddress, one.remoteAddress, one.ports);
    c.timestamps = one.timestamps;
    c.sackOk = one.sackOk;
    c.ecn = one.ecn;
    c.tsRecent = one.tsRecent;
    c.tsOffset = one.tsOffset;
    c.peerMss = one.mss;
    c.sndScale = Math.max(one.scale, 0);
    this.start(c, one.iss, one.irs, one.scale !== -1, now);
    // RFC 6298 2.2: the handshake is the first sample; of a SYN-ACK that was sent again (section 3) by what it echoes.
    if (one.repeated) {
      const echoed = (layer.timestamp(c, now) - segment.tsEcr) | 0;
      const known = c.timestamps && segment.timestamps && segment.tsEcr !== 0;
      if (known && echoed >= 0 && echoed < 60_000) c.busy.rtt.sample(Math.max(echoed, 1));
    } else if (one.sentAt !== 0) c.busy.rtt.sample(Math.max(now - one.sentAt, SHORTEST_RTT));
    if (one.retries > 0) c.busy.rtt.handshakeTimedOut();
    c.sndWnd = segment.window << c.sndScale;
    c.maxSndWnd = c.sndWnd;
    c.sndWl1 = segment.seq;
    c.sndWl2 = segment.ack;
    layer.connections.add(c);
    layer.counters.accepted++;
    c.busy.cc.start(c, now);
    // RFC 6928 2: one segment after more than one lost SYN-ACK; of one the timer may be to blame.
    if (one.retries > 1) c.busy.cc.cwnd = c.mss;
    accept(c);
    arrive(c, segment, bytes, ecn, now);
  }

  /** Both sides' first numbers are known. */
  private start(c: Connection, iss: number, irs: number, scaling: boolean, now: number): void {
    const { layer } = this;
    c.state = ESTABLISHED;
    c.iss = iss;
    c.sndUna = c.sndNxt = c.sndMax = c.busy.ecnRecover = c.busy.recover = (iss + 1) | 0;
    c.busy.queue.reset(c.sndNxt);
    c.irs = irs;
    c.rcvNxt = c.lastAckSent = (irs + 1) | 0;
    c.rcvScale = scaling ? layer.receiveScale : 0;
    c.rcvAdv = (c.rcvNxt + layer.initialWindow) | 0;
    c.heardAt = now;
    layer.updateMss(c);
  }

  poll(now: number): number {
    const { layer } = this;
    for (let one = this.timers.take(now); one !== undefined; one = this.timers.take(now)) {
      if (one.gone) continue;
      if (one.retries >= layer.limits.synAckRetries) {
        this.forget(one);
        continue;
      }
      one.retries++;
      this.repeat(one, now);
      one.deadline = now + 1000 * 2 ** one.retries;
      this.timers.arm(one);
    }
    return this.timers.next();
  }

  addressLost(address: Ipv4): void {
    for (const one of [...this.half]) if (one.localAddress === address) this.forget(one);
  }
}
