import { Memory } from '../../memory/memory.js';
import type { Flow } from '../../net/flow.js';
import type { Content, Extent, Lookup, Representation, Resource, Store } from '../../store/store.js';
import { asksLocally, LivePages } from '../admin/live-pages.js';
import type { Deadlines } from '../connection/deadlines.js';
import { CONDITIONS, evaluate, FAILED, NOT_MODIFIED, rangeApplies } from '../negotiate/conditions.js';
import { chooseLanguage } from '../negotiate/languages.js';
import { IGNORED, RangeSet, UNSATISFIABLE } from '../negotiate/ranges.js';
import type { HttpLimits, HttpOptions } from '../options.js';
import { FIELD, type Fields } from '../parse/fields.js';
import { latin1 } from '../parse/octets.js';
import { normalisePath } from '../parse/path.js';
import { FORM, METHOD, type RequestLine } from '../parse/request-line.js';
import { uriText } from '../parse/uri-text.js';
import { challengePage } from './acme-challenge.js';
import { Elsewhere } from './elsewhere.js';
import { Later } from './later.js';
import { ALLOW, errorPage, type Page, Pages, redirectPage } from './pages.js';
import { ReadyAnswers } from './ready-answers.js';
import { Sites } from './sites.js';
import { type Ending, PERSIST, PERSIST_1_0, Tails } from './tails.js';

/**
 * RFC 9110 9.3.7: with the fields that say what optional features there are. The second one also has it that in HTTP/1.0 the answer is
 * not of the 133 bytes by which nmap knows a Nagios NSCA.
 */
const OPTIONS_HEAD = Memory.of(`HTTP/1.1 204 No Content\r\nAllow: ${ALLOW}\r\nAccept-Ranges: bytes\r\n`);

/** Requests with these are each looked at for themselves: they depend on dates, or are for a part. */
const PECULIAR = CONDITIONS | (1 << FIELD.range) | (1 << FIELD.ifRange);

/** Writes answers: what a request that parsed is told, and the server's own pages. One for all connections; keeps nothing of them. */
export class Responder {
  readonly #clock: Deadlines;
  readonly #tails: Tails;
  readonly #ready: ReadyAnswers;
  readonly #pages: Pages;
  readonly #sites: Sites;
  readonly #live: LivePages | undefined;
  readonly #acmeChallenge: HttpOptions['acmeChallenge'];
  readonly #localOnly: boolean;
  readonly #rangeLimit: number;
  readonly #ranges = new RangeSet();
  readonly #path: Uint8Array;
  /** Of the last answer, for logs: its status, and its bytes of content. */
  status = 0;
  contentBytes = 0;
  /** Bytes of the last answer that were made for it alone, and are in memory until they are sent. */
  ownBytes = 0;
  /** Something of the answer at hand has been written. */
  begun = false;
  /** What of the last answer is written later. */
  later: Later | undefined = undefined;
  /** The last answer need not be logged. */
  quiet = false;
  /** What the last answer was, if whoever sends the same request gets the same of the same store; else undefined. */
  repeatable: Representation | undefined = undefined;
  /** Since the start: answers by status, and bytes of content. */
  readonly answers = new Uint32Array(600);
  totalBytes = 0;

  /** `retryAfter` in seconds. Throws a `RangeError` when an option is not as `HttpOptions` has it. */
  constructor(options: HttpOptions, limits: HttpLimits, retryAfter: number, clock: Deadlines) {
    this.#clock = clock;
    this.#tails = new Tails(options.serverField, options.hsts);
    this.#ready = new ReadyAnswers(this.#tails);
    this.#pages = new Pages(retryAfter);
    const { redirectTo, canonical } = options;
    const elsewhere =
      redirectTo === undefined && canonical === undefined ? undefined : new Elsewhere(redirectTo, canonical);
    this.#sites = new Sites(options.store, options.hosts, options.base, elsewhere);
    this.#live = options.livePages?.length ? new LivePages(options.livePages) : undefined;
    this.#acmeChallenge = options.acmeChallenge;
    this.#localOnly = options.localOnly ?? false;
    this.#rangeLimit = limits.ranges;
    this.#path = new Uint8Array(limits.requestLine);
  }

  /** The store of all requests; undefined where it depends on what a request says. */
  get source(): Store | undefined {
    return this.#sites.only;
  }

