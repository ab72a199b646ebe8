import type { HttpLimits } from '../contracts/limits.js';
import { Encodings } from './encodings.js';
import { isHost } from './host.js';
import {
  CLASS,
  COLON,
  COMMA,
  CR,
  DIGIT,
  HTAB,
  isName,
  isToken,
  LF,
  name,
  SP,
  skipSpace,
  TCHAR,
  trimEnd,
  VALUE,
} from './octets.js';
import { INCOMPLETE } from './request-line.js';

/** The fields that a static server looks at. Numbers index `Fields`' places. */
export const FIELD = {
  host: 0,
  range: 1,
  expect: 2,
  referer: 3,
  ifMatch: 4,
  ifRange: 5,
  connection: 6,
  userAgent: 7,
  ifNoneMatch: 8,
  contentLength: 9,
  acceptEncoding: 10,
  transferEncoding: 11,
  ifModifiedSince: 12,
  ifUnmodifiedSince: 13,
  acceptLanguage: 14,
  priority: 15,
} as const;
export type FieldId = (typeof FIELD)[keyof typeof FIELD];

/** How many of them there are. */
export const FIELD_COUNT = 16;
const NAMES: readonly Uint8Array[] = [
  'host',
  'range',
  'expect',
  'referer',
  'if-match',
  'if-range',
  'connection',
  'user-agent',
  'if-none-match',
  'content-length',
  'accept-encoding',
  'transfer-encoding',
  'if-modified-since',
  'if-unmodified-since',
  'accept-language',
  'priority',
].map(name);
const LONGEST = 19;
/** The fields whose name has a given length. */
const BY_LENGTH: readonly (readonly FieldId[])[] = Array.from({ length: LONGEST + 1 }, (_, length) =>
  NAMES.flatMap((text, id) => (text.length === length ? [id as FieldId] : [])),
);

const CLOSE = name('close');
const KEEP_ALIVE = name('keep-alive');
const CHUNKED = name('chunked');
const CONTINUE = name('100-continue');

/** The field lines of one head (RFC 9112 5), as places in the parsed bytes, and the values that framing needs. */
export class Fields {
  bytes: Uint8Array = new Uint8Array(0);
  readonly #starts = new Int32Array(FIELD_COUNT);
  readonly #ends = new Int32Array(FIELD_COUNT);
  readonly #counts = new Uint8Array(FIELD_COUNT);
  /** One bit a field that occurs: `1 << FIELD.range`. */
  present = 0;
  blockStart = 0;
  blockEnd = 0;
  readonly encodings = new Encodings();
  /** Whether `Connection` names `close`, `keep-alive`. */
  close = false;
  keepAlive = false;
  /** Length of the content in bytes, 0 without any; -1 when it is chunked. */
  contentLength = 0;
  /** `Expect: 100-continue`. */
  continues = false;

  has(id: FieldId): boolean {
    return (this.present & (1 << id)) !== 0;
  }

  /** How many lines have the name, counted up to 255. */
  count(id: FieldId): number {
    return this.#counts[id]!;
  }

  /** The value of the first line of the name, without space around it. */
  start(id: FieldId): number {
    return this.#starts[id]!;
  }

  end(id: FieldId): number {
    return this.#ends[id]!;
  }

