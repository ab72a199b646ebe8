import type { Unfinished } from '../connection/connection.js';
import type { CallClock } from '../contracts/call-clock.js';
import type { HttpLimits } from '../contracts/limits.js';
import type { HpackDecoder } from '../hpack/decoder.js';
import type { Batch } from './batch.js';
import { BUDGET, SMALL_DATA } from './budgets.js';
import { type ControlFrames, type Frame, isIdle } from './control-frames.js';
import type { Faults } from './faults.js';
import { ERROR, FIRST_WINDOW, FLAG, FRAME, FRAME_HEADER, MAX_FRAME, PREFACE, uint24, uint31 } from './frames.js';
import { MAX_STREAMS, MOST_BLOCK, MOST_CONTINUATIONS, MOST_OWN } from './receive-limits.js';
import type { RequestHead } from './request-head.js';
import { OUTCOME, type Requests } from './requests.js';
import type { Session } from './session.js';
import { Stream } from './stream.js';

/** Octets of a window that the peer uses before it gets them back. */
const RETURNED = FIRST_WINDOW >> 1;

/** Reads frames (RFC 9113 4 to 6), and passes requests on to be answered. One for all connections. */
export class Receiver {
  readonly #limits: HttpLimits;
  readonly #batch: Batch;
  readonly #clock: CallClock;
  readonly #head: RequestHead;
  readonly #hpack: HpackDecoder;
  readonly #requests: Requests;
  readonly #faults: Faults;
  readonly #controls: ControlFrames;
  readonly #unfinished: Unfinished;
  readonly #frame = { type: 0, flags: 0, id: 0, length: 0 };

  constructor(parts: {
    readonly limits: HttpLimits;
    readonly batch: Batch;
    readonly clock: CallClock;
    readonly head: RequestHead;
    readonly hpack: HpackDecoder;
    readonly requests: Requests;
    readonly faults: Faults;
    readonly controls: ControlFrames;
    readonly unfinished: Unfinished;
  }) {
    this.#unfinished = parts.unfinished;
    this.#limits = parts.limits;
    this.#batch = parts.batch;
    this.#clock = parts.clock;
    this.#head = parts.head;
    this.#hpack = parts.hpack;
    this.#requests = parts.requests;
    this.#faults = parts.faults;
    this.#controls = parts.controls;
  }

  /** Reads `bytes[at..end)`; returns the place where an unfinished frame begins. */
  consume(session: Session, bytes: Uint8Array, at: number, end: number): number {
    const frame = this.#frame;
    while (at < end && !session.over) {
      if (session.preface < PREFACE.length) {
        if (bytes[at++] !== PREFACE.charCodeAt(session.preface++))
          this.#faults.connection(session, ERROR.protocolError);
        continue;
      }
      if (session.dataLeft > 0) {
        at += this.#content(session, end - at);
        continue;
      }
      if (end - at < FRAME_HEADER) return at;
      frame.length = uint24(bytes, at);
      frame.type = bytes[at + 3]!;
      frame.flags = bytes[at + 4]!;
      frame.id = uint31(bytes, at + 5);
      if (!this.#acceptable(session, frame)) continue;
      if (frame.type === FRAME.data) {
        const padding = (frame.flags & FLAG.padded) !== 0 && frame.length > 0 ? 1 : 0;
        if (end - at < FRAME_HEADER + padding) return at;
        at += FRAME_HEADER;
        this.#data(session, frame, padding > 0 ? bytes[at]! : 0);
        continue;
      }
      const next = at + FRAME_HEADER + frame.length;
      if (next > end) return at;
      if (frame.type === FRAME.headers) this.#headers(session, frame, bytes, at + FRAME_HEADER);
      else if (frame.type === FRAME.continuation) this.#continuation(session, frame, bytes, at + FRAME_HEADER);
      else this.#controls.take(session, frame, bytes, at + FRAME_HEADER);
      at = next;
    }
    return session.over ? end : at;
  }

  /** Checks that need only the header of a frame. */
  #acceptable(session: Session, { type, flags, id, length }: Frame): boolean {
    let error: (typeof ERROR)[keyof typeof ERROR] = ERROR.noError;
    // RFC 9113 3.4: the preface goes on with SETTINGS.
    if (!session.greeted && (type !== FRAME.settings || (flags & FLAG.ack) !== 0)) error = ERROR.protocolError;
    else if (length > MAX_FRAME) error = ERROR.frameSizeError;
    // RFC 9113 6.10: nothing comes between the frames of a field block.
    else if ((type === FRAME.continuation) !== (session.block !== undefined)) error = ERROR.protocolError;
    else if (session.block !== undefined && id !== session.blockStream) error = ERROR.protocolError;
    session.greeted = true;
    if (error !== ERROR.noError) this.#faults.connection(session, error);
    return error === ERROR.noError;
  }

