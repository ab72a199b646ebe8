/** The answer to one query: the one that is ready for it, patched into a buffer. */
import type { Datagram } from '../../net/datagrams.js';
import type { Answer } from '../answer/answer-writer.js';
import type { Catalog } from '../answer/catalog.js';
import { RECORDS_A_DENIAL } from '../answer/denials.js';
import { CLASS, FLAG, HEADER, RCODE, TCP_MAX, TYPE, UDP_MAX, UDP_WITHOUT_EDNS } from '../wire/constants.js';
import { OPTION, Query, VERDICT } from '../wire/query.js';
import { putU16, u16At } from '../wire/writer.js';
import { chaosText } from './chaos.js';
import { CLIENT_COOKIE, type Cookies, SERVER_COOKIE } from './cookies.js';
import { DROP, PASS, type RateLimit } from './rate-limit.js';
import type { DnsStats } from './stats.js';
import type { Tsig, TsigSession } from './tsig.js';

/** RFC 8914 4. */
const EDE = { none: -1, notAuthoritative: 20, notSupported: 21 } as const;
/** RFC 6891 6.1.2: owner, type, size, extended code and flags, length. */
const OPT = 11;
const COOKIE = CLIENT_COOKIE + SERVER_COOKIE;
/** Classes of answers, each with a rate of its own. */
const RATE = { data: 0, nothing: 1, error: 2 } as const;

/** A message as it came, and from whom. */
export type Incoming = Omit<Datagram, 'local'>;

export interface ResponderOptions {
  /** The zones that are served now. */
  readonly catalog: () => Catalog;
  readonly cookies: Cookies;
  readonly tsig: Tsig;
  /** Undefined: no bound. */
  readonly rateLimit?: RateLimit | undefined;
  /** What `id.server` and NSID say (RFC 4892, RFC 5001), at most 255 bytes; undefined: nothing. */
  readonly identity?: Uint8Array | undefined;
  /** What `version.server` says. */
  readonly version?: Uint8Array | undefined;
  /** Seconds since 1970, for cookies. */
  readonly seconds: () => number;
  readonly stats: DnsStats;
}

export class Responder {
  readonly query = new Query();
  private readonly options: ResponderOptions;
  private goodCookie = false;
  /** Of a query that is signed. */
  private session: TsigSession | undefined;
  private out: Uint8Array = new Uint8Array(0);
  private extendedError: number = EDE.none;
  /** Tenths of a second that a TCP connection may be idle (RFC 7828); -1: it is UDP. */
  private keepalive = -1;

  constructor(options: ResponderOptions) {
    this.options = options;
  }

  /**
   * Writes the answer to a datagram into `out`, which has room for 1,232 bytes; returns its length, 0: there is none.
   * `now`: ms.
   */
  udp(incoming: Incoming, out: Uint8Array, now: number): number {
    const { stats, rateLimit } = this.options;
    stats.queriesUdp += 1;
    stats.bytesIn += incoming.end - incoming.start;
    const verdict = this.begin(incoming, out, -1);
    const { query } = this;
    const limit = query.edns ? Math.min(Math.max(query.udpSize, UDP_WITHOUT_EDNS), UDP_MAX) : UDP_WITHOUT_EDNS;
    let length = this.write(verdict, limit);
    // A client that returns our cookie has its own address, and is no victim.
    if (length > 0 && rateLimit !== undefined && !this.goodCookie) {
      const passed = rateLimit.take(incoming.source, this.rateClass(), now);
      if (passed === DROP) {
        stats.rateDropped += 1;
        return 0;
      }
      if (passed !== PASS) {
        stats.slipped += 1;
        // It must not be longer than what asked for it by more than a cookie.
        query.nsid = false;
        this.extendedError = EDE.none;
        length = this.empty(RCODE.noError, FLAG.tc, verdict === VERDICT.answer);
      }
    }
    length = this.sign(length);
    stats.bytesOut += length;
    return length;
  }

  /**
   * The same for a message over TCP, without its length; `out` has room for 65,535 bytes. `idle`: of the connection,
   * tenths of a second.
   */
  tcp(incoming: Incoming, out: Uint8Array, idle: number): number {
    const { stats } = this.options;
    stats.queriesTcp += 1;
    stats.bytesIn += incoming.end - incoming.start;
    const length = this.sign(this.write(this.begin(incoming, out, idle), TCP_MAX));
    stats.bytesOut += length;
    return length;
  }