  /** Whether a line has the name, which is any name in small letters. Reads each line: too slow for every request. */
  named(lower: Uint8Array): boolean {
    let found = false;
    this.#visit(lower, () => {
      found = true;
    });
    return found;
  }

  /** Calls `visit` with the value of each line of the name, in order. */
  each(id: FieldId, visit: (bytes: Uint8Array, start: number, end: number) => void): void {
    this.#visit(NAMES[id]!, visit);
  }

  /** The same for any name, in small letters. */
  lines(lower: Uint8Array, visit: (bytes: Uint8Array, start: number, end: number) => void): void {
    this.#visit(lower, visit);
  }

  #visit(name: Uint8Array, visit: (bytes: Uint8Array, start: number, end: number) => void): void {
    const bytes = this.bytes;
    for (let at = this.blockStart; at < this.blockEnd && bytes[at] !== CR; ) {
      const colon = bytes.indexOf(COLON, at);
      const lf = bytes.indexOf(LF, at);
      if (isToken(bytes, at, colon, name)) {
        const from = skipSpace(bytes, colon + 1, lf - 1);
        visit(bytes, from, trimEnd(bytes, from, lf - 1));
      }
      at = lf + 1;
    }
  }

  /**
   * Parses the lines from `start` and the empty line. Returns the place behind it, `INCOMPLETE`, or -status.
   * `headStart` is where the request line began.
   */
  parse(bytes: Uint8Array, start: number, end: number, headStart: number, limits: HttpLimits): number {
    this.begin(bytes, start);
    const headBound = headStart + limits.head;
    let lines = 0;
    for (let at = start; ; ) {
      const bound = Math.min(at + limits.fieldLine, headBound);
      const stop = Math.min(end, bound);
      if (at < stop && bytes[at] === CR) {
        if (at + 1 >= stop) return stop === bound ? -431 : INCOMPLETE;
        if (bytes[at + 1] !== LF) return broken(bytes, at, stop, bound);
        this.blockEnd = at;
        return at + 2;
      }
      const nameStart = at;
      while (at < stop && (CLASS[bytes[at]!]! & TCHAR) !== 0) at++;
      // No name, space before the colon, or a continuation line (obs-fold): RFC 9112 5.1 and 5.2.
      if (at >= stop || bytes[at] !== COLON || at === nameStart) return broken(bytes, at, stop, bound);
      const nameEnd = at++;
      while (at < stop && (bytes[at] === SP || bytes[at] === HTAB)) at++;
      const valueStart = at;
      while (at < stop && (CLASS[bytes[at]!]! & VALUE) !== 0) at++;
      if (at + 1 >= stop || bytes[at] !== CR || bytes[at + 1] !== LF) return broken(bytes, at, stop, bound);
      if (++lines > limits.fields) return -431;
      const id = fieldNamed(bytes, nameStart, nameEnd);
      if (id >= 0) this.take(id as FieldId, valueStart, trimEnd(bytes, valueStart, at));
      at += 2;
    }
  }

  /** Forgets all lines; those that follow lie in `bytes[start..)`. */
  begin(bytes: Uint8Array, start: number): void {
    this.bytes = bytes;
    this.present = 0;
    this.blockStart = start;
    this.encodings.clear();
    this.close = this.keepAlive = this.continues = false;
  }

  /** Records a line with the value `bytes[start..end)`. */
  take(id: FieldId, start: number, end: number): void {
    const bit = 1 << id;
    if ((this.present & bit) === 0) {
      this.present |= bit;
      this.#counts[id] = 1;
      this.#starts[id] = start;
      this.#ends[id] = end;
    } else if (this.#counts[id]! < 255) this.#counts[id]!++;
    if (id === FIELD.acceptEncoding) this.encodings.add(this.bytes, start, end);
    else if (id === FIELD.connection) this.#takeConnection(start, end);
  }

  #takeConnection(start: number, end: number): void {
    const bytes = this.bytes;
    for (let at = start; at < end; ) {
      let stop = at;
      while (stop < end && bytes[stop] !== COMMA) stop++;
      const from = skipSpace(bytes, at, stop);
      const to = trimEnd(bytes, from, stop);
      if (isToken(bytes, from, to, CLOSE)) this.close = true;
      else if (isToken(bytes, from, to, KEEP_ALIVE)) this.keepAlive = true;
      at = stop + 1;
    }
  }

  /** Checks the lines together: `Host`, framing, expectations. Returns 0, or -status. */
  judge(minor: number): number {
    // RFC 9112 3.2: an error if HTTP/1.1 has no `Host`, if there are two, or if the value is no host.
    if (!this.has(FIELD.host)) {
      if (minor > 0) return -400;
    } else if (this.count(FIELD.host) > 1 || !isHost(this.bytes, this.start(FIELD.host), this.end(FIELD.host))) {
      return -400;
    }
    this.contentLength = 0;
    const framing = (1 << FIELD.transferEncoding) | (1 << FIELD.contentLength) | (1 << FIELD.expect);
    if ((this.present & framing) === 0) return 0;
    return this.#judgeFraming(minor);
  }

  #judgeFraming(minor: number): number {
    if (this.has(FIELD.transferEncoding)) {
      // RFC 9112 6.1: Transfer-Encoding with Content-Length, or from HTTP/1.0, may be an attempt at smuggling.
      if (this.has(FIELD.contentLength) || minor === 0) return -400;
      const refused = this.#judgeCodings();
      if (refused !== 0) return refused;
      this.contentLength = -1;
    } else if (this.has(FIELD.contentLength)) {
      if (this.count(FIELD.contentLength) > 1) return -400;
      const length = decimal(this.bytes, this.start(FIELD.contentLength), this.end(FIELD.contentLength));
      if (length < 0) return -400;
      this.contentLength = length;
    }
    if (this.has(FIELD.expect) && minor > 0) {
      // RFC 9110 10.1.1: 100-continue is the one expectation there is; from HTTP/1.0 it is ignored.
      let others = false;
      this.#members(FIELD.expect, (from, to) => {
        if (isToken(this.bytes, from, to, CONTINUE)) this.continues = true;
        else others = true;
      });
      if (others) return -417;
    }
    return 0;
  }

  /** Calls `visit` with each member of a list that is not empty, of all its lines (RFC 9110 5.6.1.2). */
  #members(id: FieldId, visit: (from: number, to: number) => void): void {
    this.each(id, (bytes, start, end) => {
      for (let at = start; at < end; ) {
        let stop = at;
        while (stop < end && bytes[stop] !== COMMA) stop++;
        const from = skipSpace(bytes, at, stop);
        const to = trimEnd(bytes, from, stop);
        if (to > from) visit(from, to);
        at = stop + 1;
      }
    });
  }

  /**
   * We decode `chunked` alone, once and last: 501 for another coding before it, 400 for a body without an end (RFC 9112
   * 6.1, 6.3).
   */
  #judgeCodings(): number {
    let members = 0;
    let chunked = 0;
    let last = false;
    this.#members(FIELD.transferEncoding, (from, to) => {
      members++;
      last = isToken(this.bytes, from, to, CHUNKED);
      if (last) chunked++;
    });
    if (members === 1 && chunked === 1) return 0;
    if (chunked > 1 || (chunked === 1 && !last) || members === 0) return -400;
    return -501;
  }
}

/** The field whose name, in any case, is `bytes[start..end)`; -1: none of them. */
export function fieldNamed(bytes: Uint8Array, start: number, end: number): FieldId | -1 {
  const length = end - start;
  if (length > LONGEST) return -1;
  const candidates = BY_LENGTH[length]!;
  for (let i = 0; i < candidates.length; i++) {
    const id = candidates[i]!;
    if (isName(bytes, start, NAMES[id]!)) return id;
  }
  return -1;
}

/** A line is malformed: an error once it ends, and too long if it does not end. */
function broken(bytes: Uint8Array, at: number, stop: number, bound: number): number {
  const lf = bytes.indexOf(LF, at);
  if (lf >= 0 && lf < stop) return -400;
  return stop === bound ? -431 : INCOMPLETE;
}

/** `1*DIGIT` of at most 15 digits, or -1. */
function decimal(bytes: Uint8Array, start: number, end: number): number {
  if (end === start || end - start > 15) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    if ((CLASS[bytes[i]!]! & DIGIT) === 0) return -1;
    value = value * 10 + bytes[i]! - 0x30;
  }
  return value;
}
