import type { Clock } from '../../net/flow.js';
import type { Store } from '../../store/store.js';
import type { AccessRecord } from './access-record.js';
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, type HttpLimits, type HttpTimeouts } from './limits.js';
import type { LivePage } from './live-page.js';
import type { Proxies } from './proxies.js';

export interface HttpOptions {
  /** The store that answers now. Asked once a request; another store may come at any time, an answer is made of one. */
  readonly store: () => Store;
  /**
   * Stores for hosts of their own, by name in small letters, without port. Every other host gets `store`.
   */
  readonly hosts?: Readonly<Record<string, () => Store>> | undefined;
  /**
   * Where the site lies: `/docs` has `/docs/a` look up `/a`, and what is outside is 404. Begins with a slash, ends
   * without.
   */
  readonly base?: string | undefined;
  /**
   * Every request is redirected to this origin, `https://example.org`, or to its own host over this scheme, `https`, or
   * at another port of it, `https:8443`; path and query go along.
   */
  readonly redirectTo?: string | undefined;
  /**
   * The origin of `store`: requests for other hosts, those of `hosts` apart, are redirected to it. Asked once a
   * request.
   */
  readonly canonical?: (() => string | undefined) | undefined;
  readonly livePages?: readonly LivePage[] | undefined;
  /**
   * Asked for `/.well-known/acme-challenge/TOKEN` (RFC 8555 8.3), before every rule, redirect and other answer: what a
   * certificate authority is to find there. `token`: 1 to 128 characters of base64url. Undefined: there is what the
   * site has.
   */
  readonly acmeChallenge?: ((token: string) => string | undefined) | undefined;
  /**
   * Requests for a host that is neither an IP address nor `localhost` are refused with 421 (RFC 9110 15.5.20): for
   * pages that no site may read.
   */
  readonly localOnly?: boolean | undefined;
  /**
   * Whether HTTP/2 is spoken with clients that begin with it; true when absent. False: they are told to use HTTP/1.1.
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
  /** Proxies in front, and what is believed of them; none when absent. */
  readonly proxies?: Proxies | undefined;
  /** Told of every answer. The record is used again: take from it what is needed before returning. */
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
