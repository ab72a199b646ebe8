import type { HttpLimits } from '../contracts/limits.js';
import type { DecodedFields } from '../hpack/decoder.js';
import { FIELD, FIELD_COUNT, type FieldId, type Fields, fieldNamed } from '../parse/fields.js';
import { CLASS, COLON, CR, HTAB, isText, isToken, name, SP, TCHAR, VALUE } from '../parse/octets.js';
import type { RequestLine } from '../parse/request-line.js';

/** Kinds of fields, beside those of `FIELD`. */
const KIND = {
  other: FIELD_COUNT,
  /** The first pseudo-header field; `PSEUDO` has all. */
  method: FIELD_COUNT + 1,
  /** A field that no request may have: for its name, or its value, or both. */
  malformed: FIELD_COUNT + 5,
} as const;

const TRAILERS = name('trailers');
const TE = name('te');
/** RFC 9113 8.2.2, beside `connection` and `transfer-encoding`. */
const OF_CONNECTIONS = ['keep-alive', 'proxy-connection', 'upgrade'].map(name);
/** RFC 9113 8.3.1, in the order of `KIND`. */
const PSEUDO = [':method', ':scheme', ':path', ':authority'] as const;
/** All of them as a set of bits. */
const METHOD = 1;
const SCHEME = 2;
const PATH = 4;
const AUTHORITY = 8;
/** The overhead of a field in its count, beyond its octets (RFC 9113 10.5.1). */
const OVERHEAD = 32;

/** A result of `RequestHead.judge` that is not a status: the request is malformed (RFC 9113 8.1.1). */
export const MALFORMED = -1;

/**
 * The head of a request while it is decoded; one object for all connections. Its fields lie as lines in `bytes[0..at)`,
 * with an empty line behind them, so that the reader of HTTP/1's fields can read them. All rules of RFC 9113 8.2 and
 * 8.3 are checked on the way.
 */
export class RequestHead implements DecodedFields {
  readonly bytes: Uint8Array;
  at = 0;
  full = false;
  malformed = false;
  /** A line exceeded its limit. */
  #longLine = false;
  #count = 0;
  #size = 0;
  /** Pseudo-header fields that came, by bit; and whether others came. */
  #pseudo = 0;
  #regular = false;
  readonly #pseudoStarts = new Int32Array(PSEUDO.length);
  readonly #pseudoEnds = new Int32Array(PSEUDO.length);
  /** The fields of `FIELD` in order: id, start and end of the value. */
  readonly #taken: Int32Array;
  #takenCount = 0;
  /** The value of `Priority` (RFC 9218 5); the end is 0 where there is none. */
  priorityStart = 0;
  priorityEnd = 0;
  readonly #limits: HttpLimits;

  /** `blockLimit`: octets of a field block at most. */
  constructor(limits: HttpLimits, blockLimit: number) {
    this.#limits = limits;
    // The bytes kept, and one decoded block behind them: a Huffman string grows to 8/5 of its octets, and an entry of a
    // table is short.
    this.bytes = new Uint8Array(limits.head + blockLimit * 2 + 8192);
    this.#taken = new Int32Array((limits.fields + PSEUDO.length) * 3);
  }

  begin(): void {
    this.at = this.#count = this.#size = this.#pseudo = this.#takenCount = this.priorityEnd = 0;
    this.full = this.malformed = this.#longLine = this.#regular = false;
  }

  kindOf(bytes: Uint8Array, nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): number {
    if (!isValue(bytes, valueStart, valueEnd) || nameEnd === nameStart) return KIND.malformed;
    if (bytes[nameStart] === 0x3a) {
      const i = PSEUDO.findIndex((one) => isText(bytes, nameStart, nameEnd, one));
      return i < 0 ? KIND.malformed : KIND.method + i;
    }
    for (let at = nameStart; at < nameEnd; at++) {
      const c = bytes[at]!;
      // RFC 9113 8.2: a token in small letters.
      if ((CLASS[c]! & TCHAR) === 0 || (c >= 0x41 && c <= 0x5a)) return KIND.malformed;
    }
    const id = fieldNamed(bytes, nameStart, nameEnd);
    if (id === FIELD.connection || id === FIELD.transferEncoding) return KIND.malformed;
    if (id >= 0) return id;
    if (isToken(bytes, nameStart, nameEnd, TE))
      return isToken(bytes, valueStart, valueEnd, TRAILERS) ? KIND.other : KIND.malformed;
    return OF_CONNECTIONS.some((one) => isToken(bytes, nameStart, nameEnd, one)) ? KIND.malformed : KIND.other;
  }

