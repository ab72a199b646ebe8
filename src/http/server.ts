import type { Memory } from '../memory/memory.js';
import type { Carrier } from '../memory/pieces.js';
import type { Accept, Adopt, CloseReason, Flow, FlowHandler } from '../net/flow.js';
import { type ConnectionStats, type HttpStats, rowsOf, statsOf } from './admin/stats.js';
import { Answering } from './answer/answering.js';
import { Admission } from './connection/admission.js';
import { type Connection, STATE, Unfinished } from './connection/connection.js';
import { Deadlines } from './connection/deadlines.js';
import { Exchange } from './connection/exchange.js';
import { Http1 } from './connection/http1.js';
import { Moves } from './connection/moves.js';
import { type Expiries, Waits } from './connection/waits.js';
import { boundsOf, type HttpOptions } from './contracts/options.js';
import { BudgetCounts } from './h2/budgets.js';
import { Http2 } from './h2/http2.js';

/** Names of what is spoken here (RFC 7301 6), the preferred one first. */
export const ALPN_PROTOCOLS: readonly string[] = ['h2', 'http/1.1'];

/**
 * HTTP/1.1 and HTTP/2 (RFC 9110, 9112, 9113) over flows of any network, with answers from a store. One object for all
 * connections.
 */
export class HttpServer implements FlowHandler {
  readonly #answering: Answering;
  readonly #http1: Http1;
  readonly #deadlines: Deadlines<Connection>;
  readonly #waits: Waits;
  readonly #moves: Moves;
  readonly #speaksHttp2: boolean;
  readonly #makeHttp2: () => Http2;
  #http2: Http2 | undefined = undefined;
  readonly #budgets = new BudgetCounts();
  readonly #expiries: Expiries = {
    giveUp: (c) => this.#http1.giveUp(c),
    end: (c) => this.#http1.end(c),
    resume: (c) => this.#http1.resume(c),
    http2Idle: (c) => this.#http2!.idleExpired(c),
    http2Look: (c) => this.#http2!.look(c),
  };
  readonly #admission: Admission;

  /** Throws a `RangeError` when an option is out of its range. */
  constructor(options: HttpOptions) {
    const { limits, timeouts } = boundsOf(options);
    const unfinished = new Unfinished(limits.unfinished);
    this.#admission = new Admission(limits, unfinished, options.proxies?.trusts);
    this.#deadlines = new Deadlines<Connection>(options.clock);
    this.#waits = new Waits(this.#deadlines, timeouts, this.#expiries, (c, turn) => this.#guarded(c, turn));
    const { heads, bodies, idle, sending, lingering, watched } = this.#waits;
    this.#moves = new Moves(
      { heads, idle, sending, lingering, watched },
      {
        freeze: (c, carrier) => this.#http2?.freeze(c, carrier),
        adopt: (c, said, find) => this.#speaksHttp2 && this.#theHttp2().adopt(c, said, find),
      },
    );
    this.#answering = new Answering(options, limits, Math.ceil(timeouts.retryAfter / 1000), this.#deadlines);
    this.#speaksHttp2 = options.http2 !== false;
    const becomeHttp2 = (c: Connection): void => this.#beginHttp2(c);
    const [answering, clock, waits, counts] = [this.#answering, this.#deadlines, this.#waits, this.#budgets];
    const guarded = (c: Connection, turn: (c: Connection) => void): void => {
      this.#deadlines.refresh();
      this.#guarded(c, turn);
    };
    const exchange = new Exchange(answering, bodies, unfinished, this.#speaksHttp2 ? becomeHttp2 : undefined);
    this.#http1 = new Http1({ answering, exchange, clock, limits, waits, guarded, http2: () => this.#theHttp2() });
    this.#makeHttp2 = () => new Http2({ answering, clock, counts, unfinished, limits, timeouts, waits, guarded });
  }

  /** Connections that are open now, those that are being refused among them. */
  get connections(): number {
    return this.#admission.connections;
  }

  /** What the server has done and is doing. Reads every connection: for a page, too slow for every request. */
  stats(): HttpStats {
    const { responder, faults } = this.#answering;
    const { accepted, refused } = this.#admission;
    const counts = { accepted, refused, faults: faults.count, budgets: this.#budgets.byName };
    return statsOf(responder.output.answers, responder.output.totalBytes, counts, this.#deadlines.waiting());
  }

  /** Some of the open connections, at most `limit`, in no order. */
  describe(limit: number): ConnectionStats[] {
    return rowsOf(this.#deadlines.waiting(), limit);
  }

  /** For `Network.listen`. */
  readonly accept: Accept = (flow) => {
    flow.handler = this;
    try {
      this.#deadlines.refresh();
      const c = this.#admission.admit(flow);
      flow.context = c;
      if (this.#admission.overrun) flow.reset();
      else {
        this.#waits.heads.add(c);
        if (this.#speaksHttp2 && flow.security?.alpn === 'h2') this.#beginHttp2(c);
      }
    } catch (error) {
      this.#fault(flow, error);
    }
  };

  /** For `Network.listen`, too. */
  readonly adopt: Adopt = (flow, state, find = () => undefined) => {
    this.#deadlines.refresh();
    const c = this.#admission.adopt(flow, (one) => this.#moves.adopt(one, state, this.#deadlines.now, find));
    if (c === undefined) return false;
    flow.handler = this;
    flow.context = c;
    return true;
  };

  // Each call of the network is guarded as a whole: a `try` around a batch of requests costs nothing that could be
  // measured.

  data(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    // Until a request is read, there is no request to answer with 500.
    this.#answering.responder.output.begun = true;
    try {
      this.#deadlines.refresh();
      this.#http1.data(flow.context as Connection, bytes, start, end);
    } catch (error) {
      this.#fault(flow, error);
    }
  }

  ended(flow: Flow): void {
    this.#answering.responder.output.begun = true;
    try {
      this.#deadlines.refresh();
      const c = flow.context as Connection;
      c.peerEnded = true;
      if (c.session !== undefined && c.state !== STATE.closing) this.#http2!.ended(c);
      else this.#http1.settle(c);
    } catch (error) {
      this.#fault(flow, error);
    }
  }

  drained(flow: Flow): void {
    this.#answering.responder.output.begun = true;
    try {
      this.#deadlines.refresh();
      const c = flow.context as Connection;
      if (c.later !== undefined) this.#http1.goOn(c);
      else if (c.state === STATE.stalled) this.#http1.resume(c);
      else if (c.session !== undefined && c.state !== STATE.closing) this.#http2!.drained(c);
    } catch (error) {
      this.#fault(flow, error);
    }
  }

  closed(flow: Flow, _reason: CloseReason): void {
    // If there is no connection, the fault came before it was admitted.
    if (flow.context !== undefined) this.#gone(flow.context as Connection);
  }

  #guarded(c: Connection, turn: (c: Connection) => void): void {
    this.#answering.responder.output.begun = true;
    try {
      turn(c);
    } catch (error) {
      this.#fault(c.flow, error);
    }
  }

  /**
   * An exception in one flow's turn is a bug of this program, or of a store: it is counted and reported, and ends that
   * flow alone. If no part of the answer has been written, the peer gets 500 first; in HTTP/2 `Requests` has already
   * sent it on the stream.
   */
  #fault(flow: Flow, error: unknown): void {
    try {
      this.#answering.faults.note(error);
      const c = flow.context as Connection | undefined;
      const speaksHttp1 = c !== undefined && c.session === undefined;
      if (speaksHttp1 && c.later === undefined && c.state < STATE.closing && !this.#answering.responder.output.begun) {
        this.#http1.fault(c);
        flow.flush();
      } else flow.reset();
    } catch {
      // Every exception is caught: this is the second fault of the same flow, and the log itself may have thrown.
      flow.reset();
    }
  }

  freeze(flow: Flow, carrier?: Carrier): unknown {
    this.#deadlines.refresh();
    return this.#moves.freeze(flow.context as Connection, this.#deadlines.now, carrier);
  }

  memories(flow: Flow): Iterable<Memory> {
    const c = flow.context as Connection;
    return c.session === undefined ? [] : this.#http2!.memories(c);
  }

  thaw(flow: Flow): void {
    this.#deadlines.refresh();
    this.#moves.thaw(flow.context as Connection);
  }

  moved(flow: Flow): void {
    const c = flow.context as Connection;
    this.#moves.forget(c);
    this.#gone(c);
  }

  #gone(c: Connection): void {
    c.state = STATE.closed;
    c.list?.remove(c);
    if (c.session !== undefined) this.#http2!.gone(c);
    c.forget();
    this.#admission.gone(c);
    if (this.#admission.connections === 0) this.#deadlines.rest();
  }

  /**
   * Every connection ends with its next answer, or when its idle time is over. An idle connection is not ended now,
   * because a request may be on its way. For a server whose traffic has moved to another program.
   */
  retire(): void {
    this.#answering.draining = true;
  }

  /** Ends idle connections, and every other one with its next answer. For a shutdown. */
  drain(): void {
    this.#deadlines.refresh();
    this.#answering.draining = true;
    this.#waits.eachQuiet((c) => {
      if (c.state !== STATE.reading) return;
      if (c.session !== undefined) this.#http2!.leave(c);
      else if (c.heldBytes === 0) this.#http1.end(c);
    });
  }

  /**
   * Resets the connection that has been idle longest, to make room for another one: one that waits for its next
   * request, else one that has sent nothing yet. False: none is idle. Checks a bounded number of connections.
   */
  giveWay(): boolean {
    return this.#waits.giveWay();
  }

  #beginHttp2(c: Connection): void {
    this.#theHttp2().begin(c);
  }

  /** Made when the first connection needs it. */
  #theHttp2(): Http2 {
    this.#http2 ??= this.#makeHttp2();
    return this.#http2;
  }
}