  /** Reads a query and its cookie; returns its verdict. */
  private begin({ bytes, start, end, source }: Incoming, out: Uint8Array, idle: number): number {
    const { query, options } = this;
    const { cookies } = options;
    this.out = out;
    this.keepalive = idle;
    this.extendedError = EDE.none;
    this.goodCookie = false;
    this.session = undefined;
    let verdict = query.read(bytes, start, end);
    if (query.tsigAt !== 0) {
      this.session = options.tsig.verify(query);
      if (this.session === undefined) verdict = query.refuse(RCODE.formErr);
    }
    if (query.cookieAt !== 0) {
      this.goodCookie = cookies.check(bytes, query.cookieAt, query.cookieLength, source, options.seconds());
      if (this.goodCookie) options.stats.goodCookies += 1;
    }
    return verdict;
  }

  /** A signed query gets a signed answer (RFC 8945 5.3). */
  private sign(length: number): number {
    return this.session === undefined || length === 0 ? length : this.session.sign(this.out, length);
  }

  private write(verdict: number, most: number): number {
    const { query, options, session } = this;
    const limit = most - (session?.size ?? 0);
    const { stats } = options;
    if (verdict === VERDICT.drop) {
      stats.silent += 1;
      return 0;
    }
    stats.answers += 1;
    if (verdict === VERDICT.headerOnly) {
      if (query.rcode === RCODE.formErr) stats.malformed += 1;
      return this.empty(query.rcode, 0, false);
    }
    if (query.rcode !== RCODE.noError || query.nameLength === 0) return this.empty(query.rcode, 0, true);
    if (session?.good === false) return this.empty(RCODE.notAuth, 0, true);
    if (query.class === CLASS.ch) return this.chaos(limit);
    // RFC 5936 4.2: AXFR goes over TCP. Those with a key get it there before this is reached.
    if (query.type === TYPE.AXFR && this.keepalive < 0) return this.empty(RCODE.formErr, 0, true);
    if (query.type === TYPE.AXFR || query.type === TYPE.IXFR) {
      if (session === undefined) {
        stats.transfersRefused += 1;
        return this.empty(RCODE.refused, 0, true);
      }
      // RFC 5936 2.2.1: what is not the name of a zone cannot be transferred.
      if (this.keepalive >= 0) return this.empty(query.type === TYPE.AXFR ? RCODE.notAuth : RCODE.formErr, 0, true);
      // RFC 1995 2: the present SOA record tells whether it is worth to come over TCP.
      query.type = TYPE.SOA;
    }
    const catalog = options.catalog();
    if (query.class !== CLASS.in || !catalog.find(query)) {
      stats.refused += 1;
      this.extendedError = EDE.notAuthoritative;
      return this.empty(RCODE.refused, 0, true);
    }
    const answer = catalog.answer!;
    if (answer.rcode === RCODE.nxDomain) stats.nxDomain += 1;
    return this.sections(catalog, answer, limit);
  }

  private rateClass(): number {
    const { out } = this;
    if ((out[3] & 15) !== RCODE.noError && (out[3] & 15) !== RCODE.nxDomain) return RATE.error;
    return u16At(out, 6) === 0 ? RATE.nothing : RATE.data;
  }

  /** Header and question of the query; returns where the sections begin. */
  private head(rcode: number, flags: number, withQuestion: boolean): number {
    const { query, out } = this;
    const { bytes, start } = query;
    const kept = withQuestion && query.nameLength > 0 ? query.questionEnd - start : HEADER;
    putU16(out, 0, query.id);
    putU16(out, 2, FLAG.qr | (query.opcode << 11) | (query.flags & FLAG.rd) | flags | (rcode & 15));
    putU16(out, 4, kept > HEADER ? 1 : 0);
    putU16(out, 6, 0);
    putU16(out, 8, 0);
    putU16(out, 10, 0);
    // RFC 4343 4.1: the question keeps its case, which resolvers mix to tell answers from forgeries.
    for (let i = HEADER; i < kept; i++) out[i] = bytes[start + i];
    return kept;
  }

  /** An answer without records; returns its length. */
  private empty(rcode: number, flags: number, withQuestion: boolean): number {
    if ((flags & FLAG.tc) !== 0) this.options.stats.truncated += 1;
    return this.opt(this.head(rcode, flags, withQuestion), rcode);
  }