  add(nameLength: number, valueLength: number, kind: number): void {
    this.#size += nameLength + valueLength + OVERHEAD;
    if (this.#size > this.#limits.head || ++this.#count >= this.#limits.fields + PSEUDO.length) {
      this.full = true;
      return;
    }
    const start = this.at + nameLength + 2;
    const end = start + valueLength;
    this.at = end + 2;
    if (end + 2 - start + nameLength + 2 > this.#limits.fieldLine) this.#longLine = true;
    if (kind < KIND.method) {
      this.#regular = true;
      if (kind >= FIELD_COUNT) return;
      const taken = this.#taken;
      const at = this.#takenCount++ * 3;
      taken[at] = kind;
      taken[at + 1] = start;
      taken[at + 2] = end;
      if (kind === FIELD.priority) {
        this.priorityStart = start;
        this.priorityEnd = end;
      }
    } else if (kind === KIND.malformed) this.malformed = true;
    else {
      const i = kind - KIND.method;
      // RFC 9113 8.3: before all others, and each once.
      if (this.#regular || (this.#pseudo & (1 << i)) !== 0) this.malformed = true;
      this.#pseudo |= 1 << i;
      this.#pseudoStarts[i] = start;
      this.#pseudoEnds[i] = end;
    }
  }

  /** Takes a head as `close` left it, whose copy is `head`. */
  recall(head: Uint8Array): void {
    this.begin();
    const { bytes } = this;
    bytes.set(head);
    for (let at = 0; at < head.length - 2; ) {
      // A pseudo-header field's name begins with a colon.
      const colon = bytes.indexOf(COLON, at + 1);
      const end = bytes.indexOf(CR, colon);
      this.add(colon - at, end - colon - 2, this.kindOf(bytes, at, colon, colon + 2, end));
      at = end + 2;
    }
  }

  /** Ends the lines with an empty one; the place behind it. */
  close(): number {
    this.bytes[this.at] = 0x0d;
    this.bytes[this.at + 1] = 0x0a;
    return this.at + 2;
  }

  isMethod(method: string): boolean {
    const { bytes } = this;
    return (this.#pseudo & METHOD) !== 0 && isText(bytes, this.#pseudoStarts[0]!, this.#pseudoEnds[0]!, method);
  }

  /** Whether these are trailers: no pseudo-header field is among them (RFC 9113 8.1). */
  get isTrailers(): boolean {
    return !this.malformed && this.#pseudo === 0;
  }

  /** Fills in `line` and `fields`. 0, `MALFORMED`, or the status of the error. */
  judge(line: RequestLine, fields: Fields): number {
    if (this.malformed) return MALFORMED;
    if (this.full) return 431;
    const { bytes } = this;
    const refused = this.#judgeTarget(line);
    if (refused !== 0) return refused;
    if (this.#longLine) return 431;
    fields.begin(bytes, 0);
    fields.blockEnd = this.at;
    const taken = this.#taken;
    for (let i = 0, n = this.#takenCount * 3; i < n; i += 3)
      fields.take(taken[i] as FieldId, taken[i + 1]!, taken[i + 2]!);
    if ((this.#pseudo & AUTHORITY) !== 0 && !this.#takeAuthority(fields)) return MALFORMED;
    const status = fields.judge(1);
    // RFC 9113 8.1.1: an invalid length, or several of them, make a request malformed; but it is answered as in
    // HTTP/1.1.
    return -status;
  }

  /** RFC 9113 8.3.1 and 8.5. */
  #judgeTarget(line: RequestLine): number {
    const { bytes } = this;
    const starts = this.#pseudoStarts;
    const ends = this.#pseudoEnds;
    const isConnect = this.isMethod('CONNECT');
    if (this.#pseudo !== (isConnect ? METHOD | AUTHORITY : this.#pseudo | METHOD | SCHEME | PATH)) return MALFORMED;
    for (let at = starts[0]!; at < ends[0]!; at++) if ((CLASS[bytes[at]!]! & TCHAR) === 0) return MALFORMED;
    if (ends[0] === starts[0]) return MALFORMED;
    const target = isConnect ? 3 : 2;
    if (ends[target]! - starts[target]! > this.#limits.requestLine - 16) return 414;
    const first = bytes[starts[target]!];
    if (!isConnect && first !== 0x2f && first !== 0x2a) return MALFORMED;
    return -line.take(bytes, starts[0]!, ends[0]!, starts[target]!, ends[target]!);
  }

  /** Takes `:authority` for `Host`; false: both came, and differ (RFC 9113 8.3.1). */
  #takeAuthority(fields: Fields): boolean {
    const { bytes } = this;
    const start = this.#pseudoStarts[3]!;
    const end = this.#pseudoEnds[3]!;
    if (!fields.has(FIELD.host)) {
      fields.take(FIELD.host, start, end);
      return true;
    }
    const host = fields.start(FIELD.host);
    if (fields.end(FIELD.host) - host !== end - start) return false;
    for (let i = 0; i < end - start; i++) if (lower(bytes[start + i]!) !== lower(bytes[host + i]!)) return false;
    return true;
  }
}

function lower(c: number): number {
  return c >= 0x41 && c <= 0x5a ? c | 0x20 : c;
}

/**
 * RFC 9113 8.2.1. As in HTTP/1.1 no other control characters are allowed either: not even between spaces at the ends of
 * a value.
 */
function isValue(bytes: Uint8Array, start: number, end: number): boolean {
  if (end === start) return true;
  const [first, last] = [bytes[start], bytes[end - 1]];
  if (first === SP || first === HTAB || last === SP || last === HTAB) return false;
  for (let at = start; at < end; at++) if ((CLASS[bytes[at]!]! & VALUE) === 0) return false;
  return true;
}
