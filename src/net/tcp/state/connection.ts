/**
 * One TCP connection: its variables by the names of RFC 9293 3.3.1, and the `Flow` that its owner holds. The work on
 * them is in `input`, `ack`, `receive`, `output` and `timeout`.
 */
import type { Memory } from '../../../memory/memory.js';
import type { CloseReason, Endpoint, Flow, FlowHandler, FlowInfo } from '../../flow.js';
import type { Handle, Route } from '../../ip/contracts/ip-output.js';
import type { SenderView } from '../congestion/controller.js';
import { TIMER_NONE } from '../flight/timers.js';
import { ZERO } from '../numbers/fraction.js';
import { type BusyState, FRTO_OFF } from './busy.js';
import type { Context } from './context.js';
import { CLOSE_WAIT, CLOSED, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, LAST_ACK, STATE_NAMES } from './states.js';

/** Two hours (RFC 9293 MUST-28). */
const KEEP_ALIVE_INTERVAL = 7_200_000;

/** Replaces an owner that has gone. */
const nobody: FlowHandler = { data() {}, ended() {}, drained() {}, closed() {} };

/** The layer, as the parts of TCP see it. */
export type TcpContext = Context<Connection>;

export class Connection implements Flow, SenderView {
  handler: FlowHandler = nobody;
  context: unknown = undefined;
  private low = 0;

  private lent: BusyState | undefined = undefined;
  /** What is worth keeping while it rests: bytes, and microseconds; `restCwnd` 0: it has not rested. */
  private restCwnd = 0;
  private restSrtt = 0;
  private restRttvar = 0;
  private restMinRtt = 0;

  state = ESTABLISHED;
  iss = 0;
  sndUna = 0;
  sndNxt = 0;
  /** Highest sequence number ever sent, plus one. */
  sndMax = 0;
  sndWnd = 0;
  sndWl1 = 0;
  sndWl2 = 0;
  maxSndWnd = 0;
  sndScale = 0;
  rcvScale = 0;
  /** Payload bytes of a full segment, options taken off (RFC 9293 3.7.1 Eff.snd.MSS). */
  mss = 536;
  /** What the peer's MSS option said. */
  peerMss = 536;
  /** Bound on `mss` while larger segments are suspected to vanish; none: 65535. */
  mssCap = 0xffff;
  irs = 0;
  rcvNxt = 0;
  /** The right edge that was advertised. */
  rcvAdv = 0;
  /** `rcvNxt` when the last ACK left (RFC 7323 Last.ACK.sent). */
  lastAckSent = 0;

  timestamps = false;
  sackOk = false;
  ecn = false;
  /** An ECE is due on each ACK until CWR comes (RFC 3168 6.1.3). */
  eceDue = false;
  cwrDue = false;
  tsRecent = 0;
  tsOffset = 0;
  /** When the newest segment came and when the last data was sent, ms. */
  heardAt = ZERO;
  sentAt = ZERO;

  retransmissions = 0;

  /** FIN-WAIT-2, keep-alive, user timeout. */
  lifeAt = Number.POSITIVE_INFINITY;
  deadline = Number.POSITIVE_INFINITY;
  heapAt = Number.POSITIVE_INFINITY;
  /** Silence before the first keep-alive, ms; 0: none are sent. */
  keepAliveInterval = 0;
  keepAliveProbes = 0;
  heapIndex = -1;

  /** Challenge ACKs in the period of five seconds that is counted. */
  challenges = 0;
  challengePeriod = 0;

  ackNow = false;
  /** Full segments received since the last ACK. */
  unacked = 0;
  quickAcks = 8;
  /** The largest segment that came: the measure for `every second full segment`. */
  rcvMss = 536;
  finReceived = false;
  paused = false;
  heldBytes = 0;
  /** `end()` was called: FIN after the queue. */
  closing = false;
  /** `close()` was called: the owner reads no more. */
  readingEnded = false;
  /** Differentiated Services field, in place in the TOS byte (RFC 2474). */
  tos = 0;
  /** Small segments wait for ACKs (RFC 9293 3.7.4). Off: an answer is written in one piece. */
  nagle = false;
  /** R2 (RFC 9293 3.8.3, RFC 5482), ms: unacknowledged data ends the connection after this. */
  userTimeout: number;
  finSent = false;
  aboveLowWater = false;
  dirty = false;
  closedReported = false;
  fromPassive = true;