  private sections(catalog: Catalog, answer: Answer, limit: number): number {
    const { query, out } = this;
    const flags = answer.authoritative ? FLAG.aa : 0;
    const base = this.head(answer.rcode, flags, true);
    const { denials } = catalog.zone!;
    const first = catalog.denial >= 0 && !answer.denials.includes(catalog.denial) ? catalog.denial : -1;
    const second = catalog.wildcardDenial === first ? -1 : catalog.wildcardDenial;
    const firstBytes = first < 0 ? undefined : denials.bytes(first);
    const secondBytes = second < 0 ? undefined : denials.bytes(second);
    const proof = (firstBytes?.length ?? 0) + (secondBytes?.length ?? 0);
    const room = limit - base - this.optLength() - proof;
    const whole = answer.tail.length <= room;
    const length = whole ? answer.tail.length : answer.needed;
    // RFC 2181 9, RFC 9471: whole sets that are needed, or none.
    if (length > room) return this.empty(answer.rcode, flags | FLAG.tc, true);
    const { tail, pointers } = answer;
    for (let i = 0; i < length; i++) out[base + i] = tail[i];
    const moved = query.nameLength - answer.madeFor;
    if (moved !== 0) {
      const count = whole ? pointers.length : answer.neededPointers;
      for (let i = 0; i < count; i++) {
        const at = base + pointers[i];
        putU16(out, at, u16At(out, at) + moved);
      }
    }
    let end = base + length;
    let authorities = answer.authorities;
    if (firstBytes !== undefined) {
      end = this.copy(firstBytes, end);
      authorities += RECORDS_A_DENIAL;
    }
    if (secondBytes !== undefined) {
      end = this.copy(secondBytes, end);
      authorities += RECORDS_A_DENIAL;
    }
    putU16(out, 6, answer.answers);
    putU16(out, 8, authorities);
    putU16(out, 10, whole ? answer.additional : answer.neededAdditional);
    return this.opt(end, answer.rcode);
  }

  private copy(bytes: Uint8Array, at: number): number {
    const { out } = this;
    for (let i = 0; i < bytes.length; i++) out[at + i] = bytes[i];
    return at + bytes.length;
  }

  // EDNS

  private get identity(): Uint8Array | undefined {
    return this.query.nsid ? this.options.identity : undefined;
  }

  /** Bytes of the OPT record that the answer gets; 0: the query had none (RFC 6891 7). */
  private optLength(): number {
    const { query } = this;
    if (!query.edns) return 0;
    const cookie = query.cookieAt === 0 ? 0 : 4 + COOKIE;
    const keepalive = query.keepalive && this.keepalive >= 0 ? 6 : 0;
    const identity = this.identity === undefined ? 0 : 4 + this.identity.length;
    return OPT + cookie + keepalive + identity + (this.extendedError >= 0 ? 6 : 0);
  }

  private opt(at: number, rcode: number): number {
    const { query, out, identity } = this;
    if (!query.edns) return at;
    out[at] = 0;
    putU16(out, at + 1, TYPE.OPT);
    putU16(out, at + 3, UDP_MAX);
    out[at + 5] = rcode >> 4;
    out[at + 6] = 0;
    putU16(out, at + 7, query.dnssecOk ? 0x8000 : 0);
    putU16(out, at + 9, this.optLength() - OPT);
    putU16(out, 10, u16At(out, 10) + 1);
    let end = at + OPT;
    if (query.cookieAt !== 0) end = this.option(end, OPTION.cookie, this.options.cookies.reply);
    if (identity !== undefined) end = this.option(end, OPTION.nsid, identity);
    if (query.keepalive && this.keepalive >= 0) {
      // RFC 7828 3.3.2: over TCP only.
      putU16(out, end, OPTION.keepalive);
      putU16(out, end + 2, 2);
      putU16(out, end + 4, this.keepalive);
      end += 6;
    }
    if (this.extendedError >= 0) {
      putU16(out, end, OPTION.extendedError);
      putU16(out, end + 2, 2);
      putU16(out, end + 4, this.extendedError);
      end += 6;
    }
    return end;
  }

  private option(at: number, code: number, data: Uint8Array): number {
    putU16(this.out, at, code);
    putU16(this.out, at + 2, data.length);
    return this.copy(data, at + 4);
  }

  // Class CH (RFC 4892)

  private chaos(limit: number): number {
    const { query, options } = this;
    const text = query.type === TYPE.TXT || query.type === TYPE.ANY ? chaosText(query, options) : undefined;
    if (text === undefined) {
      options.stats.refused += 1;
      return this.empty(RCODE.refused, 0, true);
    }
    const { out } = this;
    const base = this.head(RCODE.noError, FLAG.aa, true);
    if (base + 13 + text.length + this.optLength() > limit) return this.empty(RCODE.noError, FLAG.tc, true);
    putU16(out, base, 0xc000 | HEADER);
    putU16(out, base + 2, TYPE.TXT);
    putU16(out, base + 4, CLASS.ch);
    putU16(out, base + 6, 0);
    putU16(out, base + 8, 0);
    putU16(out, base + 10, text.length + 1);
    out[base + 12] = text.length;
    putU16(out, 6, 1);
    return this.opt(this.copy(text, base + 13), RCODE.noError);
  }
}
