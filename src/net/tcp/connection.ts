/**
 * One TCP connection: its variables by the names of RFC 9293 3.3.1, and the `Flow` that its owner holds. What is done with
 * them is in `input`, `ack`, `receive`, `output` and `timeout`.
 */
import type { Memory } from '../../memory/memory.js';
import type { CloseReason, Endpoint, Flow, FlowHandler, FlowInfo } from '../flow.js';
import type { Ipv4, Route } from '../ip-output.js';
import { formatIpv4 } from '../wire/address.js';
import type { CongestionControl, SenderView } from './congestion.js';
import type { Held } from './held.js';
import { InFlight } from './in-flight.js';
import { KEEP_ALIVE_INTERVAL, setKeepAlive } from './keep-alive.js';
import type { TcpLayer } from './layer.js';
import type { Reassembly } from './reassembly.js';
import { RttEstimator } from './rto.js';
import { SendQueue } from './send-queue.js';
import { CLOSE_WAIT, CLOSED, ESTABLISHED, FIN_WAIT_1, LAST_ACK, STATE_NAMES } from './state.js';

/** What the retransmission timer is armed for. */
export const TIMER_NONE = 0;
export const TIMER_RTO = 1;
export const TIMER_PROBE = 2;
export const TIMER_PERSIST = 3;
export const TIMER_REORDER = 4;

/** F-RTO (RFC 5682): off, waiting for the first ACK after a timeout, waiting for what new data draws. */
export const FRTO_OFF = 0;
export const FRTO_WAITING = 1;
export const FRTO_PROBING = 2;

/** What an owner that has gone is replaced by. */
const nobody: FlowHandler = { data() {}, ended() {}, drained() {}, closed() {} };

export class Connection implements Flow, SenderView {
  handler: FlowHandler = nobody;
  context: unknown = undefined;
  private low = 0;

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
  heardAt = 0;
  sentAt = 0;

  readonly queue = new SendQueue();
  readonly flight: InFlight;
  readonly rtt = new RttEstimator();
  readonly cc: CongestionControl;

  delivered = 0;
  deliveredAt = 0;
  firstSentAt = 0;
  lostTotal = 0;
  /** `lostTotal` as congestion control was last told. */
  lostTold = 0;
  /** `delivered` up to which samples are limited by the application; 0: not. */
  appLimitedUntil = 0;
  cwndLimited = false;

  recovering = false;
  /** Recovery by timeout (slow start over) rather than by fast retransmit. */
  timedOut = false;
  /** Recovery is over when `sndUna` reaches this. */
  recover = 0;
  dupAcks = 0;
  prrDelivered = 0;
  prrOut = 0;
  /** Bytes that PRR lets be in flight. */
  prrWindow = 0;
  recoverFlightSize = 0;
  /** Retransmissions of this recovery that no DSACK has called needless; -1: no undo any more. */
  undoRetransmissions = 0;
  /** Timestamp clock when the first retransmission of this recovery left: an older echo proves it needless (RFC 3522). */
  retransmitTs = 0;
  rackSentAt = 0;
  rackEnd = 0;
  /** RTT of that transmission (RFC 8985 5.2 RACK.rtt). */
  rackRtt = 0;
  reorderingSeen = false;
  reorderingSteps = 1;
  reorderingRound = 0;
  fack = 0;
  tlpEnd = 0;
  tlpActive = false;
  tlpRetransmitted = false;
  /** `sndUna` when full segments began to vanish, and how many timeouts in a row there were. */
  backoff = 0;
  retransmissions = 0;
  ecnRecover = 0;
  frto = FRTO_OFF;

  timer = TIMER_NONE;
  timerAt = Number.POSITIVE_INFINITY;
  delayedAckAt = Number.POSITIVE_INFINITY;
  pacedUntil = 0;
  pacingAt = Number.POSITIVE_INFINITY;
  /** FIN-WAIT-2, keep-alive, user timeout. */
  lifeAt = Number.POSITIVE_INFINITY;
  deadline = Number.POSITIVE_INFINITY;
  heapAt = Number.POSITIVE_INFINITY;
  /** Silence before the first keep-alive, ms; 0: none are sent. */
  keepAliveInterval = 0;
  keepAliveProbes = 0;
  heapIndex = -1;
  persistBackoff = 0;
  /** When the oldest unacknowledged byte was first not acknowledged: the user timeout counts from here. */
  stuckSince = 0;

