/** TCP as the stack hosts it: what all connections share, and which connection a segment is for. */
import { Containment, GuardedPoll } from '../containment.js';
import { RX_CHECKSUM_OK } from '../device/device.js';
import { type Drops, dropReason } from '../drops.js';
import type { Accept, Adopt, CloseReason } from '../flow.js';
import type { Datagram, IcmpError } from '../ip/contracts/datagram.js';
import type { Handle, IpOutput } from '../ip/contracts/ip-output.js';
import type { Transport } from '../ip/contracts/transport.js';
import { KeyedHash } from '../keyed-hash.js';
import type { Probe, ProbeEvent } from '../probe.js';
import type { Random } from '../random.js';
import { Steps } from '../steps.js';
import { addWords, fold } from '../wire/checksum.js';
import { PROTOCOL_TCP, Segment, TCP_HEADER } from '../wire/tcp.js';
import { ActiveOpen } from './active-open.js';
import { Budget } from './budget.js';
import type { CongestionControl } from './congestion/controller.js';
import { SentPool } from './flight/sent.js';
import { Listening } from './passive-open/listening.js';
import { leave } from './receive/ending.js';
import { icmpError, quotedFlow, quotedSequence } from './receive/icmp.js';
import { arrive } from './receive/input.js';
import { resumed } from './receive/receive.js';
import { report, stateName } from './send/probing.js';
import { Replies } from './send/replies.js';
import { AckSample } from './state/ack-sample.js';
import { BusyPool } from './state/busy.js';
import { discharge } from './state/charge.js';
import { Clocks } from './state/clocks.js';
import type { Connection, TcpContext } from './state/connection.js';
import { carriedName, type Departed, type Elsewhere } from './state/departure.js';
import { DEFAULT_LIMITS, type TcpLimits } from './state/limits.js';
import { CLOSED } from './state/states.js';
import { FlowTable } from './tables/flow-table.js';
import { NONE, TimeWaitTable } from './tables/time-wait.js';
import { Schedule } from './timers/schedule.js';
import { Wreckage } from './wreckage.js';

const TRUNCATED = dropReason('tcp-truncated');
const HEADER_LENGTH = dropReason('tcp-header-length');
const CHECKSUM = dropReason('tcp-checksum');
const BROADCAST = dropReason('tcp-broadcast');
const DEPARTED = dropReason('tcp-handed-over');
const PORT_ZERO = dropReason('tcp-port-zero');

export interface TcpOptions {
  readonly ip: IpOutput;
  readonly random: Random;
  readonly drops: Drops;
  /** Where exceptions go. Without it they are thrown, once they are contained. */
  readonly faults?: Containment | undefined;
  /** Makes the congestion control of one connection. */
  readonly congestion: () => CongestionControl;
  readonly limits?: Partial<TcpLimits>;
}

export class TcpLayer implements Transport, TcpContext {
  readonly protocol = PROTOCOL_TCP;
  readonly ip: IpOutput;
  readonly drops: Drops;
  readonly faults: Containment;
  readonly limits: TcpLimits;
  readonly congestion: () => CongestionControl;
  readonly hash: KeyedHash;
  readonly clocks: Clocks;
  readonly random: Random;
  readonly steps = new Steps();
  readonly pool = new SentPool(this.steps);
  readonly busyPool: BusyPool;
  readonly connections: FlowTable<Connection>;
  readonly waiting: TimeWaitTable;
  readonly replies: Replies;
  readonly budget: Budget;
  readonly schedule: Schedule;
  readonly listening: Listening;
  readonly opening: ActiveOpen;
  private readonly wreckage: Wreckage;
  /** The window shift that we announce (RFC 7323 2.2): as large as the receive buffer needs. */
  readonly receiveScale: number;
  /** The window in a SYN, which is never scaled (RFC 7323 2.2). */
  readonly initialWindow: number;
  readonly sample = new AckSample();
  readonly sackBlocks = new Int32Array(8);
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
  /**
   * Called before something is asked of a connection. There a host of real time sets `now` if no entry runs, and polls
   * soon.
   */
  outside: (() => void) | undefined = undefined;
  /** Asked for segments of connections that this layer does not have. */
  elsewhere: Elsewhere | undefined = undefined;
  /** The traffic is another layer's by now; this gets reports of what still is ours. */
  departed: Departed | undefined = undefined;
  /** Sees every segment that is for us or from us, once its checksum is right. Unset, it costs one comparison. */
  probe: Probe | undefined = undefined;
  /** What was sent while a segment is dealt with, for the probe. */
  answers: ProbeEvent[] | undefined = undefined;
  private readonly segment = new Segment();
  private readonly waits: GuardedPoll;
  private readonly handshakes: GuardedPoll;

