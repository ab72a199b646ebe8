import type { Clock } from '../../net/flow.js';
import type { Store } from '../../store/store.js';
import type { AccessRecord } from './access-record.js';
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, type HttpLimits, type HttpTimeouts } from './limits.js';
import type { LivePage } from './live-page.js';
import type { Proxies } from './proxies.js';

export interface HttpOptions {
  /**
   * The current store. Called once a request. The store may be replaced at any time; an answer comes from one store.
   */
  readonly store: () => Store;
  /**
   * Stores for hosts of their own, by name in small letters, without port. Every other host gets `store`.
   */
  readonly hosts?: Readonly<Record<string, () => Store>> | undefined;
  /**
   * The path of the site: with `/docs`, `/docs/a` looks up `/a`, and a path outside is 404. Begins with a slash, ends
   * without.
   */
  readonly base?: string | undefined;
  /**
   * Every request is redirected to this origin, `https://example.org`; or to its own host over this scheme, `https`, or
   * over it at another port, `https:8443`. Path and query are kept.
   */
  readonly redirectTo?: string | undefined;
  /**
   * The origin of `store`: requests for other hosts, except those in `hosts`, are redirected to it. Called once a
   * request.
   */
  readonly canonical?: (() => string | undefined) | undefined;
  readonly livePages?: readonly LivePage[] | undefined;
  /**
   * Called for `/.well-known/acme-challenge/TOKEN` (RFC 8555 8.3), before every rule, redirect and other answer:
   * returns what a certificate authority is to find there. `token`: 1 to 128 characters of base64url. Undefined: the
   * site's own content is sent.
   */
  readonly acmeChallenge?: ((token: string) => string | undefined) | undefined;
  /**
   * Requests for a host that is neither an IP address nor `localhost` are refused with 421 (RFC 9110 15.5.20): for
   * pages that no site may read.
   */
  readonly localOnly?: boolean | undefined;
  /**
   * Whether HTTP/2 is spoken with clients that begin with it; true when absent. False: they are asked to use HTTP/1.1.
   */
  readonly http2?: boolean | undefined;
  readonly clock: Clock;
  readonly limits?: Partial<HttpLimits>;
  readonly timeouts?: Partial<HttpTimeouts>;
  /** Value of the `Server` field; none is sent when absent. Visible ASCII and spaces. */
  readonly serverField?: string | undefined;
  /**
   * `max-age` of Strict-Transport-Security (RFC 6797), seconds; not sent when absent. For a server behind TLS alone
   * (7.2).
   */
  readonly hsts?: number | undefined;
  /** Proxies in front, and which fields of theirs are trusted; none when absent. */
  readonly proxies?: Proxies | undefined;
  /** Called for every answer. The record is used again: copy what is needed before returning. */
  readonly log?: ((record: AccessRecord) => void) | undefined;
  /** Called with an exception that ended a flow, once a second at most; `HttpStats.faults` counts them all. */
  readonly onFault?: ((error: unknown) => void) | undefined;
}

/** The limits and times that hold. Throws a `RangeError` when one is out of its range. */
export function boundsOf(options: HttpOptions): { readonly limits: HttpLimits; readonly timeouts: HttpTimeouts } {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  for (const [key, value] of [...Object.entries(limits), ...Object.entries(timeouts)]) {
    if (!(value >= 0 && value <= 2147483647)) throw new RangeError(`${key}: 0 to 2147483647 expected, got ${value}`);
  }
  return { limits, timeouts };
}
