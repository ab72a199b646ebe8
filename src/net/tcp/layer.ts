/** TCP as the stack hosts it: who a segment is for, what has a timer due, and what has something to send. */

import { RX_CHECKSUM_OK } from '../device/device.js';
import { HEAD_SIZE, TRANSPORT_OFFSET } from '../device/tx-frame.js';
import { type Drops, dropReason } from '../drops.js';
import type { Accept, Adopt, CloseReason } from '../flow.js';
import type { IpOutput, Ipv4 } from '../ip-output.js';
import type { Probe, ProbeEvent } from '../probe.js';
import type { Random, Transport } from '../transport.js';
import { addWords, fold, pseudoHeader } from '../wire/checksum.js';
import { int32At, PROTOCOL_TCP, Segment, TCP_HEADER, uint16At } from '../wire/tcp.js';
import { ActiveOpen } from './active-open.js';
import { Budget } from './budget.js';
import { BusyPool, TIMER_NONE } from './busy.js';
import type { CongestionControl } from './congestion.js';
import type { Connection } from './connection.js';
import { FlowTable } from './flow-table.js';
import { type Departed, type Elsewhere, nameOf, timeWaitState } from './hand-over.js';
import { icmpError } from './icmp.js';
import { SentPool } from './in-flight.js';
import { arrive } from './input.js';
import { onLife } from './keep-alive.js';
import { KeyedHash } from './keyed-hash.js';
import { DEFAULT_LIMITS, type TcpLimits } from './limits.js';
import { output, sendAck } from './output.js';
import { Listening } from './passive-open/listening.js';
import { stateName, tell } from './probing.js';
import { releaseHeld } from './receive.js';
import { Responder } from './reset.js';
import { CLOSED, SYN_SENT } from './state.js';
import { NONE, TIME_WAIT, TimeWaitTable } from './time-wait.js';
import { onTimer } from './timeout.js';
import { TimerHeap } from './timer-heap.js';

const TRUNCATED = dropReason('tcp-truncated');
const HEADER_LENGTH = dropReason('tcp-header-length');
const CHECKSUM = dropReason('tcp-checksum');
const BROADCAST = dropReason('tcp-broadcast');
const DEPARTED = dropReason('tcp-handed-over');
const PORT_ZERO = dropReason('tcp-port-zero');
const CHALLENGE_LIMITED = dropReason('tcp-challenge-limited');

/** What `limits.challenges` counts in, ms (RFC 5961 7). */
const CHALLENGE_PERIOD = 5000;

export interface TcpOptions {
  readonly ip: IpOutput;
  readonly random: Random;
  readonly drops: Drops;
  /** Makes the congestion control of one connection. */
  readonly congestion: () => CongestionControl;
  readonly limits?: Partial<TcpLimits>;
}

export class TcpLayer implements Transport {
  readonly protocol = PROTOCOL_TCP;
  readonly ip: IpOutput;
  readonly drops: Drops;
  readonly limits: TcpLimits;
  readonly congestion: () => CongestionControl;
  readonly hash: KeyedHash;
  readonly random: Random;
  readonly pool = new SentPool();
  readonly busyPool: BusyPool;
  readonly connections: FlowTable<Connection>;
  readonly waiting: TimeWaitTable;
  readonly responder: Responder;
  readonly budget: Budget;
  readonly listening: Listening;
  readonly opening: ActiveOpen;
  /** The window shift that we announce (RFC 7323 2.2): as large as the receive buffer needs. */
  readonly receiveScale: number;
  /** The window in a SYN, which is never scaled (RFC 7323 2.2). */
  readonly initialWindow: number;
  readonly counters = {
    segmentsIn: 0,
    segmentsOut: 0,
    retransmissions: 0,
    accepted: 0,
    opened: 0,
    resetsSent: 0,
    cookies: 0,
    shedHalfOpen: 0,
    shedIdle: 0,
    shedSlow: 0,
    /** Connections that came from another program, and that went to one. */
    movedIn: 0,
    movedOut: 0,
  };
  /** The `now` of the entry that runs. */
  now = 0;
  /** Called before something is asked of a connection: a host of real time sets `now` where no entry runs, and polls soon. */
  outside: (() => void) | undefined = undefined;
  /** Between `now` and the clock of sequence numbers, cookies and timestamps, which outlives a program. */
  clockOffset = 0;
  /** Asked for segments of connections that this layer does not have. */
  elsewhere: Elsewhere | undefined = undefined;
  /** The traffic is another layer's by now; what still is ours is told to that one. */
  departed: Departed | undefined = undefined;
  /** Sees every segment that is for us or from us, once its checksum is right. Nobody looks: one comparison. */
  probe: Probe | undefined = undefined;
  /** What was sent while a segment is dealt with, for the probe. */
  answers: ProbeEvent[] | undefined = undefined;
  private readonly timers = new TimerHeap<Connection>();
  private readonly segment = new Segment();
  private dirty: Connection[] = [];

