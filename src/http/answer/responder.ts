import { Memory } from '../../memory/memory.js';
import type { Extent, Lookup, Representation, Resource, Store } from '../../store/store.js';
import type { CallClock } from '../contracts/call-clock.js';
import type { HttpLimits } from '../contracts/limits.js';
import type { HttpOptions } from '../contracts/options.js';
import { CONDITIONS, evaluate, FAILED, NOT_MODIFIED, rangeApplies } from '../negotiate/conditions.js';
import { chooseLanguage } from '../negotiate/languages.js';
import { IGNORED, RangeSet, UNSATISFIABLE } from '../negotiate/ranges.js';
import { FIELD, type Fields } from '../parse/fields.js';
import type { Forwarding } from '../parse/forwarded.js';
import type { Parsed } from '../parse/parsed.js';
import { normalisePath } from '../parse/path.js';
import { FORM, METHOD, type RequestLine } from '../parse/request-line.js';
import { challengePage } from './acme-challenge.js';
import { AnswerOutput } from './answer-output.js';
import type { AnswerWriter } from './answer-writer.js';
import { Later } from './later.js';
import { asksLocally, LivePages } from './live-pages.js';
import { multipart } from './multipart.js';
import { OtherOrigin } from './other-origin.js';
import { ALLOW, errorPage, Pages, redirectPage } from './pages.js';
import { withQuery } from './redirect-target.js';
import { Sites } from './sites.js';
import { type Ending, PERSIST } from './tails.js';

/**
 * RFC 9110 9.3.7: with the fields that announce optional features. The second field also changes the length in
 * HTTP/1.0: nmap takes an answer of 133 bytes for a Nagios NSCA.
 */
const OPTIONS_HEAD = extentOf(`HTTP/1.1 204 No Content\r\nAllow: ${ALLOW}\r\nAccept-Ranges: bytes\r\n`);

/** Each request with one of these is evaluated separately: it depends on dates, or asks for a part. */
const PECULIAR = CONDITIONS | (1 << FIELD.range) | (1 << FIELD.ifRange);

/** What a request wants of the resource that it names. */
interface Wanted {
  /** HTTP/1's minor version. */
  readonly minor: number;
  readonly fields: Fields;
  readonly ending: Ending;
  /** HEAD. */
  readonly bodiless: boolean;
  /** The next request with the same octets may get the same answer unread. */
  readonly repeatable: boolean;
}

/**
 * Decides on answers: to requests that parsed, and the server's own pages; `output` writes them. One object for all
 * connections and versions of HTTP; it keeps no state of them.
 */
export class Responder {
  readonly #clock: CallClock;
  readonly #pages: Pages;
  readonly #sites: Sites;
  readonly #live: LivePages | undefined;
  readonly #acmeChallenge: HttpOptions['acmeChallenge'];
  readonly #localOnly: boolean;
  readonly #forwarding: Forwarding | undefined;
  readonly #rangeLimit: number;
  readonly #ranges = new RangeSet();
  readonly #path: Uint8Array;
  /** What was said last, and what has been said since the start. */
  readonly output = new AnswerOutput();

  /** `retryAfter` in seconds. Throws a `RangeError` when an option is not as `HttpOptions` has it. */
  constructor(
    options: HttpOptions,
    limits: HttpLimits,
    retryAfter: number,
    clock: CallClock,
    forwarding: Forwarding | undefined,
  ) {
    this.#clock = clock;
    this.#forwarding = forwarding;
    this.#pages = new Pages(retryAfter);
    const { redirectTo, canonical } = options;
    const otherOrigin =
      redirectTo === undefined && canonical === undefined ? undefined : new OtherOrigin(redirectTo, canonical);
    this.#sites = new Sites(options.store, options.hosts, options.base, otherOrigin);
    this.#live = options.livePages?.length ? new LivePages(options.livePages, forwarding) : undefined;
    this.#acmeChallenge = options.acmeChallenge;
    this.#localOnly = options.localOnly ?? false;
    this.#rangeLimit = limits.ranges;
    this.#path = new Uint8Array(limits.requestLine);
  }

  /** The store of all requests; undefined where it depends on what a request says. */
  get source(): Store | undefined {
    return this.#sites.only;
  }

  /** The last answer, if every client gets the same one for the same request from the same store; else undefined. */
  get repeatable(): Representation | undefined {
    return this.output.repeatable;
  }

  /** Answers with what was `repeatable`. */
  again(to: AnswerWriter, selected: Representation): void {
    this.output.whole(to, selected, 200, PERSIST, false);
  }

