import type { Flow } from '../../net/flow.js';
import type { HttpTimeouts } from '../contracts/limits.js';
import { CR } from '../parse/octets.js';
import { type Connection, type ConnectionList, STATE } from './connection.js';
import type { Deadlines } from './deadlines.js';

/** Connections of a list that are checked in the search for one to reset. */
const GIVE_WAY_LOOKS = 16;

/**
 * Checks within the time for sending. A peer's system takes some bytes before it stops: a single check at the end of
 * the time would see progress, and the peer would get the time twice.
 */
const LOOKS = 6;

/** What the server does with a connection whose time is over. */
export interface Expiries {
  /** Its request did not come in time: 408, and the end. */
  giveUp(c: Connection): void;
  /** Nothing is under way: FIN. */
  end(c: Connection): void;
  /** It waited for its turn, and gets it. */
  resume(c: Connection): void;
  /** It speaks HTTP/2, and has no stream. */
  http2Idle(c: Connection): void;
  /** It speaks HTTP/2, and has streams: once in a while. */
  http2Look(c: Connection): void;
}

/** What connections wait for, in lists by their time limits, and what happens when the time is over. */
export class Waits {
  readonly heads: ConnectionList;
  readonly bodies: ConnectionList;
  readonly idle: ConnectionList;
  readonly sending: ConnectionList;
  readonly lingering: ConnectionList;
  /** HTTP/2 connections that have streams under way. */
  readonly watched: ConnectionList;
  /** Connections that took all of an answer: the rest of the time without a request. */
  readonly #rest: ConnectionList;
  readonly #expiries: Expiries;

  /** `guarded` calls a turn so that an exception ends the one connection. */
  constructor(
    deadlines: Deadlines<Connection>,
    timeouts: HttpTimeouts,
    expiries: Expiries,
    guarded: (c: Connection, turn: (c: Connection) => void) => void,
  ) {
    this.#expiries = expiries;
    const list = (delay: number, expired: (c: Connection) => void, shared?: ConnectionList): ConnectionList =>
      deadlines.list(delay, (c) => guarded(c, expired), shared);
    const look = Math.ceil(timeouts.send / LOOKS);
    const pace = Math.ceil(Math.min(timeouts.head, timeouts.body, timeouts.send, timeouts.linger) / 4) || 1;
    this.heads = list(timeouts.head, (c) => this.#headExpired(c));
    this.bodies = list(timeouts.body, (c) => expiries.giveUp(c));
    this.idle = list(timeouts.idle, (c) => this.#idleExpired(c));
    this.sending = list(look, (c) => this.#sendingExpired(c));
    this.#rest = list(Math.max(0, timeouts.idle - look), (c) => this.#idleExpired(c), this.idle);
    this.lingering = list(timeouts.linger, (c) => this.#lingerExpired(c));
    this.watched = list(pace, (c) => expiries.http2Look(c));
  }

  /** Waits for the next request; while the last answer is being sent, the peer has to take bytes of it. */
  await(c: Connection): void {
    const { queued } = c.flow;
    if (queued > 0 && this.#rest.delay > 0) this.watch(c, queued);
    else this.idle.add(c);
  }

  /** Checks from time to time whether the peer takes some of the `queued` bytes. */
  watch(c: Connection, queued: number): void {
    c.queuedMark = queued;
    c.stuck = 0;
    this.sending.add(c);
  }

  /** Lets a connection after its last answer wait for the peer's end. */
  linger(c: Connection): void {
    if (c.list?.whole === this.lingering || c.list?.whole === this.sending) return;
    c.queuedMark = 0;
    this.lingering.add(c);
  }

  /** Calls `each` for every connection that may be between two requests. `each` may end the connection. */
  eachQuiet(each: (c: Connection) => void): void {
    const waiting = [this.heads, this.idle, this.sending, this.watched].flatMap((one) => one.lists);
    for (const list of [...waiting, this.#rest]) {
      for (let c = list.first; c !== undefined; ) {
        const { next } = c;
        each(c);
        c = next;
      }
    }
  }

  /** See `HttpServer.giveWay`. */
  giveWay(): boolean {
    for (const list of [this.#rest, this.idle, this.sending, this.heads].flatMap((one) => one.lists)) {
      let c = list.first;
      for (let looks = 0; c !== undefined && looks < GIVE_WAY_LOOKS; looks++, c = c.next) {
        if (c.state !== STATE.reading || c.heldBytes > 0 || c.peerEnded || unsent(c.flow) > 0) continue;
        c.flow.reset();
        return true;
      }
    }
    return false;
  }

  #headExpired(c: Connection): void {
    if (c.session !== undefined) this.#expiries.http2Idle(c);
    // The beginning of an empty line (RFC 9112 2.2) is not the beginning of a request.
    else if (c.heldBytes > 0 && c.held![0] !== CR) this.#expiries.giveUp(c);
    else if (c.refused) c.flow.reset();
    else this.#expiries.end(c);
  }

  #sendingExpired(c: Connection): void {
    if (c.flow.queued === 0 && c.state === STATE.reading) this.#rest.add(c);
    else this.#idleExpired(c);
  }

  /** No bytes have come for a while: the peer may still be reading. */
  #idleExpired(c: Connection): void {
    if (c.flow.queued > 0) this.#expectProgress(c);
    // A disk that takes longer than the time limit of a peer counts as failed.
    else if (c.later !== undefined) c.flow.reset();
    else if (c.state === STATE.stalled) {
      this.#expiries.resume(c);
      c.flow.flush();
    } else if (c.state === STATE.closing) this.lingering.add(c);
    else if (c.session !== undefined) this.#expiries.http2Idle(c);
    else this.#expiries.end(c);
  }

  /** A reset would discard the bytes that the kernel still holds for a peer that reads slowly. */
  #lingerExpired(c: Connection): void {
    if (unsent(c.flow) > 0) this.#expectProgress(c);
    else c.flow.reset();
  }

  /** A peer that takes nothing for a whole `send` time is reset; one that takes a little is not. */
  #expectProgress(c: Connection): void {
    const queued = unsent(c.flow);
    const progress = c.queuedMark === 0 || queued < c.queuedMark;
    c.stuck = progress ? 0 : c.stuck + 1;
    if (c.stuck >= LOOKS) {
      c.flow.reset();
      return;
    }
    c.queuedMark = queued;
    this.sending.add(c);
  }
}

/** Bytes that the peer has not received yet, as far as is known. */
function unsent(flow: Flow): number {
  return flow.unacknowledged ?? flow.queued;
}
