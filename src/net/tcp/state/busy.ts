/**
 * What a connection knows only while something is in flight, queued, out of order or due: its queue, its flight,
 * recovery, timers, congestion control. An idle connection has none of this, and a request borrows one out of a pool.
 * With ten thousand idle connections, each then costs half a kilobyte less. A connection that lives for a single
 * request allocates little.
 */

import type { CongestionControl } from '../congestion/controller.js';
import { Delivery } from '../flight/delivery.js';
import { Duplicates } from '../flight/duplicates.js';
import { InFlight } from '../flight/in-flight.js';
import { ProportionalRate } from '../flight/prr.js';
import { Rack } from '../flight/rack.js';
import { RttEstimator } from '../flight/rto.js';
import type { SentPool } from '../flight/sent.js';
import { TailProbe } from '../flight/tail-probe.js';
import { Timers } from '../flight/timers.js';
import { Undo } from '../flight/undo.js';
import { Urgent } from '../flight/urgent.js';
import { ZERO } from '../numbers/fraction.js';
import type { Held } from './held.js';
import type { Reassembly } from './reassembly.js';
import { SendQueue } from './send-queue.js';

/** F-RTO (RFC 5682): off, waiting for the first ACK after a timeout, waiting for what new data draws. */
export const FRTO_OFF = 0;
export const FRTO_WAITING = 1;
export const FRTO_PROBING = 2;

export class BusyState {
  readonly queue: SendQueue;
  readonly flight: InFlight;
  readonly rtt = new RttEstimator();
  cc: CongestionControl;

  readonly delivery = new Delivery();
  cwndLimited = false;
  recovering = false;
  /** Recovery by timeout (slow start over) rather than by fast retransmit. */
  timedOut = false;
  /** Recovery is over when `sndUna` reaches this. */
  recover = 0;
  /** What the peer reports to have got twice. */
  readonly duplicates = new Duplicates();
  readonly prr = new ProportionalRate();
  readonly undo = new Undo();
  readonly rack = new Rack();
  readonly tailProbe = new TailProbe();
  readonly timers = new Timers();
  /** Undefined: neither side has sent any. */
  urgent: Urgent | undefined = undefined;
  /** Up to here ECE tells of a window that was reduced already (RFC 3168 6.1.2). */
  ecnRecover = 0;
  frto = FRTO_OFF;
  /** When the oldest unacknowledged byte became the oldest: the user timeout counts from here. */
  stuckSince = ZERO;
  reassembly: Reassembly | undefined = undefined;
  /** Sequence number of a FIN that came early. */
  finAt = 0;
  finPending = false;
  /** Bytes that were charged to the budget for what is kept of what came. */
  charged = 0;
  /** Data that came while paused. */
  held: Held | undefined = undefined;
  dsackLeft = 0;
  dsackRight = 0;
  /** Segments since `rcvNxt` moved that were acknowledged at once, each by an ACK of its own. */
  prompt = 0;
  closedAt = ZERO;
  /** Active open: called when the connection is established. */
  opened: (() => void) | undefined = undefined;

  constructor(pool: SentPool, cc: CongestionControl) {
    this.queue = new SendQueue(pool.steps);
    this.flight = new InFlight(pool);
    this.cc = cc;
  }

  /** Where urgent data ends, from now on kept. */
  hasUrgent(): Urgent {
    this.urgent ??= new Urgent();
    return this.urgent;
  }

  /** As new, for a connection whose next byte to send is `seq`. The caller renews what congestion control knows. */
  renew(seq: number): void {
    this.queue.reset(seq);
    this.rtt.renew();
    this.delivery.reset();
    this.cwndLimited = false;
    this.recovering = false;
    this.timedOut = false;
    this.duplicates.renew();
    this.prr.reset();
    this.undo.reset();
    this.rack.reset();
    this.tailProbe.reset();
    this.timers.reset();
    this.urgent = undefined;
    this.frto = FRTO_OFF;
    this.stuckSince = 0;
    this.reassembly = undefined;
    this.finAt = 0;
    this.finPending = false;
    this.held = undefined;
    this.dsackLeft = 0;
    this.dsackRight = 0;
    this.prompt = 0;
    this.closedAt = 0;
    this.opened = undefined;
    this.recover = seq;
    this.ecnRecover = (seq - 1) | 0;
  }
}

/** Most that are kept for the next connection. */
const POOL_MOST = 1024;

/** Records that are not in use. */
export class BusyPool {
  /** Those in use. */
  lent = 0;
  private readonly free: BusyState[] = [];

  constructor(
    private readonly records: SentPool,
    private readonly congestion: () => CongestionControl,
  ) {}

  take(seq: number): BusyState {
    this.lent++;
    const one = this.free.pop();
    if (one === undefined) return this.unlent(seq);
    if (one.cc.renew === undefined) one.cc = this.congestion();
    else one.cc.renew();
    one.renew(seq);
    return one;
  }

  /** A new record that does not count as lent. */
  unlent(seq: number): BusyState {
    const fresh = new BusyState(this.records, this.congestion());
    fresh.renew(seq);
    return fresh;
  }

  /** `one` may still be looked at until the next `take`. */
  give(one: BusyState): void {
    this.lent--;
    one.flight.clear();
    one.queue.reset(0);
    one.reassembly = undefined;
    one.held = undefined;
    one.opened = undefined;
    if (this.free.length < POOL_MOST) this.free.push(one);
  }
}
