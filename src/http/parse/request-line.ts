import type { HttpLimits } from '../contracts/limits.js';
import { isHost } from './host.js';
import { CLASS, CR, DIGIT, isName, isText, LF, name, SLASH, SP, TARGET, TCHAR } from './octets.js';

/**
 * The result of the parsers when the bytes so far may be the beginning of valid input. A result above 0 is the place
 * where it ended, one below 0 is -status.
 */
export const INCOMPLETE = 0;
/** The request line of HTTP/2's connection preface (RFC 9113 3.4): not a status, but no request either. */
export const HTTP2_PREFACE = -2;

/** Methods of RFC 9110 9.3 and PATCH (RFC 5789). `other` is every unknown method: 501. */
export const METHOD = {
  other: 0,
  GET: 1,
  HEAD: 2,
  OPTIONS: 3,
  POST: 4,
  PUT: 5,
  DELETE: 6,
  PATCH: 7,
  TRACE: 8,
  CONNECT: 9,
} as const;
export type Method = (typeof METHOD)[keyof typeof METHOD];

/** The four forms of RFC 9112 3.2. */
export const FORM = { origin: 0, absolute: 1, authority: 2, asterisk: 3 } as const;
export type Form = (typeof FORM)[keyof typeof FORM];

const NAMES = Object.entries(METHOD).filter(([text]) => text !== 'other');
const HTTP_COLON = name('http://');
const HTTPS_COLON = name('https://');
/** Longer than any method that we know, RFC 9112 3. */
const METHOD_LIMIT = 32;

/** `GET /path?query HTTP/1.1`, as places in the bytes that were parsed. */
export class RequestLine {
  method: Method = METHOD.other;
  form: Form = FORM.origin;
  /** Minor version: 0, or 1 for 1 and above (RFC 9110 2.5). */
  minor = 1;
  /** HTTP/2, whose requests have no line: the parts came separately. */
  http2 = false;
  methodStart = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  /** The path, without query; empty only for `http://host`, which means `/`. */
  pathStart = 0;
  pathEnd = 0;
  /**
   * Whether the path can be looked up as it is: no `%`, no octet above 0x7f, no `//`, no segment that begins with a
   * dot.
   */
  plain = true;
  /** Whether the target holds `#`, which no form may. */
  fragment = false;
  /** The authority of the absolute form, else empty. */
  hostStart = 0;
  hostEnd = 0;

  /**
   * Parses `bytes[start..)`; returns `INCOMPLETE`, the place behind CRLF, `HTTP2_PREFACE`, or -status. An error is
   * reported once the line has ended.
   */
  parse(bytes: Uint8Array, start: number, end: number, limits: HttpLimits): number {
    const bound = start + limits.requestLine;
    const stop = Math.min(end, bound);
    this.methodStart = start;
    this.http2 = false;
    if ((CLASS[bytes[start]!]! & TCHAR) === 0) return -400;
    let at = start + 1;
    while (at < stop && (CLASS[bytes[at]!]! & TCHAR) !== 0) at++;
    this.methodEnd = at;
    if (at >= stop || bytes[at] !== SP) return this.#broken(bytes, start, at, stop, bound);
    at++;
    this.targetStart = at;
    at = this.#scanTarget(bytes, at, stop);
    this.targetEnd = at;
    if (at >= stop || bytes[at] !== SP || at === this.targetStart) return this.#broken(bytes, start, at, stop, bound);
    at++;
    // HTTP-version CRLF: ten octets, RFC 9112 2.3.
    if (at + 10 > stop) return this.#broken(bytes, start, at, stop, bound);
    if (
      !isText(bytes, at, at + 5, 'HTTP/') ||
      (CLASS[bytes[at + 5]!]! & DIGIT) === 0 ||
      bytes[at + 6] !== 0x2e ||
      (CLASS[bytes[at + 7]!]! & DIGIT) === 0 ||
      bytes[at + 8] !== CR ||
      bytes[at + 9] !== LF
    ) {
      return this.#broken(bytes, start, at, stop, bound);
    }
    this.minor = bytes[at + 7] === 0x30 ? 0 : 1;
    if (bytes[at + 5] !== 0x31) {
      return isText(bytes, start, at + 10, 'PRI * HTTP/2.0\r\n') ? HTTP2_PREFACE : -505;
    }
    this.method = methodOf(bytes, start, this.methodEnd);
    const refused = this.#judgeTarget(bytes);
    return refused !== 0 ? refused : at + 10;
  }

