import { CLASS, COLON, CR, HEX, HTAB, LF, SEMICOLON, SP, TCHAR, VALUE } from './octets.js';

/** States of the chunked coding, RFC 9112 7.1. */
const S = {
  size: 0,
  sizeMore: 1,
  extensionSpace: 2,
  extensionName: 3,
  extensionNameMore: 4,
  extensionNameEnd: 5,
  extensionValue: 6,
  extensionToken: 7,
  extensionQuoted: 8,
  extensionEscape: 9,
  extensionQuotedEnd: 10,
  sizeLf: 11,
  data: 12,
  dataCr: 13,
  dataLf: 14,
  trailer: 15,
  trailerName: 16,
  trailerValue: 17,
  trailerLf: 18,
  lastLf: 19,
  done: 20,
} as const;

export const MORE = -1;

/** Of the size of a chunk: leading zeros count, too. */
const MOST_DIGITS = 12;

/** The content of one request, parsed strictly and discarded. The object exists only while there is such content. */
export class BodyReader {
  /** The request's head, parsed again when the content has come; no other part of the request is kept. */
  readonly head: Uint8Array;
  #state: number = S.data;
  #remaining: number;
  #total = 0;
  #digits = 0;
  #overhead = 0;
  #trailers = 0;
  readonly #chunked: boolean;
  readonly #limit: number;
  readonly #overheadLimit: number;
  readonly #trailerLimit: number;

  /**
   * `length` in bytes, -1 for chunked. `limit` bounds the content of a chunked one, `overheadLimit` its extensions and
   * trailers.
   */
  constructor(head: Uint8Array, length: number, limit: number, overheadLimit: number, trailerLimit: number) {
    this.head = head;
    this.#chunked = length < 0;
    this.#remaining = this.#chunked ? 0 : length;
    this.#limit = limit;
    this.#overheadLimit = overheadLimit;
    this.#trailerLimit = trailerLimit;
    if (this.#chunked) this.#state = S.size;
  }

  /** Reads from `bytes[at..end)`. Returns the place behind the content, `MORE` when the content goes on, or -status. */
  read(bytes: Uint8Array, at: number, end: number): number {
    if (!this.#chunked) {
      const taken = Math.min(this.#remaining, end - at);
      this.#remaining -= taken;
      return this.#remaining === 0 ? at + taken : MORE;
    }
    while (at < end) {
      if (this.#state === S.data) {
        const taken = Math.min(this.#remaining, end - at);
        this.#remaining -= taken;
        at += taken;
        if (this.#remaining > 0) return MORE;
        this.#state = S.dataCr;
        continue;
      }
      if (this.#state === S.size) {
        at = this.#whole(bytes, at, end);
        if (at === end) return MORE;
      }
      const refused = this.#octet(bytes[at]!);
      if (refused !== 0) return refused;
      at++;
      if (this.#state === S.done) return at;
    }
    return MORE;
  }

  /**
   * Skips the chunks that lie in `bytes[at..end)` whole and without extensions: the client decides how small they are.
   * Returns where the first other one begins, which is read octet by octet.
   */
  #whole(bytes: Uint8Array, at: number, end: number): number {
    const limit = this.#limit;
    let total = this.#total;
    let from = at;
    for (;;) {
      const most = Math.min(end, from + MOST_DIGITS + 1);
      let size = 0;
      let i = from;
      for (; i < most; i++) {
        const digit = HEX[bytes[i]!]!;
        if (digit === 255) break;
        size = size * 16 + digit;
      }
      const next = i + 2 + size;
      const plain = size > 0 && i - from <= MOST_DIGITS && next + 2 <= end && total + size <= limit;
      if (!plain || bytes[i] !== CR || bytes[i + 1] !== LF || bytes[next] !== CR || bytes[next + 1] !== LF) break;
      total += size;
      from = next + 2;
    }
    this.#total = total;
    return from;
  }

  #octet(c: number): number {
    const state = this.#state;
    const isOverhead = state >= S.trailer || (state >= S.extensionSpace && state < S.sizeLf);
    if (isOverhead && ++this.#overhead > this.#overheadLimit) return -400;
    if (state === S.sizeLf) return c === LF ? this.#begin() : -400;
    const next = state <= S.sizeMore ? this.#size(c) : state >= S.dataCr ? this.#frame(c) : extension(state, c);
    if (next < 0) return next;
    this.#state = next;
    return 0;
  }

  #size(c: number): number {
    const digit = HEX[c]!;
    if (digit !== 255) {
      if (++this.#digits > MOST_DIGITS) return -400;
      this.#remaining = this.#remaining * 16 + digit;
      return S.sizeMore;
    }
    if (this.#state === S.size) return -400;
    return c === CR ? S.sizeLf : c === SEMICOLON ? S.extensionName : c === SP || c === HTAB ? S.extensionSpace : -400;
  }

  /** The chunk's size is known and its line has ended. */
  #begin(): number {
    this.#digits = 0;
    this.#total += this.#remaining;
    if (this.#total > this.#limit) return -413;
    this.#state = this.#remaining === 0 ? S.trailer : S.data;
    return 0;
  }

  #frame(c: number): number {
    switch (this.#state) {
      case S.dataCr:
        return c === CR ? S.dataLf : -400;
      case S.dataLf:
        return c === LF ? S.size : -400;
      case S.trailer:
        if (c === CR) return S.lastLf;
        if ((CLASS[c]! & TCHAR) === 0) return -400;
        return ++this.#trailers > this.#trailerLimit ? -431 : S.trailerName;
      case S.trailerName:
        return c === COLON ? S.trailerValue : (CLASS[c]! & TCHAR) !== 0 ? S.trailerName : -400;
      case S.trailerValue:
        return c === CR ? S.trailerLf : (CLASS[c]! & VALUE) !== 0 ? S.trailerValue : -400;
      case S.trailerLf:
        return c === LF ? S.trailer : -400;
      default:
        return c === LF ? S.done : -400;
    }
  }
}

/** `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )`, RFC 9112 7.1.1. */
function extension(state: number, c: number): number {
  const space = c === SP || c === HTAB;
  const token = (CLASS[c]! & TCHAR) !== 0;
  switch (state) {
    case S.extensionSpace:
      return space ? state : c === SEMICOLON ? S.extensionName : -400;
    case S.extensionName:
      return space ? state : token ? S.extensionNameMore : -400;
    case S.extensionNameMore:
    case S.extensionNameEnd:
      if (token && state === S.extensionNameMore) return state;
      if (c === 0x3d) return S.extensionValue;
      if (c === CR && state === S.extensionNameMore) return S.sizeLf;
      return c === SEMICOLON ? S.extensionName : space ? S.extensionNameEnd : -400;
    case S.extensionValue:
      return space ? state : c === 0x22 ? S.extensionQuoted : token ? S.extensionToken : -400;
    case S.extensionToken:
      if (token) return state;
      return c === CR ? S.sizeLf : c === SEMICOLON ? S.extensionName : space ? S.extensionSpace : -400;
    case S.extensionQuoted:
      if (c === 0x22) return S.extensionQuotedEnd;
      return c === 0x5c ? S.extensionEscape : (CLASS[c]! & VALUE) !== 0 ? state : -400;
    case S.extensionEscape:
      return (CLASS[c]! & VALUE) !== 0 ? S.extensionQuoted : -400;
    default:
      // extensionQuotedEnd
      return c === CR ? S.sizeLf : c === SEMICOLON ? S.extensionName : space ? S.extensionSpace : -400;
  }
}
