import type { Accept, Adopt, CloseReason, Flow, FlowHandler } from '../net/flow.js';
import { Admission } from './admission.js';
import { Answering } from './answering.js';
import { type Connection, STATE, UNWATCHED, Unfinished } from './connection.js';
import { type DeadlineList, Deadlines } from './deadlines.js';
import { Exchange } from './exchange.js';
import { BudgetCounts } from './h2/budgets.js';
import { Http2 } from './h2/http2.js';
import { Moves } from './moves.js';
import { CR, LF } from './octets.js';
import { boundsOf, type HttpLimits, type HttpOptions } from './options.js';
import { type ConnectionStats, doing, type HttpStats } from './stats.js';

/** Beyond what a network may hand over after `pause()`, out of what it had already received; bytes. */
const STALLED_LIMIT = 4194304;

/** HTTP/1.1 and HTTP/2 (RFC 9110, 9112, 9113) over flows of any network, out of a store. One object for all connections. */
export class HttpServer implements FlowHandler {
  readonly #limits: HttpLimits;
  readonly #answering: Answering;
  readonly #exchange: Exchange;
  readonly #deadlines: Deadlines;
  readonly #heads: DeadlineList;
  readonly #bodies: DeadlineList;
  readonly #idle: DeadlineList;
  readonly #sending: DeadlineList;
  readonly #lingering: DeadlineList;
  /** HTTP/2 connections that have something under way. */
  readonly #watched: DeadlineList;
  readonly #moves: Moves;
  readonly #speaksHttp2: boolean;
  readonly #makeHttp2: () => Http2;
  #http2: Http2 | undefined = undefined;
  readonly #budgets = new BudgetCounts();
  readonly #admission: Admission;

  /** Throws a `RangeError` when an option is out of its range. */
  constructor(options: HttpOptions) {
    const { limits, timeouts } = boundsOf(options);
    this.#limits = limits;
    const unfinished = new Unfinished(limits.unfinished);
    this.#admission = new Admission(limits, unfinished);
    this.#deadlines = new Deadlines(options.clock);
    this.#heads = this.#deadlines.list(timeouts.head, (c) => this.#headExpired(c));
    this.#bodies = this.#deadlines.list(timeouts.body, (c) => this.#giveUp(c));
    this.#idle = this.#deadlines.list(timeouts.idle, (c) => this.#idleExpired(c));
    this.#sending = this.#deadlines.list(timeouts.send, (c) => this.#idleExpired(c));
    this.#lingering = this.#deadlines.list(timeouts.linger, (c) => this.#lingerExpired(c));
    const pace = Math.ceil(Math.min(timeouts.head, timeouts.body, timeouts.send, timeouts.linger) / 4) || 1;
    this.#watched = this.#deadlines.list(pace, (c) => this.#http2!.look(c));
    const [heads, idle, sending, lingering] = [this.#heads, this.#idle, this.#sending, this.#lingering];
    this.#moves = new Moves(
      { heads, idle, sending, lingering },
      {
        freeze: (c) => this.#http2?.freeze(c),
        adopt: (c, said) => this.#speaksHttp2 && this.#theHttp2().adopt(c, said),
      },
    );
    this.#answering = new Answering(options, limits, Math.ceil(timeouts.retryAfter / 1000), this.#deadlines);
    this.#speaksHttp2 = options.http2 !== false;
    const becomeHttp2 = (c: Connection): void => this.#beginHttp2(c);
    this.#exchange = new Exchange(
      this.#answering,
      this.#bodies,
      unfinished,
      this.#speaksHttp2 ? becomeHttp2 : undefined,
    );
    const [answering, clock, watched, counts] = [this.#answering, this.#deadlines, this.#watched, this.#budgets];
    this.#makeHttp2 = () =>
      new Http2({ answering, clock, counts, unfinished, limits, timeouts, idle, lingering, watched });
  }

  /** Connections that are open now, those that are being refused among them. */
  get connections(): number {
    return this.#admission.connections;
  }