  /** Answers with what was `repeatable`. */
  again(flow: Flow, selected: Representation): void {
    this.#whole(flow, selected, 200, PERSIST, false);
  }

  /** Answers with a page of the server itself: an error. `bodiless` for HEAD. */
  error(flow: Flow, status: number, ending: Ending, bodiless: boolean, site?: string): void {
    this.#page(flow, this.#pages.get(status, site), ending, bodiless);
  }

  /** Answers GET, HEAD and OPTIONS. `line` is about `bytes`; `fields` has bytes of its own. */
  answer(flow: Flow, bytes: Uint8Array, line: RequestLine, fields: Fields, ending: Ending): void {
    if (line.method === METHOD.OPTIONS) {
      this.#head(flow, 204, OPTIONS_HEAD, 0, OPTIONS_HEAD.bytes.length);
      const site = this.#fieldsFor(bytes, line, fields);
      if (site !== '') this.#text(flow, site.replace(/^cache-control:.*\r\n/gim, ''));
      this.#end(flow, ending);
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
        this.error(flow, 400, ending, bodiless);
        return;
      }
    }
    if (this.#acmeChallenge !== undefined) {
      const proof = challengePage(this.#acmeChallenge, path, start, end);
      if (proof !== undefined) {
        this.#page(flow, proof, ending, bodiless);
        return;
      }
    }
    if (this.#localOnly && !asksLocally(fields)) {
      this.error(flow, 421, ending, bodiless);
      return;
    }
    let repeatable = ending === PERSIST && !bodiless;
    if (this.#live?.at(path, start, end)) {
      repeatable = false;
      const live = this.#live.find(path, start, end, flow.remote, fields);
      if (live !== undefined) {
        this.#page(flow, live, ending, bodiless);
        this.quiet = this.#live.quiet;
        return;
      }
    }
    const elsewhere = this.#sites.elsewhere(bytes, line, fields);
    if (elsewhere !== undefined) {
      this.#page(flow, redirectPage(301, withQuery(elsewhere, queryOf(bytes, line))), ending, bodiless);
      return;
    }
    const found = this.#sites.lookup(this.#sites.storeFor(bytes, line, fields), path, start, end);
    if (found.kind === 'resource') {
      this.#resource(flow, found.resource, line.minor, fields, ending, bodiless, repeatable);
      if (found.resource.fleeting) this.ownBytes += headBytes(found.resource);
    } else if (found.kind === 'missing') {
      this.#missing(flow, found.page, found.fields, fields, ending, bodiless);
      if (found.page?.fleeting) this.ownBytes += headBytes(found.page);
    } else {
      const location = withQuery(found.location, queryOf(bytes, line));
      this.#page(flow, redirectPage(found.status, location, found.fields), ending, bodiless);
    }
  }

