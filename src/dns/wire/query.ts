/**
 * A query as it came: read where it lies, into fields that are used again for the next (RFC 1035 4, RFC 6891 6, RFC
 * 8945 4). Nothing is allocated, and no pointer is followed.
 */
import { FLAG, HEADER, MAX_LABELS, MAX_NAME, OPCODE, RCODE, TYPE } from './constants.js';
import { readName } from './name.js';
import { u16At, u32At } from './writer.js';

/** What is to be done with a message. */
export const VERDICT = {
  /** It is no query, or too short to be answered: silence. */
  drop: 0,
  /** `rcode` by the header alone. */
  headerOnly: 1,
  /** The question can be answered; `rcode` may still be an error (BADVERS). */
  answer: 2,
} as const;

/** EDNS options that mean something here. */
export const OPTION = { nsid: 3, cookie: 10, keepalive: 11, extendedError: 15 } as const;

/** Records behind the question that are read: an OPT and a TSIG, and the SOA of IXFR. */
const MAX_ADDITIONAL = 4;
/** Records of another kind of message that are passed over to see whether it has an OPT. */
const MAX_OTHER = 64;
/** Options of one OPT that are read. */
const MAX_OPTIONS = 32;
const DO = 0x8000;
/** RFC 7873 4: a client's cookie, and that with the longest of a server's. */
const CLIENT_COOKIE = 8;
const MAX_COOKIE = 40;

export class Query {
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  id = 0;
  flags = 0;
  opcode = 0;
  rcode = 0;
  /** The question's name in small letters: `name[0..nameLength)`. */
  readonly name = new Uint8Array(MAX_NAME);
  /** Where its labels begin; the number of them at `MAX_LABELS`. */
  readonly starts = new Uint8Array(MAX_LABELS + 1);
  nameLength = 0;
  type = 0;
  class = 0;
  /** Of the question, name and all, in `bytes`; `start` + 12 is its beginning. 0 behind: there is no question. */
  questionEnd = 0;
  edns = false;
  ednsVersion = 0;
  udpSize = 0;
  dnssecOk = false;
  /** Where the data of the options lies; 0: it was not sent. */
  cookieAt = 0;
  cookieLength = 0;
  /** Its length is none of a cookie. */
  private badCookie = false;
  nsid = false;
  keepalive = false;
  /** Where the TSIG record begins, its data, and that ends; 0: there is none. */
  tsigAt = 0;
  tsigData = 0;
  tsigEnd = 0;
  /** The serial of the SOA record that IXFR sends along (RFC 1995 3); -1: none came. */
  ixfrSerial = -1;

  get labels(): number {
    return this.starts[MAX_LABELS];
  }

  /** Reads `bytes[start..end)`; returns one of `VERDICT`. The bytes must stay until the answer is written. */
  read(bytes: Uint8Array, start: number, end: number): number {
    this.clear(bytes, start, end);
    if (end - start < HEADER) return VERDICT.drop;
    this.id = u16At(bytes, start);
    this.flags = u16At(bytes, start + 2);
    // An answer to an answer could loop endlessly.
    if ((this.flags & FLAG.qr) !== 0) return VERDICT.drop;
    this.opcode = (this.flags >> 11) & 15;
    const whole = this.readQuery();
    if (this.opcode === OPCODE.notify || this.opcode === OPCODE.update) return this.refuse(RCODE.refused, whole);
    if (this.opcode !== OPCODE.query) return this.refuse(RCODE.notImp, whole);
    if (!whole) return this.refuse(RCODE.formErr);
    // RFC 7873 5.2.2; RFC 9619, and 7873 5.4: a message without a question asks for a cookie.
    const asks = this.nameLength > 0 || this.cookieAt !== 0 || this.rcode !== RCODE.noError;
    return asks && !this.badCookie ? VERDICT.answer : this.refuse(RCODE.formErr, whole);
  }

  /**
   * It is answered by the header alone; where the rest was read in `whole`, an OPT by one of its own (RFC 6891 6.1.1):
   * FORMERR without one would say that this server knows no EDNS (7).
   */
  refuse(rcode: number, whole = false): number {
    this.rcode = rcode;
    // What was read of the rest is not to be relied on.
    this.edns &&= whole;
    this.nsid = this.keepalive = false;
    this.cookieAt = this.tsigAt = 0;
    return VERDICT.headerOnly;
  }

  private clear(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.rcode = 0;
    this.questionEnd = start + HEADER;
    this.nameLength = 0;
    this.edns = this.dnssecOk = this.nsid = this.keepalive = this.badCookie = false;
    this.ednsVersion = this.udpSize = this.cookieAt = this.cookieLength = 0;
    this.tsigAt = this.tsigData = this.tsigEnd = 0;
    this.ixfrSerial = -1;
  }

