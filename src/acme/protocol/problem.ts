/**
 * What goes wrong between this client and a certificate authority. Code decides by `code` and `problem.type`; texts are
 * for people.
 */

import { parseJson } from '../../errors/parse-json.js';
import { UserError } from '../../errors/user-error.js';
import type { FetchResponse } from './fetch.js';

/** A problem document (RFC 9457) of an ACME server. */
export interface Problem {
  /** One of RFC 8555 6.7 or RFC 9773 7.4, or another, without `urn:ietf:params:acme:error:`. */
  readonly type: string;
  readonly detail: string;
  /** The name that it is about, where it is about one of several (RFC 8555 6.7.1). */
  readonly identifier: string | undefined;
  readonly subproblems: readonly Problem[];
}

export type AcmeCode =
  /** No response. */
  | 'unreachable'
  /** A response that is not ACME. */
  | 'malformed-response'
  /** An error response: `problem` has it. */
  | 'refused'
  /** The CA asked, and did not find what it was to find: `problem` has what it found. */
  | 'not-proven'
  /** No challenge that is offered can be answered here. */
  | 'no-challenge'
  /** The CA is not ready; `retryAfter` says when to look again. */
  | 'later'
  /** The CA's terms of service have not been agreed to. */
  | 'terms'
  /** A name does not lead here, or its CAA records forbid the CA: found out before an order was made. */
  | 'not-ready'
  /** The state folder cannot be read or written. */
  | 'state';

export class AcmeError extends UserError<AcmeCode> {
  override readonly name = 'AcmeError';
  readonly problem: Problem | undefined;
  /** Milliseconds that the CA asks to wait. */
  readonly retryAfter: number | undefined;

  constructor(code: AcmeCode, message: string, more: { problem?: Problem; retryAfter?: number | undefined } = {}) {
    super(message, code);
    this.problem = more.problem;
    this.retryAfter = more.retryAfter;
  }
}

const PREFIX = 'urn:ietf:params:acme:error:';
/** Characters of a text of the CA that are shown, and problems inside one. */
const LONGEST_DETAIL = 500;
const MOST_SUBPROBLEMS = 10;

/** Reads a problem out of JSON that was parsed; what is missing is empty. */
export function problemOf(value: unknown, depth = 0): Problem {
  const { type, detail, identifier, subproblems } = Object(value) as Record<string, unknown>;
  const inner = Array.isArray(subproblems) && depth === 0 ? subproblems.slice(0, MOST_SUBPROBLEMS) : [];
  const name = Object(identifier) as Record<string, unknown>;
  return {
    type: typeof type === 'string' ? type.replace(PREFIX, '') : 'unknown',
    detail: typeof detail === 'string' ? printable(detail) : '',
    identifier: typeof name['value'] === 'string' ? printable(name['value']) : undefined,
    subproblems: inner.map((one) => problemOf(one, depth + 1)),
  };
}

/** One line for people: what the CA says, name by name. */
export function describeProblem({ type, detail, identifier, subproblems }: Problem): string {
  const own = `${identifier === undefined ? '' : `${identifier}: `}${detail === '' ? type : `${detail} (${type})`}`;
  return [own, ...subproblems.map(describeProblem)].join('; ');
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e\u00a0-\uffff]+/g, ' ').slice(0, LONGEST_DETAIL);
}

/** The error that a response is. `now` in milliseconds since 1970, for a `Retry-After` that is a date. */
export function refusal(response: FetchResponse, url: string, now: number): AcmeError {
  const value = parseJson(response.body);
  const problem = problemOf(value);
  const known = value !== undefined && problem.type !== 'unknown';
  const retryAfter = retryAfterOf(response, now);
  // RFC 8555 6.7: an error of ACME has a problem document. Anything else comes from what stands before it.
  const message = known
    ? `the certificate authority refuses: ${describeProblem(problem)}`
    : `the certificate authority answers ${response.status} to ${url}`;
  return new AcmeError(known ? 'refused' : 'malformed-response', message, { problem, retryAfter });
}

/** Milliseconds of `Retry-After` (RFC 9110 10.2.3); undefined: there is none. */
export function retryAfterOf({ fields }: FetchResponse, now: number): number | undefined {
  const text = fields['retry-after'];
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
