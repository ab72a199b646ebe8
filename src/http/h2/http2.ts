import type { Memory } from '../../memory/memory.js';
import type { Carrier, FindMemory } from '../../memory/pieces.js';
import type { Answering } from '../answer/answering.js';
import { type Connection, STATE, type Unfinished } from '../connection/connection.js';
import type { FrozenSession } from '../connection/moves.js';
import type { Waits } from '../connection/waits.js';
import type { CallClock } from '../contracts/call-clock.js';
import type { HttpLimits, HttpTimeouts } from '../contracts/limits.js';
import { HpackDecoder } from '../hpack/decoder.js';
import { Batch } from './batch.js';
import { BUDGET, type BudgetCounts } from './budgets.js';
import { ControlFrames } from './control-frames.js';
import { Faults } from './faults.js';
import { ERROR, FRAME, putUint32, SETTING } from './frames.js';
import { type FieldReader, movedSession, sessionFrom } from './moved-session.js';
import { MAX_STREAMS, MOST_BLOCK } from './receive-limits.js';
import { Receiver } from './receiver.js';
import { RequestHead } from './request-head.js';
import { Requests } from './requests.js';
import { Sender } from './sender.js';
import { LEAVING, Session } from './session.js';
import type { Stream } from './stream.js';

/** The parts of the server that HTTP/2 uses. */
export interface Http2Parts {
  readonly answering: Answering;
  readonly clock: CallClock;
  readonly unfinished: Unfinished;
  readonly limits: HttpLimits;
  readonly timeouts: HttpTimeouts;
  readonly counts: BudgetCounts;
  /** What connections wait for; those with streams under way are in its list `watched`. */
  readonly waits: Waits;
  /** Runs a turn of a connection outside of a call of the network; an exception ends that connection alone. */
  readonly guarded: (c: Connection, turn: (c: Connection) => void) => void;
}

/**
 * HTTP/2 (RFC 9113) over flows, with the answers of HTTP/1.1. One object for all connections; made when the first one
 * comes.
 */
export class Http2 {
  readonly #parts: Http2Parts;
  readonly #batch = new Batch();
  readonly #requests: Requests;
  readonly #faults: Faults;
  readonly #controls: ControlFrames;
  readonly #receiver: Receiver;
  readonly #sender: Sender;
  readonly #reader: FieldReader;