  private readQuery(): boolean {
    const { bytes, start, end } = this;
    const questions = u16At(bytes, start + 4);
    const answers = u16At(bytes, start + 6);
    const authorities = u16At(bytes, start + 8);
    const additional = u16At(bytes, start + 10);
    const isQuery = this.opcode === OPCODE.query;
    // RFC 9619: one question at most.
    if (questions > 1 || additional > MAX_ADDITIONAL) return false;
    if (isQuery ? answers !== 0 || authorities > 1 : answers + authorities > MAX_OTHER) return false;
    let at = start + HEADER;
    if (questions === 1) {
      this.nameLength = readName(bytes, at, end, this.name, this.starts);
      if (this.nameLength < 0) return false;
      at += this.nameLength + 4;
      if (at > end) return false;
      this.type = u16At(bytes, at - 4);
      this.class = u16At(bytes, at - 2);
      this.questionEnd = at;
    }
    // NOTIFY and UPDATE have records there (RFC 1996 3.7, RFC 2136 2): what is refused has its OPT behind them.
    if (!isQuery) for (let i = 0; i < answers + authorities && at >= 0; i++) at = skipRecord(bytes, at, end);
    else if (authorities === 1) {
      if (questions === 0 || this.type !== TYPE.IXFR) return false;
      at = this.readSerial(at);
    }
    for (let i = 0; i < additional && at >= 0; i++) at = this.readAdditional(at, i === additional - 1);
    if (at !== end) return false;
    if (this.ednsVersion > 0) this.rcode = RCODE.badVers;
    return true;
  }

  /** The SOA record of IXFR; returns its end, or -1. */
  private readSerial(at: number): number {
    const { bytes, end } = this;
    const data = skipName(bytes, at, end) + 10;
    if (data < 10 || data > end) return -1;
    const stop = data + u16At(bytes, data - 2);
    if (stop > end || stop - data < 22 || u16At(bytes, data - 10) !== TYPE.SOA) return -1;
    this.ixfrSerial = u32At(bytes, stop - 20);
    return stop;
  }

  /** A record of the additional section; returns its end, or -1. */
  private readAdditional(at: number, last: boolean): number {
    const { bytes, end } = this;
    const data = skipName(bytes, at, end) + 10;
    if (data < 10 || data > end) return -1;
    const stop = data + u16At(bytes, data - 2);
    if (stop > end) return -1;
    const type = u16At(bytes, data - 10);
    if (type === TYPE.OPT) {
      // RFC 6891 6.1.1, 6.1.2: one OPT record at most, owned by the root.
      if (this.edns || bytes[at] !== 0) return -1;
      return this.readOpt(data, stop) ? stop : -1;
    }
    if (type === TYPE.TSIG) {
      // RFC 8945 5.1: the last record of all.
      if (!last) return -1;
      this.tsigAt = at;
      this.tsigData = data;
      this.tsigEnd = stop;
    }
    return stop;
  }

  private readOpt(data: number, stop: number): boolean {
    const { bytes } = this;
    this.edns = true;
    this.udpSize = u16At(bytes, data - 8);
    this.ednsVersion = bytes[data - 5];
    this.dnssecOk = (u16At(bytes, data - 4) & DO) !== 0;
    // RFC 6891 6.1.3: nothing is known of the options of another version.
    if (this.ednsVersion !== 0) return true;
    let at = data;
    for (let i = 0; at < stop; i++) {
      if (at + 4 > stop || i === MAX_OPTIONS) return false;
      const code = u16At(bytes, at);
      const length = u16At(bytes, at + 2);
      at += 4;
      if (at + length > stop) return false;
      if (code === OPTION.cookie && this.cookieAt === 0) {
        this.badCookie = length !== CLIENT_COOKIE && (length < 2 * CLIENT_COOKIE || length > MAX_COOKIE);
        this.cookieAt = at;
        this.cookieLength = length;
      } else if (code === OPTION.nsid) this.nsid = true;
      else if (code === OPTION.keepalive) this.keepalive = true;
      at += length;
    }
    return true;
  }
}

/** Behind a name that may end in a pointer, which is not followed; a negative number: it is none. */
function skipName(bytes: Uint8Array, at: number, end: number): number {
  const limit = at + MAX_NAME;
  for (let i = at; i < end && i < limit; ) {
    const length = bytes[i];
    if (length === 0) return i + 1;
    if (length >= 0xc0) return i + 2;
    if (length >= 0x40) return -1000;
    i += length + 1;
  }
  return -1000;
}

/** Behind a record; -1: it is none. */
function skipRecord(bytes: Uint8Array, at: number, end: number): number {
  const data = skipName(bytes, at, end) + 10;
  if (data < 10 || data > end) return -1;
  const stop = data + u16At(bytes, data - 2);
  return stop > end ? -1 : stop;
}