  constructor(
    readonly layer: TcpContext,
    readonly route: Route,
    readonly localAddress: Handle,
    readonly remoteAddress: Handle,
    /** `remote << 16 | local`. */
    readonly ports: number,
  ) {
    this.userTimeout = layer.limits.userTimeout;
  }

  /** What it needs to do anything; lent on first use, taken back by `rest`. */
  get busy(): BusyState {
    return this.lent ?? this.wake();
  }

  /** Nothing is queued, in flight, kept or due. */
  get resting(): boolean {
    return this.lent === undefined;
  }

  private wake(): BusyState {
    const { layer } = this;
    // One that is over gives nothing back: an owner may end it in the midst of a segment.
    if (this.state === CLOSED) return layer.busyPool.unlent(this.sndNxt);
    const busy = layer.busyPool.take(this.sndNxt);
    this.lent = busy;
    if (this.restCwnd > 0) {
      busy.rtt.restore(this.restSrtt, this.restRttvar, this.restMinRtt);
      busy.cc.start(this, layer.now);
      busy.cc.cwnd = this.restCwnd;
    }
    return busy;
  }

  /** Gives back what it was lent, if that holds nothing that a later segment could need. */
  rest(): void {
    const busy = this.lent;
    if (busy === undefined || this.state !== ESTABLISHED || this.dirty || this.closing || this.ackNow) return;
    // Its first request is on its way.
    if (this.restCwnd === 0 && ((this.sndUna - this.iss) | 0) <= 1) return;
    if (this.eceDue || this.cwrDue || this.heldBytes > 0 || busy.held !== undefined) return;
    if (busy.timers.kind !== TIMER_NONE || busy.flight.head !== undefined || busy.queue.end !== this.sndNxt) return;
    if (busy.recovering || busy.frto !== FRTO_OFF || busy.rack.reorderingSeen || busy.timers.backoff > 0) return;
    if (busy.reassembly !== undefined || busy.finPending || busy.urgent?.due === true) return;
    if (busy.dsackLeft !== busy.dsackRight || busy.cc.calm !== true) return;
    this.restCwnd = Math.floor(busy.cc.cwnd);
    this.restSrtt = Math.round(busy.rtt.srtt * 1000);
    this.restRttvar = Math.round(busy.rtt.rttvar * 1000);
    this.restMinRtt = Math.round(busy.rtt.min * 1000);
    this.release();
  }

  /** What is kept while it rests: cwnd in bytes, then smoothed, deviating and least RTT in microseconds. */
  get rested(): readonly [number, number, number, number] {
    return [this.restCwnd, this.restSrtt, this.restRttvar, this.restMinRtt];
  }

  set rested([cwnd, srtt, rttvar, minRtt]: readonly [number, number, number, number]) {
    this.restCwnd = cwnd;
    this.restSrtt = srtt;
    this.restRttvar = rttvar;
    this.restMinRtt = minRtt;
  }

  /** The connection is over: gives back what it was lent, whatever that holds. */
  release(): void {
    const busy = this.lent;
    this.lent = undefined;
    if (busy !== undefined) this.layer.busyPool.give(busy);
  }

  get localPort(): number {
    return this.ports & 0xffff;
  }

  get remotePort(): number {
    return this.ports >>> 16;
  }

  get local(): Endpoint {
    return { address: this.layer.ip.peers.text(this.localAddress), port: this.localPort };
  }

  get remote(): Endpoint {
    return { address: this.layer.ip.peers.text(this.remoteAddress), port: this.remotePort };
  }

  get srtt(): number {
    return this.busy.rtt.srtt;
  }

  get minRtt(): number {
    return this.busy.rtt.min;
  }

  get inFlight(): number {
    return this.busy.flight.pipe;
  }

  get delivered(): number {
    return this.busy.delivery.delivered;
  }

  get cwndLimited(): boolean {
    return this.busy.cwndLimited;
  }

  get timedOut(): boolean {
    return this.busy.timedOut;
  }

  /** Data bytes queued or unacknowledged. */
  get queued(): number {
    if (this.lent === undefined) return 0;
    const from = this.sndUna === this.iss ? (this.iss + 1) | 0 : this.sndUna;
    const bytes = (this.busy.queue.end - from) | 0;
    return bytes > 0 ? bytes : 0;
  }