  constructor(parts: Http2Parts) {
    this.#parts = parts;
    const { answering, clock, unfinished, limits } = parts;
    const batch = this.#batch;
    const head = new RequestHead(limits, MOST_BLOCK);
    const hpack = new HpackDecoder(head);
    this.#reader = { head, hpack };
    this.#requests = new Requests(answering, head, clock, unfinished);
    this.#faults = new Faults(batch, clock, this.#requests, parts.counts);
    this.#controls = new ControlFrames(batch, this.#faults);
    this.#sender = new Sender(limits, batch, this.#faults, (session, stream, there) =>
      parts.guarded(session.c, () => this.#read(session, stream, there)),
    );
    const [requests, faults, controls] = [this.#requests, this.#faults, this.#controls];
    this.#receiver = new Receiver({ limits, batch, clock, head, hpack, requests, faults, controls, unfinished });
  }

  /** From now on the connection speaks HTTP/2: `data` is called with all of its bytes, from the preface on. */
  begin(c: Connection): void {
    c.session = new Session(c, this.#parts.unfinished);
  }

  /** The state that another program needs to continue the connection; undefined: the connection stays, for now. */
  freeze(c: Connection, carrier: Carrier | undefined): FrozenSession | undefined {
    const session = sessionOf(c);
    const said = movedSession(session, carrier);
    return said === undefined ? undefined : { whole: session.quiet, said };
  }

  /** The memories that answers under way refer to. */
  *memories(c: Connection): IterableIterator<Memory> {
    for (const { pieces, piece } of sessionOf(c).streams) {
      for (let i = piece; i < pieces.length; i++) yield pieces[i]!.memory;
    }
  }

  /** Gives `c` the state that another program described; false: the description is not valid. */
  adopt(c: Connection, said: unknown, find: FindMemory): boolean {
    const session = sessionFrom(c, this.#parts.unfinished, said, this.#reader, find);
    c.session = session;
    if (session === undefined) return false;
    // Only bytes that the peer takes from now on count as progress.
    session.written = c.flow.unacknowledged ?? c.flow.queued;
    session.busy = !session.quiet;
    session.movedAt = this.#parts.clock.now;
    return true;
  }

  data(c: Connection, bytes: Uint8Array, start: number, end: number): void {
    const session = sessionOf(c);
    const before = c.requests;
    this.#open(session);
    if (c.heldBytes === 0) {
      const at = this.#receiver.consume(session, bytes, start, end);
      if (at < end && !c.hold(bytes, at, end)) this.#faults.connection(session, ERROR.enhanceYourCalm);
    } else {
      const room = c.hold(bytes, start, end);
      c.release(this.#receiver.consume(session, c.held!, 0, c.heldBytes));
      if (!room && c.heldBytes > 0) this.#faults.connection(session, ERROR.enhanceYourCalm);
    }
    this.#close(session, c.requests > before);
  }

  drained(c: Connection): void {
    const session = sessionOf(c);
    this.#open(session);
    this.#close(session, false);
  }

  /** Content of a stream was read from the disk; `there` is false if the read failed. */
  #read(session: Session, stream: Stream, there: boolean): void {
    this.#open(session);
    // RFC 9113 8.1: only this stream is incomplete.
    if (!there) this.#faults.stream(session, stream.id, ERROR.internalError);
    this.#close(session, false);
    session.c.flow.flush();
  }

  /** The peer sent FIN: finished answers are sent, and the rest of its requests will not come. */
  ended(c: Connection): void {
    const session = sessionOf(c);
    this.#open(session);
    for (const stream of session.streams.filter((one) => !one.answered)) this.#faults.drop(session, stream);
    this.#close(session, false);
  }

  /** It is over. */
  gone(c: Connection): void {
    const session = sessionOf(c);
    this.#faults.dropAll(session);
    session.block = undefined;
    this.#sender.settle(session);
  }

  /** Begins to end the connection; streams under way are answered (RFC 9113 6.8). */
  leave(c: Connection): void {
    const session = sessionOf(c);
    this.#open(session);
    this.#announce(session);
    this.#close(session, false);
    c.flow.flush();
  }

  /** No bytes came for a while. */
  idleExpired(c: Connection): void {
    const session = sessionOf(c);
    this.#open(session);
    this.#faults.goAway(session, session.lastStream, ERROR.noError);
    this.#close(session, false);
    c.flow.flush();
  }

  /** Streams have been under way for a while: checks whether they make progress. */
  look(c: Connection): void {
    const session = sessionOf(c);
    const { clock, timeouts } = this.#parts;
    const { now } = clock;
    this.#open(session);
    if (c.began !== 0 && ((now - c.began) | 0) >= timeouts.head) this.#faults.connection(session, ERROR.noError);
    if (session.leaving === LEAVING.announced && ((now - session.leavingSince) | 0) >= timeouts.linger)
      this.#faults.goAway(session, session.lastStream, ERROR.noError);
    for (const stream of session.streams) {
      if (stream.receives && !stream.answered && ((now - stream.since) | 0) >= timeouts.body)
        this.#requests.failAwaited(session, stream, 408);
    }
    const unread = c.flow.queued > 0;
    const stuck = !session.over && this.#stuck(session, now);
    this.#close(session, false);
    // A peer that reads but opens no window gets GOAWAY.
    if (stuck && unread) c.flow.reset();
    else c.flow.flush();
  }

  /** Whether answers wait and the peer has taken nothing for a whole `send` time. */
  #stuck(session: Session, now: number): boolean {
    const { flow } = session.c;
    if (flow.queued === 0 && session.streams.every((one) => !one.answered)) {
      session.movedAt = now;
      return false;
    }
    const taken = session.written - (flow.unacknowledged ?? flow.queued);
    if (taken > session.takenMark) {
      session.takenMark = taken;
      session.movedAt = now;
      return false;
    }
    if (((now - session.movedAt) | 0) < this.#parts.timeouts.send) return false;
    // A disk that takes longer than the time limit of a peer counts as failed.
    if (session.diskBytes > 0 && flow.queued === 0) this.#faults.connection(session, ERROR.internalError);
    else this.#faults.exceed(session, BUDGET.stalls);
    return true;
  }

  #announce(session: Session): void {
    this.#controls.announce(session);
    session.leavingSince = this.#parts.clock.now;
  }

  /** Opens the batch for this connection; its first bytes are the server's preface. */
  #open(session: Session): void {
    this.#batch.open(session.c.flow);
    if (!session.welcomed) this.#greet();
    session.welcomed = true;
  }

  /**
   * Sends what may be sent, and puts the connection into the list where it has to wait. `requested`: a request came.
   */
  #close(session: Session, requested: boolean): void {
    const { c } = session;
    this.#sender.send(session);
    this.#sender.watch(session);
    this.#batch.flush();
    const { streams } = session;
    if (session.over || (streams.length === 0 && (session.leaving === LEAVING.said || c.peerEnded))) {
      this.#faults.dropAll(session);
      session.block = undefined;
      c.finish();
    }
    this.#settle(session, requested);
  }

  #settle(session: Session, requested: boolean): void {
    const { c } = session;
    const { waits, clock } = this.#parts;
    const { idle, sending, lingering, watched } = waits;
    if (c.state === STATE.closing) {
      if (c.list?.whole === lingering) return;
      c.queuedMark = 0;
      lingering.add(c);
      return;
    }
    c.began = !session.unfinished ? 0 : c.began === 0 ? clock.now || 1 : c.began;
    if (session.quiet) {
      session.busy = false;
      if (requested || (c.list?.whole !== idle && c.list?.whole !== sending)) waits.await(c);
      return;
    }
    if (!session.busy) {
      session.busy = true;
      session.movedAt = clock.now;
    }
    if (c.list?.whole !== watched) watched.add(c);
  }

  /** The server's preface, RFC 9113 3.4. */
  #greet(): void {
    const batch = this.#batch;
    const settings = [
      [SETTING.maxConcurrentStreams, MAX_STREAMS],
      [SETTING.maxHeaderListSize, this.#parts.limits.head],
      [SETTING.noRfc7540Priorities, 1],
    ] as const;
    batch.header(settings.length * 6, FRAME.settings, 0, 0);
    for (const [id, value] of settings) {
      const at = batch.reserve(6);
      batch.bytes[at] = id >> 8;
      batch.bytes[at + 1] = id;
      putUint32(batch.bytes, at + 2, value);
    }
  }
}

/** Only `begin` sets it. */
function sessionOf(c: Connection): Session {
  return c.session as Session;
}