  constructor(options: TcpOptions) {
    this.ip = options.ip;
    this.random = options.random;
    this.drops = options.drops;
    this.faults = options.faults ?? new Containment();
    this.congestion = options.congestion;
    this.busyPool = new BusyPool(this.pool, options.congestion);
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.hash = new KeyedHash(options.random);
    this.clocks = new Clocks(this, this.hash, options.ip.peers);
    this.connections = new FlowTable<Connection>(this.hash, options.ip.peers);
    this.waiting = new TimeWaitTable(this.hash, this.limits.timeWait, options.ip.peers);
    this.replies = new Replies(this);
    this.budget = new Budget(this);
    this.schedule = new Schedule(this);
    this.initialWindow = Math.min(0xffff, this.limits.receiveBuffer);
    this.receiveScale = Math.max(0, Math.ceil(Math.log2((this.limits.receiveBuffer + 1) / 0x1_0000)));
    this.listening = new Listening(this);
    this.opening = new ActiveOpen(this);
    this.wreckage = new Wreckage(this);
    this.waits = new GuardedPoll(this.faults, { poll: (now) => this.waiting.expire(now) });
    this.handshakes = new GuardedPoll(this.faults, this.listening);
  }

  input(datagram: Datagram): void {
    const { bytes, start, end, source, destination, now } = datagram;
    this.now = now;
    this.counters.segmentsIn++;
    const segment = this.segment;
    if (!segment.parse(bytes, start, end)) {
      this.drops.count(end - start < TCP_HEADER ? TRUNCATED : HEADER_LENGTH, bytes, start, end);
      return;
    }
    if (
      datagram.marks !== RX_CHECKSUM_OK &&
      fold(addWords(this.ip.pseudo(destination, source, PROTOCOL_TCP, end - start), bytes, start, end)) !== 0xffff
    ) {
      this.drops.count(CHECKSUM, bytes, start, end);
      return;
    }
    if (datagram.broadcast) {
      this.drops.count(BROADCAST, bytes, start, end);
      return;
    }
    // Port 0 of the peer cannot be answered. Port 0 of ours has no listener.
    if (segment.sourcePort === 0) {
      this.drops.count(PORT_ZERO, bytes, start, end);
      return;
    }
    const ports = (segment.sourcePort << 16) | segment.destinationPort;
    try {
      if (this.probe === undefined) this.dispatch(datagram, ports);
      else this.probed(this.probe, datagram, ports);
    } catch (error) {
      this.answers = undefined;
      this.wreckage.clearAt([source, destination, ports], error);
    }
  }

  /** The same, seen by the probe. */
  private probed(probe: Probe, datagram: Datagram, ports: number): void {
    const { segment } = this;
    const name = { remote: datagram.source, local: datagram.destination, ports };
    const before = stateName(this, name);
    const { seq, ack, flags, window } = segment;
    const seen = { direction: 'in', seq, ack, flags, length: segment.end - segment.start, window } as const;
    // The probe gets an answer after its question, although the answer leaves before the question is done with.
    const answers: ProbeEvent[] = [];
    this.answers = answers;
    this.dispatch(datagram, ports);
    this.answers = undefined;
    report(probe, this, name, before, seen);
    for (const one of answers) probe(one);
  }