  /** What it has done, and is doing. Looks at every connection: for a page, not for a request. */
  stats(): HttpStats {
    const { answers, totalBytes } = this.#answering.responder;
    const counted = new Map<number, number>();
    for (let status = 0; status < answers.length; status++) {
      if (answers[status]! > 0) counted.set(status, answers[status]!);
    }
    const connections = { idle: 0, sending: 0, reading: 0, content: 0, stalled: 0, closing: 0 };
    for (const c of this.#deadlines.waiting()) connections[doing(c.state, c.heldBytes, c.flow)]++;
    return {
      answers: counted,
      contentBytes: totalBytes,
      accepted: this.#admission.accepted,
      refused: this.#admission.refused,
      budgets: this.#budgets.byName,
      connections,
    };
  }

  /** Some of the open connections, at most `limit`, in no order. */
  describe(limit: number): ConnectionStats[] {
    const rows: ConnectionStats[] = [];
    for (const { flow, state, heldBytes, requests } of this.#deadlines.waiting()) {
      if (rows.length >= limit) break;
      const { address, port } = flow.remote;
      rows.push({ ...flow.info(), address, port, doing: doing(state, heldBytes, flow), requests, queued: flow.queued });
    }
    return rows;
  }

  /** For `Network.listen`. */
  readonly accept: Accept = (flow) => {
    this.#deadlines.refresh();
    const c = this.#admission.admit(flow);
    flow.handler = this;
    flow.context = c;
    if (this.#admission.overrun) flow.reset();
    else {
      this.#heads.add(c);
      if (this.#speaksHttp2 && flow.security?.alpn === 'h2') this.#beginHttp2(c);
    }
  };

  /** For `Network.listen`, too. */
  readonly adopt: Adopt = (flow, state) => {
    this.#deadlines.refresh();
    const c = this.#admission.adopt(flow, (one) => this.#moves.adopt(one, state, this.#deadlines.now));
    if (c === undefined) return false;
    flow.handler = this;
    flow.context = c;
    return true;
  };

  freeze(flow: Flow): unknown {
    this.#deadlines.refresh();
    return this.#moves.freeze(flow.context as Connection, this.#deadlines.now);
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

  data(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    this.#deadlines.refresh();
    const c = flow.context as Connection;
    if (c.state === STATE.closing) {
      c.skipped += end - start;
      // Not a reset, which could overtake the answer: a peer that is not read from has reason to read.
      if (c.skipped > this.#limits.linger) flow.pause();
      return;
    }
    if (c.state === STATE.stalled) {
      const room = c.hold(bytes, start, end);
      if (c.heldBytes > STALLED_LIMIT) flow.reset();
      else if (!room) this.#crowded(c);
      return;
    }
    if (c.session !== undefined) {
      this.#http2!.data(c, bytes, start, end);
      return;
    }
    if (c.heldBytes === 0) {
      const at = this.#exchange.consume(c, bytes, start, end);
      if (c.session !== undefined) {
        this.#http2!.data(c, bytes, at, end);
        return;
      }
      if (at < end && c.state < STATE.closing && !c.hold(bytes, at, end)) this.#crowded(c);
    } else {
      const before = c.heldBytes;
      const room = c.hold(bytes, start, end);
      if (!this.#undecided(c, before)) this.#consumeHeld(c);
      if (c.session !== undefined) {
        this.#http2!.data(c, bytes, end, end);
        return;
      }
      if (!room && c.heldBytes > 0) this.#crowded(c);
    }
    this.#settle(c);
  }

  ended(flow: Flow): void {
    this.#deadlines.refresh();
    const c = flow.context as Connection;
    c.peerEnded = true;
    if (c.session !== undefined && c.state !== STATE.closing) this.#http2!.ended(c);
    else this.#settle(c);
  }

  drained(flow: Flow): void {
    this.#deadlines.refresh();
    const c = flow.context as Connection;
    if (c.state === STATE.stalled) this.#resume(c);
    else if (c.session !== undefined && c.state !== STATE.closing) this.#http2!.drained(c);
  }

  closed(flow: Flow, _reason: CloseReason): void {
    this.#gone(flow.context as Connection);
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
   * Every connection ends with its next answer, or when it has been idle for its time: an idle one that was ended now might have a
   * request on its way. For a server whose traffic somebody else has.
   */
  retire(): void {
    this.#answering.draining = true;
  }

  /** Ends idle connections, and every other one with its next answer. For a shutdown. */
  drain(): void {
    this.#deadlines.refresh();
    this.#answering.draining = true;
    for (const list of [this.#heads, this.#idle, this.#sending, this.#watched].flatMap((one) => one.lists)) {
      for (let c = list.first; c !== undefined; ) {
        const { next } = c;
        if (c.session !== undefined) {
          if (c.state === STATE.reading) this.#http2!.leave(c);
        } else if (c.state === STATE.reading && c.heldBytes === 0) {
          c.finish();
          this.#settle(c);
          c.flow.flush();
        }
        c = next;
      }
    }
  }

  #consumeHeld(c: Connection): void {
    if (c.held !== undefined) c.release(this.#exchange.consume(c, c.held, 0, c.heldBytes));
  }

  /** There is no room for what it has sent: the next of its requests is told so, and it is the last. */
  #crowded(c: Connection): void {
    const stalled = c.state === STATE.stalled;
    this.#exchange.fail(c, 503);
    if (stalled) {
      c.flow.lowWater = UNWATCHED;
      c.flow.resume();
    }
    this.#settle(c);
  }

  /** Whether the bytes from `before` on neither end a line nor reach a bound: then they decide nothing. */
  #undecided(c: Connection, before: number): boolean {
    const held = c.held!;
    const limits = this.#limits;
    if (held[0] === CR || c.heldBytes >= limits.head) return false;
    const line = held.lastIndexOf(LF, c.heldBytes - 1) + 1;
    return line <= before && c.heldBytes - line < Math.min(limits.requestLine, limits.fieldLine);
  }

  /** Puts the connection where its state has it wait. */
  #settle(c: Connection): void {
    switch (c.state) {
      case STATE.reading:
        if (c.peerEnded) {
          // RFC 9112 8: a request that breaks off is an error; between requests FIN is the end.
          if (c.heldBytes > 0 && c.held![0] !== CR) this.#exchange.fail(c, 400);
          else c.finish();
          this.#settle(c);
        } else if (c.heldBytes === 0) {
          if (c.list?.whole !== this.#heads || c.requests > 0) this.#idle.add(c);
        } else if (c.began === 0) {
          c.began = this.#deadlines.now || 1;
          this.#heads.add(c);
        }
        return;
      case STATE.body:
        if (!c.peerEnded) return;
        this.#exchange.fail(c, 400);
        this.#settle(c);
        return;
      case STATE.stalled:
        this.#sending.add(c);
        return;
      case STATE.closing:
        if (c.list?.whole !== this.#lingering && c.list?.whole !== this.#sending) {
          c.queuedMark = 0;
          this.#lingering.add(c);
        }
        return;
      default:
    }
  }

  #resume(c: Connection): void {
    c.state = STATE.reading;
    c.queuedMark = 0;
    c.flow.lowWater = UNWATCHED;
    c.flow.resume();
    this.#consumeHeld(c);
    this.#settle(c);
  }

  #beginHttp2(c: Connection): void {
    this.#theHttp2().begin(c);
  }

  /** Made when the first connection needs it. */
  #theHttp2(): Http2 {
    this.#http2 ??= this.#makeHttp2();
    return this.#http2;
  }

  #headExpired(c: Connection): void {
    if (c.session !== undefined) {
      this.#http2!.idleExpired(c);
      return;
    }
    // The beginning of an empty line (RFC 9112 2.2) is not the beginning of a request.
    if (c.heldBytes > 0 && c.held![0] !== CR) this.#giveUp(c);
    else if (c.refused) c.flow.reset();
    else this.#end(c);
  }

  #giveUp(c: Connection): void {
    this.#exchange.fail(c, 408);
    this.#settle(c);
    c.flow.flush();
  }

  #end(c: Connection): void {
    c.finish();
    this.#settle(c);
    c.flow.flush();
  }

  /** Nothing has come for a while: it may be because the peer is still reading. */
  #idleExpired(c: Connection): void {
    if (c.flow.queued > 0) this.#expectProgress(c);
    else if (c.state === STATE.stalled) {
      this.#resume(c);
      c.flow.flush();
    } else if (c.state === STATE.closing) this.#lingering.add(c);
    else if (c.session !== undefined) this.#http2!.idleExpired(c);
    else this.#end(c);
  }

  /** A reset would take away what the kernel still holds for a peer that reads slowly. */
  #lingerExpired(c: Connection): void {
    if (unsent(c.flow) > 0) this.#expectProgress(c);
    else c.flow.reset();
  }

  /** A peer that takes nothing for a whole `send` time is given up; one that takes little is not. */
  #expectProgress(c: Connection): void {
    const queued = unsent(c.flow);
    if (c.queuedMark > 0 && queued >= c.queuedMark) {
      c.flow.reset();
      return;
    }
    c.queuedMark = queued;
    this.#sending.add(c);
  }
}

/** Bytes that the peer has not got yet, as far as can be told. */
function unsent(flow: Flow): number {
  return flow.unacknowledged ?? flow.queued;
}