  /** 405: what is not done to resources is said with the fields that the site gives this one. */
  refuse(flow: Flow, status: number, bytes: Uint8Array, line: RequestLine, fields: Fields, ending: Ending): void {
    this.error(flow, status, ending, false, status === 405 ? this.#fieldsFor(bytes, line, fields) : '');
  }

  /** The field lines of the site for the target of any method: not on the path of GET and HEAD. */
  #fieldsFor(bytes: Uint8Array, line: RequestLine, fields: Fields): string {
    if (line.form > FORM.absolute) return '';
    const end = normalisePath(bytes, line.pathStart, line.pathEnd, this.#path);
    if (end < 0) return '';
    const found: Lookup = this.#sites.lookup(this.#sites.storeFor(bytes, line, fields), this.#path, 0, end);
    return (found.kind === 'resource' ? found.resource.fields : (found.fields ?? pageOf(found)?.fields)) ?? '';
  }

  #resource(
    flow: Flow,
    found: Resource,
    minor: number,
    fields: Fields,
    ending: Ending,
    bodiless: boolean,
    repeatable: boolean,
  ): void {
    const resource = found.languages === undefined ? found : chooseLanguage(fields, found.languages);
    const selected = fields.encodings.choose(resource);
    if (selected === undefined) {
      this.error(flow, 406, ending, bodiless, resource.fields);
      return;
    }
    const verdict = evaluate(fields, resource, selected, this.#clock);
    if (verdict === NOT_MODIFIED) {
      this.#bare(flow, 304, selected.headNotModified, ending);
      return;
    }
    if (verdict === FAILED) {
      this.#bare(flow, 412, selected.headFailed, ending);
      return;
    }
    // Range is defined for GET alone (RFC 9110 14.2); two of them are malformed, and malformed ones are ignored.
    if (fields.has(FIELD.range) && !bodiless && fields.count(FIELD.range) === 1) {
      if (
        rangeApplies(fields, resource, selected, this.#clock) &&
        this.#partial(flow, resource, selected, fields, ending)
      ) {
        return;
      }
    }
    // RFC 8297, and RFC 9110 15.2: no 1xx to HTTP/1.0. A server that has all of the answer at hand hints for those between.
    if (resource.hints !== undefined && minor > 0 && !bodiless) {
      const { memory, start, end } = resource.hints;
      flow.write(memory, start, end);
    }
    this.#whole(flow, selected, 200, ending, bodiless);
    if (!repeatable || resource.hints !== undefined || found.fleeting === true || found.passing === true) return;
    if ((fields.present & PECULIAR) === 0 && this.later === undefined) this.repeatable = selected;
  }

  /** An error has no other form than the one there is (no 406), and no conditions or ranges (RFC 9110 13.2.1). */
  #missing(
    flow: Flow,
    found: Resource | undefined,
    site: string | undefined,
    fields: Fields,
    ending: Ending,
    bodiless: boolean,
  ): void {
    if (found === undefined) {
      this.error(flow, 404, ending, bodiless, site);
      return;
    }
    const page = found.languages === undefined ? found : chooseLanguage(fields, found.languages);
    const selected = fields.encodings.choose(page) ?? page.representations[0]!;
    this.#whole(flow, selected, statusOf(selected.headOk), ending, bodiless);
  }

  #whole(flow: Flow, selected: Representation, status: number, ending: Ending, bodiless: boolean): void {
    const head = selected.headOk;
    if (!bodiless && ending !== PERSIST_1_0 && selected.body.source === undefined) {
      const ready = this.#ready.get(head, selected.body, this.#clock.wallClock, ending);
      if (ready !== undefined) {
        this.#wholeReady(flow, status, ready, selected.body.end - selected.body.start);
        return;
      }
    }
    this.#head(flow, status, head.memory, head.start, head.end);
    this.#end(flow, ending);
    if (!bodiless) this.#part(flow, selected.body, 0, selected.body.end - selected.body.start);
  }

