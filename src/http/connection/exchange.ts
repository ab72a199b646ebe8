import { Memory } from '../../memory/memory.js';
import type { Flow } from '../../net/flow.js';
import { AnswerRecord } from '../answer/answer-record.js';
import { type Answering, refusal } from '../answer/answering.js';
import { Http1Writer } from '../answer/http1-writer.js';
import type { Responder } from '../answer/responder.js';
import { CLOSE, type Ending, PERSIST, PERSIST_1_0 } from '../answer/tails.js';
import type { AccessRecord } from '../contracts/access-record.js';
import type { HttpLimits } from '../contracts/limits.js';
import { BodyReader, MORE } from '../parse/body.js';
import { Fields } from '../parse/fields.js';
import { CR, isText, LF } from '../parse/octets.js';
import { HTTP2_PREFACE, INCOMPLETE, METHOD, RequestLine } from '../parse/request-line.js';
import { FieldsCache } from '../repeat/fields-cache.js';
import type { KnownRequests } from '../repeat/known-requests.js';
import { type Connection, type ConnectionList, STATE, type Unfinished } from './connection.js';

const CONTINUE = Memory.of('HTTP/1.1 100 Continue\r\n\r\n');
/** An empty SETTINGS frame and GOAWAY with HTTP_1_1_REQUIRED: an answer for HTTP/2 clients (RFC 9113 3.4, 6.8, 7). */
const GOAWAY = new Memory(
  new Uint8Array([0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13]),
);

/** The peer speaks HTTP/2, from the place on where its request line would be. */
const SPEAKS_HTTP2 = -1;

/**
 * From bytes to answers: reads the requests of a connection one after the other, and answers each before it reads the
 * next.
 */
export class Exchange {
  readonly #answering: Answering;
  readonly #limits: HttpLimits;
  readonly #bodies: ConnectionList;
  readonly #becomeHttp2: ((c: Connection) => void) | undefined;
  readonly #unfinished: Unfinished;
  readonly #log: ((record: AccessRecord) => void) | undefined;
  readonly #responder: Responder;
  readonly #writer: Http1Writer;
  readonly #line = new RequestLine();
  readonly #parsed = new Fields();
  readonly #cache: FieldsCache;
  /** Undefined where each request has a line in a log, which repeats what the request says. */
  readonly #known: KnownRequests | undefined;
  /** The current request, as parsed or as known. */
  #fields = this.#parsed;
  readonly #record: AnswerRecord;
  /**
   * `bodies`: the list of connections that wait for the content of a request. `becomeHttp2` is called with a connection
   * that begins with HTTP/2's preface; undefined: such a connection gets GOAWAY.
   */
  constructor(
    answering: Answering,
    bodies: ConnectionList,
    unfinished: Unfinished,
    becomeHttp2: ((c: Connection) => void) | undefined,
  ) {
    this.#becomeHttp2 = becomeHttp2;
    const { limits, log, known, responder, tails, secureTails, forwarding } = answering;
    this.#answering = answering;
    this.#limits = limits;
    this.#bodies = bodies;
    this.#unfinished = unfinished;
    this.#log = log;
    this.#cache = new FieldsCache(limits);
    this.#known = known;
    this.#responder = responder;
    this.#record = new AnswerRecord(forwarding);
    this.#writer = new Http1Writer(tails, bodies.clock, secureTails);
  }

  /**
   * Reads `bytes[at..end)`; returns the place of the first request that is unfinished or has to wait. Bytes behind the
   * last request of a connection are discarded.
   */
  consume(c: Connection, bytes: Uint8Array, at: number, end: number): number {
    const limits = this.#limits;
    let turn = limits.turn;
    while (at < end) {
      this.#responder.output.begun = false;
      if (c.state === STATE.body) {
        const next = c.body!.read(bytes, at, end);
        if (next === MORE) return end;
        if (next < 0) this.fail(c, -next);
        else {
          at = next;
          this.#answerBody(c);
        }
      } else if (bytes[at] === CR) {
        // RFC 9112 2.2: empty lines before a request line are ignored; some clients end their content with one.
        if (at + 1 === end) return at;
        if (bytes[at + 1] !== LF || ++c.skipped > limits.blankLines) this.#failUnparsed(c, 400, false);
        at += 2;
      } else if (this.#mustWait(c, --turn)) {
        stall(c);
        return at;
      } else {
        const next = this.#request(c, bytes, at, end);
        if (next === INCOMPLETE) return at;
        if (next === SPEAKS_HTTP2) {
          this.#becomeHttp2!(c);
          return at;
        }
        at = next;
      }
      if (c.state >= STATE.closing) return end;
      if (c.later !== undefined) return at;
    }
    return at;
  }