  /** Data bytes queued or unacknowledged; our FIN counts as one, once `end()` was called. */
  get unacknowledged(): number {
    const finDue = this.closing && this.state !== CLOSED && !(this.finSent && this.sndUna === this.sndMax);
    return this.queued + (finDue ? 1 : 0);
  }

  get lowWater(): number {
    return this.low;
  }

  set lowWater(bytes: number) {
    this.low = bytes;
    if (this.queued > bytes) this.aboveLowWater = true;
  }

  write(memory: Memory, start: number, end: number): void {
    if (end <= start || this.closing || this.state === CLOSED) return;
    this.busy.queue.push(memory, start, end);
    if (this.queued > this.low) this.aboveLowWater = true;
    this.layer.schedule.touch(this);
  }

  flush(): void {
    this.layer.schedule.flushOne(this);
  }

  end(): void {
    if (this.closing || this.state === CLOSED) return;
    this.closing = true;
    this.busy.closedAt = this.layer.now;
    // RFC 9293 3.10.4: before the handshake is over, the FIN waits for its end.
    if (this.state === ESTABLISHED) this.state = FIN_WAIT_1;
    else if (this.state === CLOSE_WAIT) this.state = LAST_ACK;
    this.layer.schedule.touch(this);
  }

  /**
   * Closes both ways (RFC 9293 3.6.1, MAY-1): a FIN follows the queue, and the owner reads no more. A RST answers data
   * that comes later, or that came and was not read, so that the peer does not take it for read (SHLD-3).
   */
  close(): void {
    if (this.state === CLOSED) return;
    if (this.heldBytes > 0) {
      this.layer.abort(this, 'reset-by-us');
      return;
    }
    this.readingEnded = true;
    this.paused = false;
    this.end();
  }

  /** Differentiated Services code point of what is sent from now on, 0..63 (RFC 2474). */
  get dscp(): number {
    return this.tos >> 2;
  }

  set dscp(value: number) {
    this.tos = (value & 63) << 2;
  }

  /** What is queued now is urgent (RFC 9293 3.8.5). RFC 6093 advises new applications against it. */
  urgent(): void {
    if (this.queued === 0) return;
    this.busy.hasUrgent().send(this.busy.queue.end);
    this.layer.schedule.touch(this);
  }

  /** Bytes of urgent data that the owner has yet to be given. */
  get urgentLeft(): number {
    const { urgent } = this.busy;
    if (urgent?.receiving !== true) return 0;
    return Math.max(0, (urgent.receiveEnd - this.rcvNxt + this.heldBytes) | 0);
  }

  reset(): void {
    if (this.state === FIN_WAIT_2 && !this.finReceived) this.layer.leave(this);
    else this.layer.abort(this, 'reset-by-us');
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.layer.resumed(this);
  }

  /** Reports to the owner that it is over, once. */
  reportClosed(reason: CloseReason): void {
    if (this.closedReported) return;
    this.closedReported = true;
    const handler = this.handler;
    this.handler = nobody;
    try {
      handler.closed(this, reason);
    } catch (error) {
      this.layer.faulted(this, error);
    }
  }

  /**
   * Sends keep-alives after `interval` ms of silence; 0 turns them off, as they are to begin with (RFC 9293 MUST-24).
   */
  keepAlive(interval: number = KEEP_ALIVE_INTERVAL): void {
    this.keepAliveInterval = interval;
    this.keepAliveProbes = 0;
    if (this.state !== FIN_WAIT_2) this.lifeAt = interval > 0 ? this.heardAt + interval : Number.POSITIVE_INFINITY;
    this.layer.schedule.rearm(this);
  }

  info(): FlowInfo {
    const state = STATE_NAMES[this.state];
    const { retransmissions, lent } = this;
    const time = (microseconds: number) => (this.restSrtt === 0 ? undefined : microseconds / 1000);
    if (lent === undefined) {
      const rests = { srtt: time(this.restSrtt), rttvar: time(this.restRttvar), cwnd: this.restCwnd || undefined };
      return { ...rests, ssthresh: undefined, bytesInFlight: 0, retransmissions, state };
    }
    const { rtt, cc, flight } = lent;
    return {
      srtt: rtt.srtt === 0 ? undefined : rtt.srtt,
      rttvar: rtt.srtt === 0 ? undefined : rtt.rttvar,
      cwnd: cc.cwnd,
      ssthresh: cc.ssthresh,
      bytesInFlight: flight.pipe,
      retransmissions,
      state,
    };
  }
}