  ackNow = false;
  /** Full segments received since the last ACK. */
  unacked = 0;
  quickAcks = 8;
  /** The largest segment that came: what `every second full segment` goes by. */
  rcvMss = 536;
  reassembly: Reassembly | undefined = undefined;
  finReceived = false;
  /** Sequence number of a FIN that came early. */
  finAt = 0;
  finPending = false;
  paused = false;
  /** Data that came while paused. */
  held: Held | undefined = undefined;
  heldBytes = 0;
  dsackLeft = 0;
  dsackRight = 0;
  /** `end()` was called: FIN after the queue. */
  closing = false;
  closedAt = 0;
  /** `close()` was called: nobody reads any more. */
  deaf = false;
  /** Differentiated Services field, in place in the TOS byte (RFC 2474). */
  tos = 0;
  /** Small segments wait for ACKs (RFC 9293 3.7.4). Off: an answer is written in one piece. */
  nagle = false;
  /** R2 (RFC 9293 3.8.3, RFC 5482), ms: unacknowledged data ends the connection after this. */
  userTimeout: number;
  /** Where urgent data ends that we send, while `urgentOut`, and that the peer sends, while `urgentIn`. */
  sndUp = 0;
  urgentOut = false;
  rcvUp = 0;
  urgentIn = false;
  finSent = false;
  aboveLowWater = false;
  dirty = false;
  closedTold = false;
  fromPassive = true;
  /** Active open: told when the connection stands. */
  opened: ((c: Connection) => void) | undefined = undefined;

  constructor(
    readonly layer: TcpLayer,
    readonly route: Route,
    readonly localAddress: Ipv4,
    readonly remoteAddress: Ipv4,
    /** `remote << 16 | local`. */
    readonly ports: number,
  ) {
    this.flight = new InFlight(layer.pool);
    this.cc = layer.congestion();
    this.userTimeout = layer.limits.userTimeout;
  }

  get localPort(): number {
    return this.ports & 0xffff;
  }

  get remotePort(): number {
    return this.ports >>> 16;
  }

  get local(): Endpoint {
    return { address: formatIpv4(this.localAddress), port: this.localPort };
  }

  get remote(): Endpoint {
    return { address: formatIpv4(this.remoteAddress), port: this.remotePort };
  }

  get srtt(): number {
    return this.rtt.srtt;
  }

  get minRtt(): number {
    return this.rtt.min;
  }

  get inFlight(): number {
    return this.flight.pipe;
  }

  /** Data bytes queued or unacknowledged. */
  get queued(): number {
    const from = this.sndUna === this.iss ? (this.iss + 1) | 0 : this.sndUna;
    const bytes = (this.queue.end - from) | 0;
    return bytes > 0 ? bytes : 0;
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
    this.queue.push(memory, start, end);
    if (this.queued > this.low) this.aboveLowWater = true;
    this.layer.touch(this);
  }

  flush(): void {
    this.layer.flushOne(this);
  }

  end(): void {
    if (this.closing || this.state === CLOSED) return;
    this.closing = true;
    this.closedAt = this.layer.now;
    // RFC 9293 3.10.4: before the handshake is over, the FIN waits for its end.
    if (this.state === ESTABLISHED) this.state = FIN_WAIT_1;
    else if (this.state === CLOSE_WAIT) this.state = LAST_ACK;
    this.layer.touch(this);
  }

  /**
   * Closes both ways (RFC 9293 3.6.1, MAY-1): FIN after the queue, and nobody reads any more: data that comes, or has come and was not
   * read, is answered with RST, so that the peer does not take it for read (SHLD-3).
   */
  close(): void {
    if (this.state === CLOSED) return;
    if (this.heldBytes > 0) {
      this.layer.abort(this, 'reset-by-us');
      return;
    }
    this.deaf = true;
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
    this.sndUp = this.queue.end;
    this.urgentOut = true;
    this.layer.touch(this);
  }

  /** Bytes of urgent data that the owner has yet to be given. */
  get urgentLeft(): number {
    if (!this.urgentIn) return 0;
    return Math.max(0, (this.rcvUp - this.rcvNxt + this.heldBytes) | 0);
  }

  reset(): void {
    this.layer.abort(this, 'reset-by-us');
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.layer.resumed(this);
  }

  /** Tells the owner that it is over, once. */
  tellClosed(reason: CloseReason): void {
    if (this.closedTold) return;
    this.closedTold = true;
    const handler = this.handler;
    this.handler = nobody;
    handler.closed(this, reason);
  }

  /** Sends keep-alives after `interval` ms of silence; 0 turns them off, as they are to begin with (RFC 9293 MUST-24). */
  keepAlive(interval: number = KEEP_ALIVE_INTERVAL): void {
    setKeepAlive(this, interval);
    this.layer.rearm(this);
  }

  info(): FlowInfo {
    return {
      srtt: this.rtt.srtt === 0 ? undefined : this.rtt.srtt,
      rttvar: this.rtt.srtt === 0 ? undefined : this.rtt.rttvar,
      cwnd: this.cc.cwnd,
      ssthresh: this.cc.ssthresh,
      bytesInFlight: this.flight.pipe,
      retransmissions: this.retransmissions,
      state: STATE_NAMES[this.state],
    };
  }
}