  /** Whether earlier answers have to be sent before the next request is read. */
  #mustWait(c: Connection, turn: number): boolean {
    const { queued } = c.flow;
    if (queued === 0) c.ownBytes = 0;
    return queued > this.#limits.queued || (queued > 0 && (turn < 0 || c.ownBytes > this.#limits.own));
  }

  /**
   * Sends an error response, the connection's last one. The access log has the parts of the request that were read, if
   * there were any.
   */
  fail(c: Connection, status: number): void {
    if (c.body !== undefined) this.#failParsed(c, status, this.#recall(c.body));
    else this.#failUnparsed(c, status, c.held !== undefined && isHead(c.held, 0, c.heldBytes));
  }

  /**
   * Answers 500 after an exception, when nothing of the answer was written; without content where the method may have
   * been HEAD.
   */
  fault(c: Connection): void {
    this.#responder.error(this.#to(c), 500, CLOSE, this.#line.method === METHOD.HEAD);
    if (this.#log !== undefined) this.#report(c, undefined, this.#log);
    c.finish();
  }

  #failUnparsed(c: Connection, status: number, bodiless: boolean): void {
    this.#responder.error(this.#to(c), status, CLOSE, bodiless);
    if (this.#log !== undefined) this.#report(c, undefined, this.#log);
    c.finish();
  }

  /** `bytes` hold the request, whose line at least is parsed. */
  #failParsed(c: Connection, status: number, bytes: Uint8Array): void {
    this.#responder.error(this.#to(c), status, CLOSE, this.#line.method === METHOD.HEAD);
    if (this.#log !== undefined) this.#report(c, bytes, this.#log);
    c.finish();
  }

  /** One head and its answer, or the beginning of its content. The place behind the head, or `INCOMPLETE`. */
  #request(c: Connection, bytes: Uint8Array, start: number, end: number): number {
    const again = this.#again(c, bytes, start, end);
    if (again !== 0) return again;
    const limits = this.#limits;
    const line = this.#line;
    const afterLine = line.parse(bytes, start, end, limits);
    if (afterLine === HTTP2_PREFACE) {
      // RFC 9113 3.3: by prior knowledge, as the first bytes of a client; over TLS it is negotiated (3.2).
      if (this.#becomeHttp2 !== undefined && c.requests === 0 && c.skipped === 0 && c.flow.security === undefined)
        return SPEAKS_HTTP2;
      c.flow.write(GOAWAY, 0, GOAWAY.bytes.length);
      c.finish();
      return end;
    }
    if (afterLine === INCOMPLETE) return INCOMPLETE;
    if (afterLine < 0) {
      this.#failUnparsed(c, -afterLine, isHead(bytes, start, end));
      return end;
    }
    const known = this.#cache.match(c.seen, bytes, afterLine, end);
    if (known !== undefined && line.minor > 0 && !c.refused && afterLine - start + known.length <= limits.head) {
      this.#fields = known.value;
      c.seen = known.slot;
      c.skipped = 0;
      c.requests++;
      this.#answer(c, bytes);
      this.#note(c, bytes, start, afterLine + known.length);
      return afterLine + known.length;
    }
    const fields = this.#parsed;
    this.#fields = fields;
    const next = fields.parse(bytes, afterLine, end, start, limits);
    if (next === INCOMPLETE) return INCOMPLETE;
    const refused = next < 0 ? next : c.refused ? -503 : fields.judge(line.minor);
    if (refused < 0) {
      this.#failParsed(c, -refused, bytes);
      return end;
    }
    c.skipped = 0;
    c.requests++;
    if (fields.contentLength === 0) {
      if (line.minor > 0) c.seen = this.#cache.note(bytes, afterLine, next);
      this.#answer(c, bytes);
      this.#note(c, bytes, start, next);
      return next;
    }
    const status = refusal(line.method, true, c.flow, fields);
    // A request that is refused anyway, or whose content is too long to read, is answered at once, and the connection
    // ends.
    if (fields.contentLength > limits.body || (status !== 0 && fields.continues)) {
      this.#failParsed(c, status !== 0 ? status : 413, bytes);
      return end;
    }
    if (this.#unfinished.bytes + next - start > limits.unfinished) {
      this.#failParsed(c, 503, bytes);
      return end;
    }
    if (fields.continues) c.flow.write(CONTINUE, 0, CONTINUE.bytes.length);
    const head = bytes.slice(start, next);
    c.body = new BodyReader(head, fields.contentLength, limits.body, limits.chunkOverhead, limits.fields);
    c.state = STATE.body;
    this.#bodies.add(c);
    return next;
  }

  /** Answers a request that is known, as it was answered before. The place behind it, or 0: it has to be read. */
  #again(c: Connection, bytes: Uint8Array, start: number, end: number): number {
    const known = this.#known;
    if (
      known === undefined ||
      this.#answering.draining ||
      c.refused ||
      c.requests + 1 >= this.#limits.requestsPerConnection
    )
      return 0;
    const seen = known.match(c.known, bytes, start, end, this.#responder);
    if (seen === undefined) return 0;
    c.known = seen.slot;
    c.skipped = 0;
    c.requests++;
    c.began = 0;
    this.#responder.again(this.#to(c), seen.value);
    return start + seen.length;
  }

  /** The request has had its answer: an identical request gets the same answer. */
  #note(c: Connection, bytes: Uint8Array, start: number, end: number): void {
    if (this.#known !== undefined && this.#responder.repeatable !== undefined) {
      c.known = this.#known.note(bytes, start, end, this.#responder);
    }
  }

  /** The content of a request is here: it is answered. */
  #answerBody(c: Connection): void {
    const head = this.#recall(c.body!);
    c.body = undefined;
    c.state = STATE.reading;
    this.#answer(c, head);
  }

  /** The head of a request with content, parsed again: other requests were parsed meanwhile. */
  #recall({ head }: BodyReader): Uint8Array {
    const at = this.#line.parse(head, 0, head.length, this.#limits);
    this.#fields = this.#parsed;
    this.#fields.parse(head, at, head.length, 0, this.#limits);
    this.#fields.judge(this.#line.minor);
    return head;
  }

  /** The writer, set to the connection. */
  #to(c: Connection): Http1Writer {
    return this.#writer.to(c.flow);
  }

  #answer(c: Connection, bytes: Uint8Array): void {
    const line = this.#line;
    const fields = this.#fields;
    let ending: Ending = CLOSE;
    if (c.requests < this.#limits.requestsPerConnection && !this.#answering.draining && !fields.close) {
      // After CONNECT a client may take the connection for a tunnel.
      if (line.minor > 0) ending = line.method === METHOD.CONNECT ? CLOSE : PERSIST;
      else if (fields.keepAlive) ending = PERSIST_1_0;
    }
    const status = refusal(line.method, fields.contentLength !== 0, c.flow, fields);
    if (status !== 0) this.#responder.refuse(this.#to(c), status, { bytes, line, fields }, ending);
    else this.#responder.answer(this.#to(c), bytes, line, fields, ending);
    c.ownBytes += this.#responder.output.ownBytes;
    if (this.#log !== undefined) this.#report(c, bytes, this.#log);
    c.began = 0;
    const { later } = this.#writer;
    if (later !== undefined && !later.done) {
      later.closes = ending === CLOSE;
      c.later = later;
      stall(c);
    } else if (ending === CLOSE) c.finish();
  }

  #report(c: Connection, bytes: Uint8Array | undefined, log: (record: AccessRecord) => void): void {
    if (this.#responder.output.quiet) return;
    const record = this.#record;
    const { clock } = this.#bodies;
    record.flow = c.flow;
    record.time = clock.wallClock;
    record.status = this.#responder.output.status;
    record.contentBytes = this.#responder.output.contentBytes;
    record.elapsed = clock.sinceCall() + (c.began === 0 ? 0 : (clock.now - c.began) | 0);
    if (bytes === undefined) record.set(undefined, undefined, undefined);
    else record.set(bytes, this.#line, this.#fields);
    log(record);
  }
}

/** Whether the unparsable bytes begin like a HEAD request: the answer then has no content (RFC 9110 9.3.2). */
function isHead(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start >= 5 && isText(bytes, start, start + 5, 'HEAD ');
}

/** Before the next request is read, earlier answers leave, and other connections have their turn. */
function stall(c: Connection): void {
  const flow: Flow = c.flow;
  c.state = STATE.stalled;
  flow.lowWater = flow.queued >> 1;
  flow.pause();
}
