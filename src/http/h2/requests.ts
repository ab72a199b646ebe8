import { AnswerRecord } from '../answer/answer-record.js';
import { type Answering, refusal } from '../answer/answering.js';
import { PERSIST } from '../answer/tails.js';
import type { Unfinished } from '../connection/connection.js';
import type { AccessRecord } from '../contracts/access-record.js';
import type { CallClock } from '../contracts/call-clock.js';
import { FIELD, Fields } from '../parse/fields.js';
import { METHOD, RequestLine } from '../parse/request-line.js';
import { Priority } from './priority.js';
import { MALFORMED, type RequestHead } from './request-head.js';
import type { Session } from './session.js';
import type { Stream } from './stream.js';
import { StreamWriter } from './stream-writer.js';

/** `:status` is 100, RFC 7541 6.2.2. */
const CONTINUE = Uint8Array.of(0x08, 0x03, 0x31, 0x30, 0x30);

/** The outcome of a request. */
export const OUTCOME = {
  /** It is answered, or its content is awaited. */
  taken: 0,
  /** RFC 9113 8.1.1. */
  malformed: 1,
} as const;
export type Outcome = (typeof OUTCOME)[keyof typeof OUTCOME];

/**
 * From a decoded head to an answer that waits in its stream: the counterpart of `Exchange` for HTTP/1.1. One for all
 * connections.
 */
export class Requests {
  readonly #answering: Answering;
  readonly #head: RequestHead;
  readonly #clock: CallClock;
  readonly #unfinished: Unfinished;
  readonly #writer: StreamWriter;
  readonly #line = new RequestLine();
  readonly #fields = new Fields();
  readonly #priority = new Priority();
  readonly #record: AnswerRecord;

  constructor(answering: Answering, head: RequestHead, clock: CallClock, unfinished: Unfinished) {
    this.#answering = answering;
    this.#head = head;
    this.#clock = clock;
    this.#unfinished = unfinished;
    this.#record = new AnswerRecord(answering.forwarding);
    this.#writer = new StreamWriter(answering.tails, clock, answering.secureTails);
  }

  /** Whether each connection ends with its next answer. */
  get draining(): boolean {
    return this.#answering.draining;
  }

