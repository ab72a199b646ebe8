/** How long an order waits behind one that failed. */
import type { Random } from '../../net/random.js';
import type { AcmeError } from '../protocol/problem.js';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Behind 1, 2, 3 and more failures: five failed authorizations an hour for a name are what Let's Encrypt allows. */
const STEPS = [MINUTE, 10 * MINUTE, 100 * MINUTE, 6 * HOUR, DAY] as const;
/** What a CA may ask for, at most. */
const LONGEST = 8 * DAY;
/** Added by chance, of the wait. */
const JITTER = 0.1;

/** Problems that time does not mend: a person has to do something. */
const LASTING = new Set([
  'rejectedIdentifier',
  'unsupportedIdentifier',
  'userActionRequired',
  'externalAccountRequired',
  'invalidContact',
  'unsupportedContact',
  'invalidProfile',
  'unauthorized',
]);

/**
 * Milliseconds, from now. `count`: failures so far, this one included. `left`: milliseconds that the certificate in use
 * is still valid; undefined: there is none. The nearer the end, the shorter the wait, down to an hour; what the CA asks
 * for is kept in any case.
 */
export function waitAfter(
  error: AcmeError | undefined,
  count: number,
  left: number | undefined,
  random: Random,
): number {
  let wait: number = STEPS[Math.min(count, STEPS.length) - 1] ?? DAY;
  const type = error?.problem?.type;
  // RFC 8555 6.6.
  if (type === 'rateLimited') wait = Math.max(wait, HOUR);
  else if (error?.code === 'refused' && type !== undefined && LASTING.has(type)) wait = Math.max(wait, 6 * HOUR);
  else if (error?.code === 'terms') wait = Math.max(wait, DAY);
  // Eight more attempts at least, evenly, before the certificate in use ends.
  if (left !== undefined) wait = Math.min(wait, Math.max(HOUR, left / 8));
  wait = Math.max(wait, Math.min(error?.retryAfter ?? 0, LONGEST));
  return wait * (1 + (JITTER * (random.random32() >>> 0)) / 0x1_0000_0000);
}

/** Whether the order may still come to a certificate. */
export function mayGoOn({ code, problem }: AcmeError): boolean {
  return (
    code === 'unreachable' ||
    code === 'later' ||
    code === 'state' ||
    problem?.type === 'rateLimited' ||
    problem?.type === 'serverInternal'
  );
}