  constructor(options: TcpOptions) {
    this.ip = options.ip;
    this.random = options.random;
    this.drops = options.drops;
    this.congestion = options.congestion;
    this.busyPool = new BusyPool(this.pool, options.congestion);
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.hash = new KeyedHash(options.random);
    this.connections = new FlowTable<Connection>(this.hash);
    this.waiting = new TimeWaitTable(this.hash, this.limits.timeWait);
    this.responder = new Responder(this);
    this.budget = new Budget(this);
    this.initialWindow = Math.min(0xffff, this.limits.receiveBuffer);
    this.receiveScale = Math.max(0, Math.ceil(Math.log2((this.limits.receiveBuffer + 1) / 0x1_0000)));
    this.listening = new Listening(this);
    this.opening = new ActiveOpen(this);
  }

  /** RFC 6528 3: a clock of 4 µs and a keyed hash of the four-tuple. */
  initialSequence(local: Ipv4, remote: Ipv4, ports: number): number {
    return (Math.floor((this.now + this.clockOffset) * 250) + this.hash.of(local, remote, ports, 0x15e9)) | 0;
  }

  /** Our timestamp clock for a connection, ms (RFC 7323 5.4), with an offset that hides how long we have run. */
  timestamp(c: { readonly tsOffset: number }, now: number): number {
    return (Math.floor(now + this.clockOffset) + c.tsOffset) | 0;
  }

  input(
    bytes: Uint8Array,
    ip: number,
    start: number,
    end: number,
    source: Ipv4,
    destination: Ipv4,
    marks: number,
    broadcast: boolean,
    tos: number,
    now: number,
  ): void {
    this.now = now;
    this.counters.segmentsIn++;
    const segment = this.segment;
    if (!segment.parse(bytes, start, end)) {
      this.drops.count(end - start < TCP_HEADER ? TRUNCATED : HEADER_LENGTH, bytes, start, end);
      return;
    }
    if (
      marks !== RX_CHECKSUM_OK &&
      fold(addWords(pseudoHeader(source, destination, PROTOCOL_TCP, end - start), bytes, start, end)) !== 0xffff
    ) {
      this.drops.count(CHECKSUM, bytes, start, end);
      return;
    }
    if (broadcast) {
      this.drops.count(BROADCAST, bytes, start, end);
      return;
    }
    // Nobody can be answered there. Port 0 of ours is one on which nobody listens.
    if (segment.sourcePort === 0) {
      this.drops.count(PORT_ZERO, bytes, start, end);
      return;
    }
    const ports = (segment.sourcePort << 16) | segment.destinationPort;
    if (this.probe === undefined) {
      this.dispatch(bytes, ip, end, source, destination, ports, tos, now);
      return;
    }
    const before = stateName(this, source, destination, ports);
    const { seq, ack, flags, window } = segment;
    const seen = { direction: 'in', seq, ack, flags, length: segment.end - segment.start, window } as const;
    // An answer is told of after its question, although it leaves before the question is done with.
    const answers: ProbeEvent[] = [];
    this.answers = answers;
    this.dispatch(bytes, ip, end, source, destination, ports, tos, now);
    this.answers = undefined;
    tell(this.probe, this, source, destination, ports, before, seen);
    for (const one of answers) this.probe(one);
  }

  /** To whom the segment in `this.segment` is. */
  private dispatch(
    bytes: Uint8Array,
    ip: number,
    end: number,
    source: Ipv4,
    destination: Ipv4,
    ports: number,
    tos: number,
    now: number,
  ): void {
    const { segment } = this;
    const connection = this.connections.get(source, destination, ports);
    if (connection !== undefined) {
      arrive(connection, segment, bytes, tos & 3, now);
      if (connection.state !== CLOSED) this.rearm(connection);
      return;
    }
    if (this.elsewhere?.segment(source, destination, ports, tos, bytes, ip, end)) return;
    if (this.departed !== undefined) {
      this.drops.count(DEPARTED, bytes, ip, end);
      return;
    }
    const row = this.waiting.find(source, destination, ports);
    let floor: number | undefined;
    if (row !== NONE) {
      const waiting = this.waiting.at(row);
      if (!this.responder.timeWait(row, waiting, segment, now)) return;
      floor = (waiting.sndNxt + 0x1_0001) | 0;
    }
    this.listening.input(segment, bytes, source, destination, ports, tos & 3, now, floor);
  }

