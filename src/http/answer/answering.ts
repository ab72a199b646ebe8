import type { Flow } from '../../net/flow.js';
import type { AccessRecord } from '../contracts/access-record.js';
import type { CallClock } from '../contracts/call-clock.js';
import type { HttpLimits } from '../contracts/limits.js';
import type { HttpOptions } from '../contracts/options.js';
import type { Fields } from '../parse/fields.js';
import { Forwarding } from '../parse/forwarded.js';
import { name } from '../parse/octets.js';
import { METHOD, type Method } from '../parse/request-line.js';
import { KnownRequests } from '../repeat/known-requests.js';
import { FaultReports } from './fault-reports.js';
import { Responder } from './responder.js';
import { Tails } from './tails.js';

/** What both versions of HTTP use for their answers. */
export class Answering {
  readonly limits: HttpLimits;
  readonly responder: Responder;
  readonly tails: Tails;
  /** For clients that came to a proxy over HTTPS. */
  readonly secureTails: Tails;
  /** The trusted proxies and their fields; undefined: none. */
  readonly forwarding: Forwarding | undefined;
  /** Undefined where each request has a line in a log, which repeats what the request says. */
  readonly known: KnownRequests | undefined;
  readonly log: ((record: AccessRecord) => void) | undefined;
  readonly faults: FaultReports;
  /** Every connection ends with its next answer. */
  draining = false;

  /** `retryAfter` in seconds. Throws a `RangeError` when an option is not as `HttpOptions` has it. */
  constructor(options: HttpOptions, limits: HttpLimits, retryAfter: number, clock: CallClock) {
    this.limits = limits;
    const { proxies } = options;
    this.forwarding = proxies && new Forwarding(proxies);
    this.responder = new Responder(options, limits, retryAfter, clock, this.forwarding);
    this.tails = new Tails(options.serverField, options.hsts);
    const hsts = proxies?.hsts;
    this.secureTails = hsts === undefined ? this.tails : new Tails(options.serverField, hsts);
    this.log = options.log;
    this.faults = new FaultReports(clock, options.onFault);
    this.known = options.log === undefined ? new KnownRequests() : undefined;
  }
}

const EARLY_DATA = name('early-data');

/**
 * The status with which a request is refused, or 0. What may be a replay, here or before a proxy, is answered if it is
 * safe and has no content (RFC 8470 3, 5.1). `content`: it has, or is to have, some.
 */
export function refusal(method: Method, content: boolean, flow: Flow, fields: Fields): number {
  const status = method === METHOD.other ? 501 : method > METHOD.OPTIONS ? 405 : 0;
  if (status === 0 && !content) return 0;
  return flow.early === true || fields.named(EARLY_DATA) ? 425 : status;
}