  /** Takes the request whose head has been decoded; `ends`: it has no content. */
  begin(session: Session, stream: Stream, ends: boolean): Outcome {
    const head = this.#head;
    const { c } = session;
    const { known, responder } = this.#answering;
    const end = head.close();
    if (ends && known !== undefined && !c.refused && !head.full && !head.malformed) {
      const seen = known.match(c.known, head.bytes, 0, end, responder);
      if (seen !== undefined) {
        c.known = seen.slot;
        if (head.priorityEnd > 0) this.#prioritise(stream, head.bytes, head.priorityStart, head.priorityEnd);
        responder.again(this.#to(session, stream), seen.value);
        this.#done(session, stream);
        return OUTCOME.taken;
      }
    }
    const status = head.judge(this.#line, this.#fields);
    if (status === MALFORMED) return OUTCOME.malformed;
    if (head.priorityEnd > 0) this.#prioritise(stream, head.bytes, head.priorityStart, head.priorityEnd);
    if (status !== 0 || c.refused) {
      this.fail(session, stream, c.refused ? 503 : status);
      return OUTCOME.taken;
    }
    if (ends) {
      // RFC 9113 8.1.1: the declared content is missing.
      if (this.#fields.contentLength > 0) return OUTCOME.malformed;
      this.#answer(session, stream);
      if (known !== undefined && responder.repeatable !== undefined)
        c.known = known.note(head.bytes, 0, end, responder);
      return OUTCOME.taken;
    }
    this.#await(session, stream, end);
    return OUTCOME.taken;
  }

  /** The content of a request is to come. */
  #await(session: Session, stream: Stream, end: number): void {
    const { limits } = this.#answering;
    const fields = this.#fields;
    stream.declared = fields.has(FIELD.contentLength) ? fields.contentLength : -1;
    const status = refusal(this.#line.method, true, session.c.flow, fields);
    // A request that is refused anyway, or whose content is too long to read, is answered at once.
    if (stream.declared > limits.body || (status !== 0 && fields.continues)) {
      this.fail(session, stream, status !== 0 ? status : 413);
      return;
    }
    if (this.#unfinished.bytes + end > limits.unfinished) {
      this.fail(session, stream, 503);
      return;
    }
    if (fields.continues) stream.blocks.push(CONTINUE);
    stream.head = this.#head.bytes.slice(0, end);
    this.#unfinished.bytes += end;
  }

  /**
   * Takes more of a request's content, which is discarded; false: it does not have the declared length (RFC 9113
   * 8.1.1).
   */
  content(session: Session, stream: Stream, octets: number): boolean {
    stream.received += octets;
    if (stream.declared >= 0 && stream.received > stream.declared) return false;
    if (stream.received > this.#answering.limits.body && !stream.answered) this.failAwaited(session, stream, 413);
    return true;
  }

  /** The content of a request has arrived: the request is answered. False: some of the content is missing. */
  end(session: Session, stream: Stream): boolean {
    if (stream.declared >= 0 && stream.received !== stream.declared) return false;
    session.receiving--;
    stream.receives = false;
    if (stream.answered) return true;
    this.#recall(stream);
    this.#answer(session, stream);
    return true;
  }

  /** Sends an error for a request whose content is awaited. */
  failAwaited(session: Session, stream: Stream, status: number): void {
    this.#recall(stream);
    this.fail(session, stream, status);
  }

  /** The head of a request with content, read again: other requests were read meanwhile. */
  #recall(stream: Stream): void {
    this.#head.recall(stream.head!);
    this.forget(stream);
    this.#head.judge(this.#line, this.#fields);
  }

  /** Releases the state of the request. */
  forget(stream: Stream): void {
    if (stream.head === undefined) return;
    this.#unfinished.bytes -= stream.head.length;
    stream.head = undefined;
  }

  /** Sends an error instead of an answer. */
  fail(session: Session, stream: Stream, status: number): void {
    const bodiless = this.#head.isMethod('HEAD');
    this.#answering.responder.error(this.#to(session, stream), status, PERSIST, bodiless);
    this.#done(session, stream);
    const { log } = this.#answering;
    if (log !== undefined) this.#report(session, stream, status !== 414 && status !== 431, log);
  }

  #answer(session: Session, stream: Stream): void {
    const { responder, log } = this.#answering;
    const { bytes } = this.#head;
    const line = this.#line;
    const to = this.#to(session, stream);
    const status = refusal(line.method, stream.received > 0, session.c.flow, this.#fields);
    responder.output.begun = false;
    try {
      if (status !== 0) responder.refuse(to, status, { bytes, line, fields: this.#fields }, PERSIST);
      else responder.answer(to, bytes, line, this.#fields, PERSIST);
    } catch (error) {
      // A bug of this program, or of a store. Once an answer has begun no error can be sent: the connection ends.
      if (responder.output.begun) throw error;
      this.#answering.faults.note(error);
      responder.error(to, 500, PERSIST, line.method === METHOD.HEAD);
    }
    this.#done(session, stream);
    if (log !== undefined) this.#report(session, stream, true, log);
  }

  #to(session: Session, stream: Stream): StreamWriter {
    this.#writer.flow = session.c.flow;
    this.#writer.stream = stream;
    return this.#writer;
  }

  #done(session: Session, stream: Stream): void {
    session.c.requests++;
    stream.answered = true;
    stream.ownBytes = this.#answering.responder.output.ownBytes;
    session.ownBytes += stream.ownBytes;
  }

  /** The priority in the request replaces an earlier one. */
  #prioritise(stream: Stream, bytes: Uint8Array, start: number, end: number): void {
    this.#priority.parse(bytes, start, end);
    stream.urgency = this.#priority.urgency;
    stream.incremental = this.#priority.incremental;
  }

  #report(session: Session, stream: Stream, parsed: boolean, log: (record: AccessRecord) => void): void {
    const { responder } = this.#answering;
    if (responder.output.quiet) return;
    const record = this.#record;
    const clock = this.#clock;
    record.flow = session.c.flow;
    record.time = clock.wallClock;
    record.status = responder.output.status;
    record.contentBytes = responder.output.contentBytes;
    record.elapsed = clock.sinceCall() + ((clock.now - stream.since) | 0);
    if (parsed) record.set(this.#head.bytes, this.#line, this.#fields);
    else record.set(undefined, undefined, undefined);
    log(record);
  }
}