  /** Has output due: it is sent at the end of the batch. */
  touch(c: Connection): void {
    if (this.outside !== undefined) this.outside();
    if (c.dirty) return;
    c.dirty = true;
    this.dirty.push(c);
  }

  flush(now: number): void {
    this.now = now;
    const dirty = this.dirty;
    for (let i = 0; i < dirty.length; i++) {
      const c = dirty[i];
      c.dirty = false;
      if (c.state === CLOSED) continue;
      output(c, now);
      this.rearm(c);
    }
    dirty.length = 0;
  }

  flushOne(c: Connection): void {
    if (this.outside !== undefined) this.outside();
    if (c.state === CLOSED) return;
    output(c, this.now);
    this.rearm(c);
  }

  rearm(c: Connection): void {
    if (c.resting) c.deadline = c.lifeAt;
    else {
      const { timerAt, delayedAckAt, pacingAt } = c.busy;
      c.deadline = Math.min(timerAt, delayedAckAt, pacingAt, c.lifeAt);
      if (c.deadline === c.lifeAt) c.rest();
    }
    this.timers.arm(c);
  }

  poll(now: number): number {
    this.now = now;
    for (let c = this.timers.take(now); c !== undefined; c = this.timers.take(now)) {
      if (c.state === CLOSED) continue;
      if (c.lifeAt <= now && !onLife(c, now)) {
        if (c.keepAliveProbes > 0) this.responder.reset(c);
        this.gone(c, 'timed-out');
        continue;
      }
      if (!c.resting && !this.due(c, now)) continue;
      this.rearm(c);
    }
    const waits = this.waiting.expire(now);
    const half = this.listening.poll(now);
    this.flush(now);
    return Math.min(this.timers.next(), half, waits);
  }

  /** What is due to a busy connection. False: it is over. */
  private due(c: Connection, now: number): boolean {
    const { busy } = c;
    if (busy.timerAt <= now && busy.timer !== TIMER_NONE && !onTimer(c, now)) {
      this.responder.reset(c);
      this.gone(c, c.state === SYN_SENT ? 'unreachable' : 'timed-out');
      return false;
    }
    if (busy.delayedAckAt <= now) sendAck(c);
    if (busy.pacingAt <= now) {
      busy.pacingAt = Number.POSITIVE_INFINITY;
      output(c, now);
    }
    return true;
  }

  enterTimeWait(c: Connection, now: number): void {
    if (c.ackNow) sendAck(c);
    this.wait(c, false, now);
    c.tellClosed('finished');
  }

  private wait(c: Connection, open: boolean, now: number): void {
    const { localAddress, remoteAddress, ports, sndMax, rcvNxt, timestamps, tsRecent, tsOffset } = c;
    const window = Math.min(Math.max((c.rcvAdv - rcvNxt) | 0, 0) >> c.rcvScale, 0xffff);
    const times = { timestamps, tsRecent, tsOffset, window, expires: now + TIME_WAIT };
    const one = { localAddress, remoteAddress, ports, sndNxt: sndMax, rcvNxt, open, ...times };
    this.departed?.timeWait(timeWaitState(one, now));
    this.gone(c, 'finished', false);
    if (this.departed === undefined) this.waiting.add(one);
  }

  /**
   * Our owner has no more to do with a connection in FIN-WAIT-2. The peer has everything, and our FIN, but its program may not have
   * read it, and some systems throw that away at a RST: it may end in peace. What it still sends is reset then.
   */
  leave(c: Connection): void {
    this.wait(c, true, this.now);
    c.tellClosed('reset-by-us');
  }

  /** The connection is over: nothing of it stays. */
  gone(c: Connection, reason: CloseReason, tell = true): void {
    if (c.state === CLOSED) return;
    c.state = CLOSED;
    c.deadline = Number.POSITIVE_INFINITY;
    this.connections.delete(c);
    this.timers.remove(c);
    this.departed?.gone(nameOf(c));
    if (!c.resting) {
      this.budget.received -= c.heldBytes + (c.busy.reassembly?.size ?? 0);
      c.release();
    }
    c.heldBytes = 0;
    if (tell) c.tellClosed(reason);
  }

