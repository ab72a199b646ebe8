/** When a certificate authority wants a certificate to be renewed (RFC 9773 4.2). */
import { AcmeError } from './problem.js';

export interface RenewalInfo {
  /** Milliseconds since 1970; `start` before `end`. */
  readonly start: number;
  readonly end: number;
  /** A page that says why, where the CA gives one. */
  readonly explanation: string | undefined;
}

/** Throws an `AcmeError` for a window that is none. */
export function readRenewalInfo(value: unknown): RenewalInfo {
  const { suggestedWindow, explanationURL } = value as Readonly<Record<string, unknown>>;
  const { start: from, end: to } = Object(suggestedWindow) as Readonly<Record<string, unknown>>;
  const start = Date.parse(String(from));
  const end = Date.parse(String(to));
  // RFC 9773 4.2: an end that is not after the start is no window; the client goes on as without the service.
  if (Number.isNaN(start) || Number.isNaN(end) || end <= start)
    throw new AcmeError('malformed-response', 'the certificate authority suggests a time for renewal that is none');
  return { start, end, explanation: typeof explanationURL === 'string' ? explanationURL.slice(0, 500) : undefined };
}