  /**
   * Takes the method and the target of an HTTP/2 request (RFC 9113 8.3.1): a target begins with a slash, or is `*`, or
   * the authority of CONNECT. Returns 0, or -400 for a target that the method cannot have.
   */
  take(bytes: Uint8Array, methodStart: number, methodEnd: number, targetStart: number, targetEnd: number): number {
    this.http2 = true;
    this.minor = 1;
    this.methodStart = methodStart;
    this.methodEnd = methodEnd;
    this.targetStart = targetStart;
    this.targetEnd = this.#scanTarget(bytes, targetStart, targetEnd);
    this.method = methodOf(bytes, methodStart, methodEnd);
    return this.targetEnd < targetEnd || targetEnd === targetStart ? -400 : this.#judgeTarget(bytes);
  }

  #scanTarget(bytes: Uint8Array, start: number, stop: number): number {
    this.pathStart = start;
    let plain = true;
    let fragment = false;
    let previous = 0;
    let at = start;
    for (; at < stop; at++) {
      const c = bytes[at]!;
      if (c <= SP || c === 0x7f || c === 0x3f) break;
      if (c === 0x25 || c >= 0x80 || c === 0x5c || (previous === SLASH && (c === SLASH || c === 0x2e))) plain = false;
      else if (c === 0x23) fragment = true;
      previous = c;
    }
    this.plain = plain;
    this.pathEnd = at;
    for (; at < stop && (CLASS[bytes[at]!]! & TARGET) !== 0; at++) if (bytes[at] === 0x23) fragment = true;
    this.fragment = fragment;
    return at;
  }

  /** The line is malformed: an error once it ends, and too long if it does not end. */
  #broken(bytes: Uint8Array, start: number, at: number, stop: number, bound: number): number {
    const lf = bytes.indexOf(LF, at);
    if (lf >= 0 && lf < stop) return -400;
    if (stop < bound) return INCOMPLETE;
    const space = bytes.indexOf(SP, start);
    return space >= 0 && space <= start + METHOD_LIMIT ? -414 : -501;
  }

  #judgeTarget(bytes: Uint8Array): number {
    const start = this.targetStart;
    const end = this.targetEnd;
    this.hostStart = this.hostEnd = start;
    if (bytes[start] === SLASH) {
      this.form = FORM.origin;
      if (this.method === METHOD.CONNECT) return -400;
      return this.fragment ? -400 : 0;
    }
    if (this.method === METHOD.CONNECT) {
      this.form = FORM.authority;
      const colon = bytes.subarray(start, end).lastIndexOf(0x3a);
      return colon > 0 && start + colon + 1 < end && isHost(bytes, start, end) ? 0 : -400;
    }
    if (end - start === 1 && bytes[start] === 0x2a) {
      this.form = FORM.asterisk;
      return this.method === METHOD.OPTIONS ? 0 : -400;
    }
    return this.#judgeAbsolute(bytes, start, end);
  }

  #judgeAbsolute(bytes: Uint8Array, start: number, end: number): number {
    this.form = FORM.absolute;
    const secured = end - start > HTTPS_COLON.length && isName(bytes, start, HTTPS_COLON);
    if (!secured && !(end - start > HTTP_COLON.length && isName(bytes, start, HTTP_COLON))) return -400;
    const host = start + (secured ? HTTPS_COLON.length : HTTP_COLON.length);
    let at = host;
    while (at < end && bytes[at] !== SLASH && bytes[at] !== 0x3f && bytes[at] !== 0x23) at++;
    if (at === host || bytes[host] === 0x3a || !isHost(bytes, host, at)) return -400;
    if (this.fragment) return -400;
    // A request for https must not be answered over a connection that is not secured, RFC 9110 7.4.
    if (secured) return -421;
    this.hostStart = host;
    this.hostEnd = at;
    this.pathStart = at;
    if (this.pathEnd < at) this.pathEnd = at;
    // The double slash of the scheme has cleared `plain`; the slow path is correct for both.
    return 0;
  }
}

function methodOf(bytes: Uint8Array, start: number, end: number): Method {
  if (end - start === 3 && bytes[start] === 0x47 && bytes[start + 1] === 0x45 && bytes[start + 2] === 0x54) {
    return METHOD.GET;
  }
  for (const [text, method] of NAMES) if (isText(bytes, start, end, text)) return method;
  return METHOD.other;
}