  /** Takes it out as it is: nothing of it happens, and nobody finds it. */
  detach(c: Connection): void {
    this.connections.delete(c);
    this.timers.remove(c);
  }

  /** It goes on, with the timers and the output that it has due. */
  attach(c: Connection): void {
    this.connections.add(c);
    this.rearm(c);
    if (!c.resting) this.touch(c);
  }

  /** Resets every connection. */
  abortAll(reason: CloseReason): void {
    for (const c of [...this.connections]) this.abort(c, reason);
  }

  /** RST, and over (RFC 9293 3.10.5). */
  abort(c: Connection, reason: CloseReason): void {
    if (c.state === CLOSED) return;
    this.responder.reset(c);
    this.gone(c, reason);
  }

  resumed(c: Connection): void {
    releaseHeld(c);
    // After the peer's FIN nobody waits for a window any more.
    if (c.state === CLOSED || c.finReceived) return;
    c.ackNow = true;
    this.touch(c);
  }

  /** An ACK that tells where we are. `data`: the segment carried data, so that the sender must hear (never limited). */
  challenge(c: Connection, data: boolean): void {
    if (!data) {
      const period = Math.floor(this.now / CHALLENGE_PERIOD);
      if (period !== c.challengePeriod) {
        c.challengePeriod = period;
        c.challenges = 0;
      }
      if (c.challenges >= this.limits.challenges) {
        this.drops.count(CHALLENGE_LIMITED);
        return;
      }
      c.challenges++;
    }
    sendAck(c);
  }

  enterRecovery(c: Connection, now: number): void {
    c.busy.recovering = true;
    c.busy.timedOut = false;
    c.busy.recover = c.sndMax;
    c.busy.recoverFlightSize = (c.sndMax - c.sndUna) | 0;
    c.busy.prrDelivered = c.busy.prrOut = 0;
    c.busy.undoRetransmissions = 0;
    c.busy.retransmitTs = 0;
    c.busy.prrWindow = c.busy.flight.pipe + c.mss;
    c.busy.cc.onCongestion(c, false, now);
  }

  /** RFC 9293 3.7.1: Eff.snd.MSS out of the peer's MSS, the path and the options on each segment. */
  updateMss(c: Connection): void {
    const path = this.ip.pathMtu(c.route) - 40;
    // Where the checksum is ours to make, a segment is copied into the head, jumbo frames or not.
    const room = this.ip.offload.checksum ? path : Math.min(path, HEAD_SIZE - TRANSPORT_OFFSET - 40);
    c.mss = Math.max(Math.min(c.peerMss, room, c.mssCap) - (c.timestamps ? 12 : 0), 36);
  }

  sendSyn(c: Connection, now: number): void {
    this.opening.sendSyn(c, now);
  }

  arriveSynSent(c: Connection, segment: Segment, now: number): void {
    this.opening.arriveSynSent(c, segment, now);
  }

  acknowledged(c: Connection, segment: Segment, now: number): boolean {
    return this.opening.acknowledged(c, segment, now);
  }

  error(type: number, code: number, mtu: number, bytes: Uint8Array, ip: number, end: number, now: number): boolean {
    this.now = now;
    const at = ip + (bytes[ip] & 15) * 4;
    if (at + 8 > end) return false;
    // Our datagram: source and destination are ours and the peer's.
    const ports = (uint16At(bytes, at + 2) << 16) | uint16At(bytes, at);
    const c = this.connections.get(int32At(bytes, ip + 16), int32At(bytes, ip + 12), ports);
    if (c === undefined) {
      return this.listening.error(
        type,
        code,
        int32At(bytes, ip + 16),
        int32At(bytes, ip + 12),
        ports,
        int32At(bytes, at + 4),
      );
    }
    const taken = icmpError(c, type, code, mtu, int32At(bytes, at + 4), now);
    if (c.state !== CLOSED) this.rearm(c);
    return taken;
  }

  addressLost(address: Ipv4, now: number): void {
    this.now = now;
    for (const c of [...this.connections]) if (c.localAddress === address) this.gone(c, 'address-lost');
    this.waiting.addressLost(address);
    this.listening.addressLost(address);
  }

  listen(port: number, accept: Accept, adopt?: Adopt): { close(): void; readonly port: number } {
    return this.listening.listen(port, accept, adopt);
  }

  /** See `ActiveOpen.connect`. */
  connect(
    local: Ipv4,
    remote: Ipv4,
    port: number,
    now: number,
    opened: (c: Connection) => void,
  ): Connection | undefined {
    return this.opening.connect(local, remote, port, now, opened);
  }
}