  /** Answers with a page of the server itself: an error. `bodiless` for HEAD. */
  error(to: AnswerWriter, status: number, ending: Ending, bodiless: boolean, site?: string): void {
    this.output.page(to, this.#pages.get(status, site), ending, bodiless);
  }

  /** Answers GET, HEAD and OPTIONS. `line` is about `bytes`; `fields` has bytes of its own. */
  answer(to: AnswerWriter, bytes: Uint8Array, line: RequestLine, fields: Fields, ending: Ending): void {
    const scheme = this.#forwarding?.scheme(to.remote.address, fields);
    if (this.#forwarding !== undefined) to.secured(scheme === 'https');
    if (line.method === METHOD.OPTIONS) {
      this.output.head(to, 204, OPTIONS_HEAD);
      const site = this.#fieldsFor(bytes, line, fields);
      if (site !== '') this.output.text(to, site.replace(/^cache-control:.*\r\n/gim, ''));
      to.end(ending);
      return;
    }
    const bodiless = line.method === METHOD.HEAD;
    let path = bytes;
    let start = line.pathStart;
    let end = line.pathEnd;
    if (!line.plain || end === start) {
      path = this.#path;
      end = normalisePath(bytes, start, end, path);
      start = 0;
      if (end < 0) {
        this.error(to, 400, ending, bodiless);
        return;
      }
    }
    if (this.#acmeChallenge !== undefined) {
      const proof = challengePage(this.#acmeChallenge, path, start, end);
      if (proof !== undefined) {
        this.output.page(to, proof, ending, bodiless);
        return;
      }
    }
    if (this.#localOnly && !asksLocally(bytes, line, fields)) {
      this.error(to, 421, ending, bodiless);
      return;
    }
    // A proxy's word holds for the requests of one connection. Another connection may send the same, and not be
    // trusted.
    let repeatable = ending === PERSIST && !bodiless && scheme === undefined;
    if (this.#live?.at(path, start, end)) {
      repeatable = false;
      const live = this.#live.find(path, start, end, to.remote, { bytes, line, fields });
      if (live !== undefined) {
        this.output.page(to, live, ending, bodiless);
        this.output.quiet = this.#live.quiet;
        return;
      }
    }
    const otherOrigin = this.#sites.otherOrigin(bytes, line, fields, scheme);
    if (otherOrigin !== undefined) {
      this.output.page(to, redirectPage(301, withQuery(otherOrigin, bytes, line)), ending, bodiless);
      return;
    }
    const found = this.#sites.lookup(this.#sites.storeFor(bytes, line, fields), path, start, end);
    if (found.kind === 'resource') {
      this.#resource(to, found.resource, { minor: line.minor, fields, ending, bodiless, repeatable });
      if (found.resource.fleeting) this.output.ownBytes += headBytes(found.resource);
    } else if (found.kind === 'missing') {
      if (found.page === undefined) this.error(to, 404, ending, bodiless, found.fields);
      else this.#missing(to, found.page, fields, ending, bodiless);
      if (found.page?.fleeting) this.output.ownBytes += headBytes(found.page);
    } else {
      const location = withQuery(found.location, bytes, line);
      this.output.page(to, redirectPage(found.status, location, found.fields), ending, bodiless);
    }
  }

  /**
   * A status of `refusal`; 405, for a method that resources do not have, with the fields that the site gives this
   * resource.
   */
  refuse(to: AnswerWriter, status: number, { bytes, line, fields }: Parsed, ending: Ending): void {
    const bodiless = line.method === METHOD.HEAD;
    this.error(to, status, ending, bodiless, status === 405 ? this.#fieldsFor(bytes, line, fields) : '');
  }

  /** The field lines of the site for the target of any method: not on the path of GET and HEAD. */
  #fieldsFor(bytes: Uint8Array, line: RequestLine, fields: Fields): string {
    if (line.form > FORM.absolute) return '';
    const end = normalisePath(bytes, line.pathStart, line.pathEnd, this.#path);
    if (end < 0) return '';
    const found: Lookup = this.#sites.lookup(this.#sites.storeFor(bytes, line, fields), this.#path, 0, end);
    return (found.kind === 'resource' ? found.resource.fields : (found.fields ?? pageOf(found)?.fields)) ?? '';
  }

  #resource(to: AnswerWriter, found: Resource, wanted: Wanted): void {
    const { fields, ending, bodiless } = wanted;
    const resource = found.languages === undefined ? found : chooseLanguage(fields, found.languages);
    const selected = fields.encodings.choose(resource);
    if (selected === undefined) {
      this.error(to, 406, ending, bodiless, resource.fields);
      return;
    }
    const verdict = evaluate(fields, resource, selected, this.#clock);
    if (verdict === NOT_MODIFIED) {
      this.output.bare(to, 304, selected.headNotModified, ending);
      return;
    }
    if (verdict === FAILED) {
      this.output.bare(to, 412, selected.headFailed, ending);
      return;
    }
    // Range is defined for GET alone (RFC 9110 14.2); two of them are malformed, and malformed ones are ignored.
    if (fields.has(FIELD.range) && !bodiless && fields.count(FIELD.range) === 1) {
      if (
        rangeApplies(fields, resource, selected, this.#clock) &&
        this.#partial(to, resource, selected, fields, ending)
      ) {
        return;
      }
    }
    // RFC 8297, and RFC 9110 15.2: no 1xx to HTTP/1.0. This server has the whole answer at hand: the hints are for
    // intermediaries.
    if (resource.hints !== undefined && wanted.minor > 0 && !bodiless) {
      to.interim(resource.hints);
    }
    this.output.whole(to, selected, 200, ending, bodiless);
    if (!wanted.repeatable || resource.hints !== undefined || found.fleeting === true || found.passing === true) return;
    if ((fields.present & PECULIAR) === 0 && !Later.needs(selected.body)) this.output.repeatable = selected;
  }

  /** An error has one representation only (no 406), and no conditions or ranges (RFC 9110 13.2.1). */
  #missing(to: AnswerWriter, found: Resource, fields: Fields, ending: Ending, bodiless: boolean): void {
    const page = found.languages === undefined ? found : chooseLanguage(fields, found.languages);
    const selected = fields.encodings.choose(page) ?? page.representations[0]!;
    this.output.whole(to, selected, statusOf(selected.headOk), ending, bodiless);
  }

  /** 206 or 416; false when the field is to be ignored. */
  #partial(to: AnswerWriter, resource: Resource, selected: Representation, fields: Fields, ending: Ending): boolean {
    const { body } = selected;
    const size = body.end - body.start;
    const ranges = this.#ranges;
    const start = fields.start(FIELD.range);
    const verdict = ranges.parse(fields.bytes, start, fields.end(FIELD.range), size, this.#rangeLimit);
    if (verdict === IGNORED) return false;
    if (verdict === UNSATISFIABLE) {
      const own = [`Content-Range: bytes */${size}\r\n`, 'Accept-Ranges: bytes\r\n'];
      this.output.page(to, errorPage(416, own, resource.fields), ending, false);
      return true;
    }
    this.output.head(to, 206, selected.headPartial);
    if (ranges.count > 1) {
      this.#parts(to, resource, selected, ending);
      return true;
    }
    const [first, last] = [ranges.starts[0]!, ranges.ends[0]!];
    this.output.text(
      to,
      `Content-Type: ${resource.contentType}\r\nContent-Range: bytes ${first}-${last - 1}/${size}\r\nContent-Length: ${last - first}\r\n`,
    );
    to.end(ending);
    this.output.part(to, body, first, last);
    return true;
  }

  #parts(to: AnswerWriter, resource: Resource, selected: Representation, ending: Ending): void {
    const { starts, ends } = this.#ranges;
    const { fieldLines, heads, close } = multipart(this.#ranges, resource, selected);
    this.output.text(to, fieldLines);
    to.end(ending);
    for (const head of heads) this.output.ownBytes += head.bytes.length;
    for (const [i, head] of heads.entries()) {
      this.output.content(to, whole(head));
      this.output.part(to, selected.body, starts[i]!, ends[i]!);
    }
    this.output.content(to, whole(close));
  }
}

/** Bytes of a resource's heads that are kept for one answer only: an estimate, independent of which head was sent. */
function headBytes({ representations, hints }: Resource): number {
  const { start, end } = representations[0]!.headOk;
  return end - start + (hints === undefined ? 0 : hints.end - hints.start);
}

function pageOf(found: Lookup): Resource | undefined {
  return found.kind === 'missing' ? found.page : undefined;
}

/** The status in a head's first line: a page for what is missing is mostly, but not always, 404. */
function statusOf(head: Extent): number {
  const { bytes } = head.memory;
  const at = head.start + 'HTTP/1.1 '.length;
  return (bytes[at]! - 0x30) * 100 + (bytes[at + 1]! - 0x30) * 10 + bytes[at + 2]! - 0x30;
}

function extentOf(text: string): Extent {
  return whole(Memory.of(text));
}

function whole(memory: Memory): Extent {
  return { memory, start: 0, end: memory.bytes.length };
}