  #wholeReady(flow: Flow, status: number, ready: Memory, contentBytes: number): void {
    this.#head(flow, status, ready, 0, ready.bytes.length);
    this.contentBytes = contentBytes;
    this.totalBytes += contentBytes;
  }

  #bare(flow: Flow, status: number, head: Extent, ending: Ending): void {
    if (ending !== PERSIST_1_0) {
      const ready = this.#ready.get(head, undefined, this.#clock.wallClock, ending);
      if (ready !== undefined) {
        this.#wholeReady(flow, status, ready, 0);
        return;
      }
    }
    this.#head(flow, status, head.memory, head.start, head.end);
    this.#end(flow, ending);
  }

  /** 206 or 416; false when the field is to be ignored. */
  #partial(flow: Flow, resource: Resource, selected: Representation, fields: Fields, ending: Ending): boolean {
    const { body } = selected;
    const size = body.end - body.start;
    const ranges = this.#ranges;
    const start = fields.start(FIELD.range);
    const verdict = ranges.parse(fields.bytes, start, fields.end(FIELD.range), size, this.#rangeLimit);
    if (verdict === IGNORED) return false;
    if (verdict === UNSATISFIABLE) {
      const own = [`Content-Range: bytes */${size}\r\n`, 'Accept-Ranges: bytes\r\n'];
      this.#page(flow, errorPage(416, own, resource.fields), ending, false);
      return true;
    }
    const head = selected.headPartial;
    this.#head(flow, 206, head.memory, head.start, head.end);
    if (ranges.count > 1) {
      this.#parts(flow, resource, selected, ending);
      return true;
    }
    const [first, last] = [ranges.starts[0]!, ranges.ends[0]!];
    this.#text(
      flow,
      `Content-Type: ${resource.contentType}\r\nContent-Range: bytes ${first}-${last - 1}/${size}\r\nContent-Length: ${last - first}\r\n`,
    );
    this.#end(flow, ending);
    this.#part(flow, body, first, last);
    return true;
  }

  /** `multipart/byteranges`, RFC 9110 14.6. The boundary comes out of the content's hash, which the content cannot hold. */
  #parts(flow: Flow, resource: Resource, selected: Representation, ending: Ending): void {
    const { starts, ends, count } = this.#ranges;
    const { body } = selected;
    const size = body.end - body.start;
    const boundary = `part-${selected.etag.replace(/[^0-9A-Za-z]/g, '').slice(0, 48)}`;
    const close = Memory.of(`\r\n--${boundary}--\r\n`);
    const heads: Memory[] = [];
    let length = close.bytes.length;
    for (let i = 0; i < count; i++) {
      const head = Memory.of(
        `${i === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${resource.contentType}\r\n` +
          `Content-Range: bytes ${starts[i]}-${ends[i]! - 1}/${size}\r\n\r\n`,
      );
      heads.push(head);
      length += head.bytes.length + ends[i]! - starts[i]!;
    }
    this.#text(flow, `Content-Type: multipart/byteranges; boundary=${boundary}\r\nContent-Length: ${length}\r\n`);
    this.#end(flow, ending);
    for (const head of heads) this.ownBytes += head.bytes.length;
    for (let i = 0; i < count; i++) {
      this.#content(flow, heads[i]!, 0, heads[i]!.bytes.length);
      this.#part(flow, body, starts[i]!, ends[i]!);
    }
    this.#content(flow, close, 0, close.bytes.length);
  }

  #page(flow: Flow, page: Page, ending: Ending, bodiless: boolean): void {
    this.#head(flow, page.status, page.memory, 0, page.body);
    if (!page.kept) this.ownBytes += page.memory.bytes.length;
    this.#end(flow, ending);
    if (!bodiless) this.#content(flow, page.memory, page.body, page.memory.bytes.length);
  }

  #head(flow: Flow, status: number, memory: Memory, start: number, end: number): void {
    this.begun = true;
    this.later = undefined;
    this.status = status;
    this.quiet = false;
    this.repeatable = undefined;
    this.contentBytes = this.ownBytes = 0;
    this.answers[status]!++;
    flow.write(memory, start, end);
  }

  #text(flow: Flow, text: string): void {
    const memory = Memory.of(text);
    this.ownBytes += memory.bytes.length;
    flow.write(memory, 0, memory.bytes.length);
  }

  #end(flow: Flow, ending: Ending): void {
    this.#tails.write(flow, this.#clock.wallClock, ending);
  }

  #content(flow: Flow, memory: Memory, start: number, end: number): void {
    if (end === start) return;
    this.contentBytes += end - start;
    this.totalBytes += end - start;
    if (this.later === undefined) flow.write(memory, start, end);
    else this.later.add(memory, start, end);
  }

  /** `[first, last)` of the content. */
  #part(flow: Flow, body: Content, first: number, last: number): void {
    if (this.later === undefined && !Later.needs(body)) {
      this.#content(flow, body.memory, body.start + first, body.start + last);
      return;
    }
    if (last === first) return;
    this.contentBytes += last - first;
    this.totalBytes += last - first;
    this.later ??= new Later();
    this.later.add(body.memory, body.start + first, body.start + last, body.source);
  }
}

/** What heads of a resource take that are kept for one answer only: about so much, whichever of them it was. */
function headBytes({ representations, hints }: Resource): number {
  const { start, end } = representations[0]!.headOk;
  return end - start + (hints === undefined ? 0 : hints.end - hints.start);
}

/** Query with its question mark, or empty; Latin-1. */
function queryOf(bytes: Uint8Array, line: RequestLine): string {
  return latin1(bytes, line.pathEnd, line.targetEnd);
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

/** The query that was asked for goes along, unless the target has its own; before a fragment. `query` is Latin-1 and begins with `?`, or empty. */
function withQuery(location: string, query: string): string {
  if (query === '' || location.includes('?')) return location;
  const encoded = uriText(query);
  const fragment = location.indexOf('#');
  return fragment < 0 ? location + encoded : location.slice(0, fragment) + encoded + location.slice(fragment);
}
