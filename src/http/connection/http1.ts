import type { Answering } from '../answer/answering.js';
import { PIECE } from '../answer/later.js';
import type { CallClock } from '../contracts/call-clock.js';
import type { HttpLimits } from '../contracts/limits.js';
import { CR, LF } from '../parse/octets.js';
import { type Connection, STATE, UNWATCHED } from './connection.js';
import type { Exchange } from './exchange.js';
import type { Waits } from './waits.js';

/** More bytes than a network may still deliver after `pause()`, from those that it had already received. */
const STALLED_LIMIT = 4194304;

/** What a connection that has become one of HTTP/2 is handed to. */
interface Successor {
  /** Bytes that came: read, kept until they can be, or dropped behind the last answer. */
  data(c: Connection, bytes: Uint8Array, start: number, end: number): void;
}

interface Http1Options {
  readonly answering: Answering;
  readonly exchange: Exchange;
  readonly clock: CallClock;
  readonly limits: HttpLimits;
  readonly waits: Waits;
  /** Runs what no call of the network has caused; an exception ends the connection alone. */
  readonly guarded: (c: Connection, turn: (c: Connection) => void) => void;
  readonly http2: () => Successor;
}

/**
 * HTTP/1.1 connections (RFC 9112 9) between two calls of the network: what becomes of bytes that came, which part of
 * an answer goes out next, and what each connection waits for.
 */
export class Http1 {
  readonly #answering: Answering;
  readonly #exchange: Exchange;
  readonly #clock: CallClock;
  readonly #limits: HttpLimits;
  readonly #waits: Waits;
  readonly #guarded: Http1Options['guarded'];
  readonly #http2: Http1Options['http2'];

  constructor({ answering, exchange, clock, limits, waits, guarded, http2 }: Http1Options) {
    this.#answering = answering;
    this.#exchange = exchange;
    this.#clock = clock;
    this.#limits = limits;
    this.#waits = waits;
    this.#guarded = guarded;
    this.#http2 = http2;
  }

  data(c: Connection, bytes: Uint8Array, start: number, end: number): void {
    const { flow } = c;
    if (c.state === STATE.closing) {
      c.skipped += end - start;
      // Not a reset, which could overtake the answer: a peer whose bytes are not taken has reason to read.
      if (c.skipped > this.#limits.linger) flow.pause();
      return;
    }
    if (c.state === STATE.stalled) {
      const room = c.hold(bytes, start, end);
      if (c.heldBytes > STALLED_LIMIT) flow.reset();
      else if (!room && c.later !== undefined) flow.reset();
      else if (!room) this.#crowded(c);
      return;
    }
    if (c.session !== undefined) {
      this.#http2().data(c, bytes, start, end);
      return;
    }
    if (c.heldBytes === 0) {
      const at = this.#exchange.consume(c, bytes, start, end);
      if (c.session !== undefined) {
        this.#http2().data(c, bytes, at, end);
        return;
      }
      if (at < end && c.state < STATE.closing && !c.hold(bytes, at, end)) this.#crowded(c);
    } else {
      const before = c.heldBytes;
      const room = c.hold(bytes, start, end);
      if (!this.#undecided(c, before)) this.#consumeHeld(c);
      if (c.session !== undefined) {
        this.#http2().data(c, bytes, end, end);
        return;
      }
      if (!room && c.heldBytes > 0) this.#crowded(c);
    }
    this.settle(c);
  }

  #consumeHeld(c: Connection): void {
    if (c.held !== undefined) c.release(this.#exchange.consume(c, c.held, 0, c.heldBytes));
  }

  /**
   * There is no room for the bytes that it has sent: its next request is answered with an error, and is the last one.
   */
  #crowded(c: Connection): void {
    const stalled = c.state === STATE.stalled;
    this.#exchange.fail(c, 503);
    if (stalled) {
      c.flow.lowWater = UNWATCHED;
      c.flow.resume();
    }
    this.settle(c);
  }

  /** Whether the bytes from `before` on neither end a line nor reach a bound: then parsing can wait. */
  #undecided(c: Connection, before: number): boolean {
    const held = c.held!;
    const limits = this.#limits;
    if (held[0] === CR || c.heldBytes >= limits.head) return false;
    const line = held.lastIndexOf(LF, c.heldBytes - 1) + 1;
    return line <= before && c.heldBytes - line < Math.min(limits.requestLine, limits.fieldLine);
  }

  /** Puts the connection into the list that its state has to wait in. */
  settle(c: Connection): void {
    switch (c.state) {
      case STATE.reading:
        if (c.peerEnded) {
          // RFC 9112 8: a request that breaks off is an error; between requests FIN is the end.
          if (c.heldBytes > 0 && c.held![0] !== CR) this.#exchange.fail(c, 400);
          else c.finish();
          this.settle(c);
        } else if (c.heldBytes === 0) {
          if (c.list?.whole !== this.#waits.heads || c.requests > 0) this.#waits.await(c);
        } else if (c.began === 0) {
          c.began = this.#clock.now || 1;
          this.#waits.heads.add(c);
        }
        return;
      case STATE.body:
        if (!c.peerEnded) return;
        this.#exchange.fail(c, 400);
        this.settle(c);
        return;
      case STATE.stalled:
        this.#waits.watch(c, c.flow.queued);
        // Begins with the rest of an answer, once; then `drained` goes on with it.
        if (c.later !== undefined && c.flow.lowWater !== PIECE) this.goOn(c);
        return;
      case STATE.closing:
        this.#waits.linger(c);
        return;
      default:
    }
  }

  /** Writes more of an answer that is written in pieces; after the answer the connection goes on, or ends. */
  goOn(c: Connection): void {
    const { later, flow } = c;
    if (later === undefined) return;
    // The peer has taken bytes, or gets new ones: the time in which it may take nothing begins anew.
    this.#waits.watch(c, 0);
    // Called by the file's read, and not in a call of the network.
    later.write(flow, (there) =>
      this.#guarded(c, () => {
        if (!there) {
          flow.reset();
          return;
        }
        this.goOn(c);
        flow.flush();
      }),
    );
    if (!later.done || c.later !== later) return;
    c.later = undefined;
    if (later.closes || this.#answering.draining) {
      c.finish();
      this.settle(c);
    } else this.resume(c);
  }

  /** What came before is sent: reads what has waited for that. */
  resume(c: Connection): void {
    c.state = STATE.reading;
    c.queuedMark = 0;
    c.flow.lowWater = UNWATCHED;
    c.flow.resume();
    this.#consumeHeld(c);
    this.settle(c);
  }

  /** Its request has taken too long. */
  giveUp(c: Connection): void {
    this.#exchange.fail(c, 408);
    this.settle(c);
    c.flow.flush();
  }

  /** Ends it between two requests. */
  end(c: Connection): void {
    c.finish();
    this.settle(c);
    c.flow.flush();
  }

  /** After an exception before any part of an answer was written: the connection ends with a 500. */
  fault(c: Connection): void {
    this.#exchange.fault(c);
    this.settle(c);
  }
}
