/** Renewal information (RFC 9773): when the CA is asked, and what it says. */
import type { AcmeClient } from '../protocol/client.js';
import { AcmeError } from '../protocol/problem.js';
import type { Period } from './window.js';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** When a CA does not say, and after it did not answer (RFC 9773 4.3.3). */
const ASK_AGAIN = 6 * HOUR;

export interface Suggestion {
  /** When it is asked for again; milliseconds since 1970. */
  readonly askAt: number;
  /** Undefined: there is none, or no answer; then the window that is known holds. */
  readonly window: Period | undefined;
  readonly explanation: string | undefined;
}

/** Whether it is time to ask. A clock that was set back does not put that off for longer than a day. */
export function mayAsk(askAt: number | undefined, now: number): boolean {
  return askAt === undefined || askAt <= now || askAt - now > DAY;
}

/** Asks once; `id` as in RFC 9773 4.1. Does not reject for what the CA does. */
export async function suggestion(client: AcmeClient, id: string): Promise<Suggestion> {
  let asked: Awaited<ReturnType<AcmeClient['renewalInfo']>>;
  try {
    asked = await client.renewalInfo(id);
  } catch (error) {
    if (!(error instanceof AcmeError)) throw error;
  }
  const now = client.session.now();
  if (asked === undefined) return { askAt: now + ASK_AGAIN, window: undefined, explanation: undefined };
  const { start, end, explanation } = asked.value;
  // RFC 9773 4.3.2: what the CA asks for is kept, from a minute to a day.
  const pause = Math.min(DAY, Math.max(MINUTE, asked.retryAfter ?? ASK_AGAIN));
  return { askAt: now + pause, window: { start, end }, explanation };
}
