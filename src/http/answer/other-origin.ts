import { FIELD, type Fields } from '../parse/fields.js';
import { COLON, latin1 } from '../parse/octets.js';
import type { RequestLine } from '../parse/request-line.js';
import { uriText } from '../parse/uri-text.js';
import { ACME_CHALLENGE } from './acme-challenge.js';

/**
 * `https://example.org`; or `https` alone, `https:8443`: the host that was asked for, over that scheme and at that
 * port.
 */
const ORIGIN = /^https?(?::\d{1,5}|:\/\/(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)(?::\d{1,5})?)?$/;

/** Says which requests belong to another origin: all of them, or those for a host that is not the site's own. */
export class OtherOrigin {
  readonly #all: string | undefined;
  readonly #canonical: (() => string | undefined) | undefined;
  #origin: string | undefined;
  #host = new Uint8Array(0);

  /** As `HttpOptions.redirectTo` and `.canonical` have it. Throws a `RangeError` when the first is no origin. */
  constructor(all: string | undefined, canonical: (() => string | undefined) | undefined) {
    if (all !== undefined && !ORIGIN.test(all)) {
      throw new RangeError(
        `redirect: an origin like https://example.org, or a scheme, expected; got ${JSON.stringify(all)}`,
      );
    }
    this.#all = all;
    this.#canonical = canonical;
  }

  /**
   * Where the request is sent instead, without its query: an absolute address; undefined: nowhere. `cameOver`: the
   * scheme over which the client came to a proxy in front; undefined: there is none.
   */
  location(bytes: Uint8Array, line: RequestLine, fields: Fields, cameOver: string | undefined): string | undefined {
    // It is where the redirect would lead.
    if (cameOver !== undefined && this.#all === cameOver) return undefined;
    const absolute = line.hostEnd > line.hostStart;
    if (!absolute && !fields.has(FIELD.host) && this.#all?.includes('://') !== true) return undefined;
    const from = absolute ? bytes : fields.bytes;
    const start = absolute ? line.hostStart : fields.has(FIELD.host) ? fields.start(FIELD.host) : 0;
    const end = absolute ? line.hostEnd : fields.has(FIELD.host) ? fields.end(FIELD.host) : 0;
    const origin = this.#all ?? this.#canonicalFor(from, start, end);
    if (origin === undefined) return undefined;
    const path = latin1(bytes, line.pathStart, line.pathEnd) || '/';
    if (path.startsWith(ACME_CHALLENGE)) return undefined;
    if (origin.includes('://')) return origin + uriText(path);
    const asked = latin1(from, start, withoutPort(from, start, end)).toLowerCase();
    // An empty host (RFC 9110 7.2) has no address over another scheme.
    if (asked === '') return undefined;
    const [scheme, port] = origin.split(':');
    return `${scheme}://${asked}${port === undefined ? '' : `:${port}`}${uriText(path)}`;
  }

  #canonicalFor(bytes: Uint8Array, start: number, end: number): string | undefined {
    const origin = this.#canonical?.();
    if (origin === undefined || end === start) return undefined;
    if (origin !== this.#origin) {
      this.#origin = origin;
      const host = new TextEncoder().encode(origin.slice(origin.indexOf('//') + 2));
      this.#host = host.slice(0, withoutPort(host, 0, host.length));
    }
    const own = this.#host;
    let stop = withoutPort(bytes, start, end);
    // `example.org.` is the same host (RFC 1034 3.1).
    if (bytes[stop - 1] === 0x2e) stop--;
    if (stop - start !== own.length) return origin;
    for (let i = 0; i < own.length; i++) {
      const c = bytes[start + i]!;
      if ((c >= 0x41 && c <= 0x5a ? c | 0x20 : c) !== own[i]) return origin;
    }
    return undefined;
  }
}

/** Where the host ends: before `:8080`, and not at a colon of an IPv6 address. */
function withoutPort(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start] === 0x5b) return bytes.indexOf(0x5d, start) + 1;
  for (let at = start; at < end; at++) if (bytes[at] === COLON) return at;
  return end;
}