  /** Hands the segment in `this.segment` to the part that it is for. */
  private dispatch(datagram: Datagram, ports: number): void {
    const { segment } = this;
    const { bytes, source, destination, now } = datagram;
    const connection = this.connections.get(source, destination, ports);
    if (connection !== undefined) {
      arrive(connection, segment, bytes, datagram.tos & 3, now);
      // If output is due, the timer is armed when that has left.
      if (connection.state !== CLOSED && !connection.dirty) this.schedule.rearm(connection);
      return;
    }
    if (this.elsewhere?.segment(datagram, ports)) return;
    if (this.departed !== undefined) {
      this.drops.count(DEPARTED, bytes, datagram.ip, datagram.end);
      return;
    }
    const row = this.waiting.find(source, destination, ports);
    let floor: number | undefined;
    if (row !== NONE) {
      const waiting = this.waiting.at(row);
      if (!this.replies.timeWait(row, waiting, segment, now)) return;
      floor = (waiting.sndNxt + 0x1_0001) | 0;
    }
    this.listening.input(segment, datagram, ports, floor);
  }

  flush(now: number): void {
    this.now = now;
    this.schedule.flush(now);
  }

  poll(now: number): number {
    this.now = now;
    this.schedule.poll(now);
    const waits = this.waits.poll(now);
    const half = this.handshakes.poll(now);
    this.flush(now);
    return Math.min(this.schedule.next(), half, waits);
  }

  /** The connection is over: nothing of it stays. */
  gone(c: Connection, reason: CloseReason, reported = true): void {
    if (c.state === CLOSED) return;
    c.state = CLOSED;
    c.deadline = Number.POSITIVE_INFINITY;
    this.connections.delete(c);
    this.schedule.forget(c);
    this.departed?.gone(carriedName(this.ip.peers, c));
    if (!c.resting) {
      discharge(c);
      c.release();
    }
    c.heldBytes = 0;
    if (reported) c.reportClosed(reason);
  }

  faulted(c: Connection, error: unknown): void {
    this.wreckage.clear(c, error);
  }

  resumed(c: Connection): void {
    try {
      resumed(c);
    } catch (error) {
      this.faulted(c, error);
    }
  }

  leave(c: Connection): void {
    try {
      leave(c);
    } catch (error) {
      this.faulted(c, error);
    }
  }

  /** Takes it out as it is: nothing of it happens, and no look-up finds it. */
  detach(c: Connection): void {
    this.connections.delete(c);
    this.schedule.forget(c);
  }

  /** It goes on, with the timers and the output that it has due. */
  attach(c: Connection): void {
    this.connections.add(c);
    this.schedule.rearm(c);
    if (!c.resting) this.schedule.touch(c);
  }

  /** Resets every connection. */
  abortAll(reason: CloseReason): void {
    for (const c of [...this.connections]) this.abort(c, reason);
  }

  /** RST, and over (RFC 9293 3.10.5). */
  abort(c: Connection, reason: CloseReason): void {
    if (c.state === CLOSED) return;
    try {
      this.replies.reset(c);
      this.gone(c, reason);
    } catch (error) {
      this.faulted(c, error);
    }
  }

  believes(error: IcmpError): boolean {
    this.now = error.now;
    const flow = quotedFlow(this.ip, error);
    if (flow === undefined) return false;
    const seq = quotedSequence(this.ip, error);
    try {
      const c = this.connections.get(...flow);
      if (c === undefined) return this.listening.believes(error, flow, seq);
      const believed = icmpError(c, error, seq);
      if (c.state !== CLOSED) this.schedule.rearm(c);
      return believed;
    } catch (fault) {
      this.wreckage.clearAt(flow, fault);
      return false;
    }
  }

  pathMtuLowered(error: IcmpError): void {
    const flow = quotedFlow(this.ip, error);
    const c = flow && this.connections.get(...flow);
    this.now = error.now;
    if (c !== undefined) this.schedule.shrink(c, error.now);
  }

  linkMtuLowered(now: number): void {
    this.now = now;
    for (const c of [...this.connections]) this.schedule.shrink(c, now);
  }

  addressLost(address: Handle, now: number): void {
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
    local: Handle,
    remote: Handle,
    port: number,
    now: number,
    opened: (c: Connection) => void,
  ): Connection | undefined {
    return this.opening.connect(local, remote, port, now, opened);
  }
}