  /** RFC 9113 6.1, as soon as its header (and the length of its padding) has arrived. */
  #data(session: Session, { id, flags, length }: Frame, padding: number): void {
    if (id === 0 || isIdle(session, id)) return this.#faults.connection(session, ERROR.protocolError);
    // RFC 9113 6.9: padding counts, too, and so do octets for streams that are over. Content is discarded as it is
    // read, so that a window is opened again when half of it is used. With frames of at most 16,384 octets no window is
    // ever exceeded.
    session.unreturned += length;
    if (session.unreturned >= RETURNED) {
      this.#batch.word(FRAME.windowUpdate, 0, session.unreturned);
      session.unreturned = 0;
    }
    const padded = (flags & FLAG.padded) !== 0;
    if (padded && padding >= length) return this.#faults.connection(session, ERROR.protocolError);
    session.dataLeft = length;
    session.dataStream = 0;
    session.dataEnds = false;
    const ends = (flags & FLAG.endStream) !== 0;
    const octets = padded ? length - padding - 1 : length;
    if (octets < SMALL_DATA && !ends && !this.#faults.spend(session, BUDGET.emptyData)) return;
    const stream = session.find(id);
    if (stream === undefined) return this.#dataOfClosed(session, id);
    if (!stream.receives) return this.#faults.stream(session, id, ERROR.streamClosed);
    if (!this.#requests.content(session, stream, octets)) return this.#faults.stream(session, id, ERROR.protocolError);
    stream.unreturned += length;
    if (!ends && !stream.answered && stream.unreturned >= RETURNED) {
      this.#batch.word(FRAME.windowUpdate, id, stream.unreturned);
      stream.unreturned = 0;
    }
    session.dataStream = id;
    session.dataEnds = ends;
    if (length === 0) this.#content(session, 0);
  }

  /** RFC 9113 5.1, closed. */
  #dataOfClosed(session: Session, id: number): void {
    if (session.wasResetByUs(id) || id > session.lastAnswered) return;
    if (session.wasResetByPeer(id)) this.#faults.stream(session, id, ERROR.streamClosed);
    else this.#faults.connection(session, ERROR.streamClosed);
  }

