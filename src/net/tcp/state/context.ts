/**
 * What the parts of TCP need of the layer that they work in. `Connection` is the type of its connection records: the
 * records refer to their context, and the context does not import them.
 */
import type { Containment } from '../../containment.js';
import type { Drops } from '../../drops.js';
import type { Accept, Adopt, CloseReason } from '../../flow.js';
import type { Handle, IpOutput, Route } from '../../ip/contracts/ip-output.js';
import type { KeyedHash } from '../../keyed-hash.js';
import type { Probe, ProbeEvent } from '../../probe.js';
import type { Random } from '../../random.js';
import type { Steps } from '../../steps.js';
import type { Segment } from '../../wire/tcp.js';
import type { SentPool } from '../flight/sent.js';
import type { FlowTable, Keyed } from '../tables/flow-table.js';
import type { TimeWaitTable } from '../tables/time-wait.js';
import type { AckSample } from './ack-sample.js';
import type { BusyPool } from './busy.js';
import type { Clocks } from './clocks.js';
import type { Departed, Elsewhere } from './departure.js';
import type { TcpLimits } from './limits.js';

interface TcpCounters {
  segmentsIn: number;
  segmentsOut: number;
  retransmissions: number;
  accepted: number;
  opened: number;
  resetsSent: number;
  cookies: number;
  shedHalfOpen: number;
  shedIdle: number;
  shedSlow: number;
  /** Connections that came from another program, and that went to one. */
  movedIn: number;
  movedOut: number;
}

/** Segments that belong to no connection. */
interface Replying<Connection> {
  /** Writes the numbers, flags and window of the segment that `send` finishes. */
  write(seq: number, ack: number, flags: number, window: number): this;
  /** Finishes and sends the segment that lies in the frame. `options`: bytes of its options. */
  send(route: Route, local: Handle, ports: number, options?: number): void;
  /** Writes the timestamps option where `send` wants options; returns its length. */
  timestamps(value: number, echo: number): number;
  /** RST of a connection of ours. */
  reset(c: Connection): void;
  /** RFC 9293 3.5.2 group 1: the RST for a segment without a connection. */
  refuse(segment: Segment, source: Handle, destination: Handle, ports: number): void;
  /** Counts a segment for which no RST is due only because there is a connection. */
  spare(now: number): void;
}

interface Budgeting<Connection> {
  /** Bytes that came and are kept. */
  received: number;
  /** Whether one more connection may be; makes room for it if it can. */
  admit(): boolean;
  /** Whether `bytes` more may be kept for `c`. */
  keep(c: Connection, bytes: number): boolean;
  /** Whether a half-open connection may be remembered. */
  remember(): boolean;
}

interface Scheduling<Connection> {
  /** It has output due, which is sent at the end of the batch. */
  touch(c: Connection): void;
  /** Sends what is due to one, at once. */
  flushOne(c: Connection): void;
  /** Its timers may have changed. */
  rearm(c: Connection): void;
}

/** Ports with a listener, and connections in SYN-RECEIVED. */
interface Passive {
  readonly halfOpen: number;
  has(port: number): boolean;
  isHalfOpen(remote: Handle, local: Handle, ports: number): boolean;
  acceptOf(port: number): Accept | undefined;
  adopterOf(port: number): Adopt | undefined;
  shedHalfOpen(): boolean;
}

interface Active<Connection> {
  /** SYN in SYN-SENT, SYN-ACK in SYN-RECEIVED. */
  sendSyn(c: Connection, now: number): void;
  /** RFC 9293 3.10.7.3. */
  arriveSynSent(c: Connection, segment: Segment, now: number): void;
  /** An ACK in SYN-RECEIVED of a simultaneous open. False: it does not acknowledge our SYN. */
  acknowledged(c: Connection, segment: Segment, now: number): boolean;
}

export interface Context<Connection extends Keyed> {
  readonly ip: IpOutput;
  readonly drops: Drops;
  readonly faults: Containment;
  readonly limits: TcpLimits;
  readonly hash: KeyedHash;
  readonly clocks: Clocks;
  readonly random: Random;
  readonly steps: Steps;
  readonly pool: SentPool;
  readonly busyPool: BusyPool;
  readonly connections: FlowTable<Connection>;
  readonly waiting: TimeWaitTable;
  readonly replies: Replying<Connection>;
  readonly budget: Budgeting<Connection>;
  readonly schedule: Scheduling<Connection>;
  readonly listening: Passive;
  readonly opening: Active<Connection>;
  /** The window shift that we announce (RFC 7323 2.2): as large as the receive buffer needs. */
  readonly receiveScale: number;
  /** The window in a SYN, which is never scaled (RFC 7323 2.2). */
  readonly initialWindow: number;
  /** What the ACK that is being dealt with reports. */
  readonly sample: AckSample;
  /** Room for the blocks of one SACK option: left and right edge of four. */
  readonly sackBlocks: Int32Array;
  readonly counters: TcpCounters;
  /** The `now` of the entry that runs. */
  now: number;
  /**
   * Called before something is asked of a connection. There a host of real time sets `now` if no entry runs, and polls
   * soon.
   */
  outside: (() => void) | undefined;
  /** Asked for segments of connections that this layer does not have. */
  elsewhere: Elsewhere | undefined;
  /** The traffic is another layer's by now; this gets reports of what still is ours. */
  departed: Departed | undefined;
  /** Sees every segment that is for us or from us, once its checksum is right. */
  probe: Probe | undefined;
  /** What was sent while a segment is dealt with, for the probe. */
  answers: ProbeEvent[] | undefined;
  /** The connection is over: nothing of it stays. */
  gone(c: Connection, reason: CloseReason, reported?: boolean): void;
  /** RST, and over (RFC 9293 3.10.5). */
  abort(c: Connection, reason: CloseReason): void;
  /**
   * An exception out of what was done for it: it is reset, and nothing of it stays. Throws `error` where no listener
   * for faults is set.
   */
  faulted(c: Connection, error: unknown): void;
  /** The owner reads again. */
  resumed(c: Connection): void;
  /** The owner has no more to do with a connection in FIN-WAIT-2. */
  leave(c: Connection): void;
}