  /** Discards up to `available` octets of a DATA frame; returns the number. */
  #content(session: Session, available: number): number {
    const taken = Math.min(available, session.dataLeft);
    session.dataLeft -= taken;
    if (session.dataLeft === 0 && session.dataEnds) {
      session.dataEnds = false;
      const stream = session.find(session.dataStream);
      if (stream?.receives) this.#finish(session, stream);
    }
    return taken;
  }

  #finish(session: Session, stream: Stream): void {
    if (!this.#requests.end(session, stream)) this.#faults.stream(session, stream.id, ERROR.protocolError);
  }

  /** RFC 9113 6.2. */
  #headers(session: Session, { id, flags, length }: Frame, bytes: Uint8Array, at: number): void {
    if (id === 0 || id % 2 === 0) return this.#faults.connection(session, ERROR.protocolError);
    let start = at;
    let end = at + length;
    if ((flags & FLAG.padded) !== 0) {
      if (length === 0) return this.#faults.connection(session, ERROR.frameSizeError);
      end -= bytes[start]!;
      start++;
    }
    // RFC 9113 5.3.2: its priority is deprecated, and ignored.
    if ((flags & FLAG.priority) !== 0) start += 5;
    if (start > end) {
      const short = start > at + length;
      return this.#faults.connection(session, short ? ERROR.frameSizeError : ERROR.protocolError);
    }
    const ends = (flags & FLAG.endStream) !== 0;
    if ((flags & FLAG.endHeaders) !== 0) return this.#block(session, id, ends, bytes, { start, end });
    if (this.#unfinished.full) return this.#faults.connection(session, ERROR.enhanceYourCalm);
    session.block = bytes.slice(start, end);
    session.blockLength = end - start;
    session.blockFrames = 0;
    session.blockStream = id;
    session.blockEnds = ends;
  }

  /** RFC 9113 6.10. */
  #continuation(session: Session, { flags, length }: Frame, bytes: Uint8Array, at: number): void {
    const block = session.block!;
    const total = session.blockLength + length;
    if (!this.#faults.spend(session, BUDGET.continuations)) return;
    if (length === 0 && !this.#faults.spend(session, BUDGET.continuations)) return;
    if (total > MOST_BLOCK || ++session.blockFrames > MOST_CONTINUATIONS) {
      this.#faults.exceed(session, BUDGET.continuations);
      return;
    }
    let whole = block;
    if (total > block.length) {
      whole = new Uint8Array(Math.min(MOST_BLOCK, Math.max(total, block.length * 2)));
      whole.set(block.subarray(0, session.blockLength));
    }
    whole.set(bytes.subarray(at, at + length), session.blockLength);
    session.block = whole;
    session.blockLength = total;
    if ((flags & FLAG.endHeaders) === 0) return;
    session.block = undefined;
    this.#block(session, session.blockStream, session.blockEnds, whole, { start: 0, end: total });
  }

  /**
   * A complete field block. It is decoded in any case, so that the table stays in step with the peer's (RFC 9113 4.3).
   */
  #block(
    session: Session,
    id: number,
    ends: boolean,
    bytes: Uint8Array,
    { start, end }: { readonly start: number; readonly end: number },
  ): void {
    const head = this.#head;
    head.begin();
    if (!this.#hpack.decode(session.table, bytes, start, end, head))
      return this.#faults.connection(session, ERROR.compressionError);
    if (id > session.lastStream) return this.#begin(session, id, ends);
    const stream = session.find(id);
    if (stream === undefined) return this.#headersOfClosed(session, id);
    if (!stream.receives) return this.#faults.stream(session, id, ERROR.streamClosed);
    // Trailers: RFC 9113 8.1.
    if (!ends || !head.isTrailers) return this.#faults.stream(session, id, ERROR.protocolError);
    this.#finish(session, stream);
  }

  #headersOfClosed(session: Session, id: number): void {
    if (session.wasResetByUs(id) || id > session.lastAnswered) return;
    if (session.wasResetByPeer(id)) return this.#faults.stream(session, id, ERROR.streamClosed);
    // RFC 9113 5.1.1: a number that was passed over cannot come any more; a stream that END_STREAM has ended does not
    // go on (5.1).
    this.#faults.connection(session, session.passedOver(id) ? ERROR.protocolError : ERROR.streamClosed);
  }

  /** A new stream. */
  #begin(session: Session, id: number, ends: boolean): void {
    session.begin(id);
    const priority = session.takePriority(id);
    if (id > session.lastAnswered) {
      this.#faults.spend(session, BUDGET.resets);
      return;
    }
    // RFC 9113 5.1.2, 8.7: the peer may repeat the request.
    if (session.streams.length >= MAX_STREAMS || session.ownBytes > MOST_OWN)
      return this.#faults.stream(session, id, ERROR.refusedStream);
    const stream = new Stream(id, session.firstWindow);
    stream.since = this.#clock.now;
    stream.receives = !ends;
    if (this.#requests.begin(session, stream, ends) === OUTCOME.malformed)
      return this.#faults.stream(session, id, ERROR.protocolError);
    if (priority >= 0) {
      stream.urgency = priority >> 1;
      stream.incremental = (priority & 1) !== 0;
    }
    if (!ends) session.receiving++;
    session.streams.push(stream);
    const { c } = session;
    if (this.#requests.draining || c.refused || c.requests >= this.#limits.requestsPerConnection)
      this.#controls.announce(session);
  }
}
