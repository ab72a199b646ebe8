/** What is to be done about a certificate, and when: out of what is stored and the time, without doing anything. */
import type { Identifier } from '../der/names.js';
import type { StoredCertificate } from '../state/certificate-state.js';
import type { RenewalState } from '../state/renewal-state.js';

export type Reason = 'none-yet' | 'other-names' | 'expired' | 'due' | 'requested';

export interface Plan {
  readonly reason: Reason;
  /** Milliseconds since 1970: no order before. */
  readonly at: number;
}

export interface Known {
  readonly state: RenewalState;
  readonly stored: StoredCertificate | undefined;
  readonly identifiers: readonly Identifier[];
  readonly configuration: string;
  /** What a person asked for, and has not got yet. */
  readonly request: string | undefined;
}

/**
 * `now` in milliseconds since 1970. Undefined: nothing is planned, which is so until a point of the window is drawn.
 */
export function planOf(known: Known, now: number): Plan | undefined {
  const wanted = wantedOf(known, now);
  return wanted === undefined ? undefined : { ...wanted, at: Math.max(wanted.at, heldUntil(known, now)) };
}

function wantedOf({ state, stored, identifiers, request }: Known, now: number): Plan | undefined {
  if (request !== undefined) return { reason: 'requested', at: now };
  if (stored === undefined) return { reason: 'none-yet', at: now };
  const { names, notAfter, fingerprint } = stored.facts;
  if (!identifiers.every(({ value }) => names.includes(value))) return { reason: 'other-names', at: now };
  if (notAfter <= now) return { reason: 'expired', at: now };
  if (state.renewAt === undefined || state.certificate !== fingerprint) return undefined;
  return { reason: 'due', at: state.renewAt };
}

/** Until when a failure keeps the next order back. */
function heldUntil({ state: { failure }, request, configuration }: Known, now: number): number {
  if (failure === undefined) return 0;
  const limited = failure.problem === 'rateLimited';
  // What failed was another order, or a person says that the reason is gone; a limit holds all the same.
  const anew = request !== undefined && request !== failure.request;
  if (!limited && (anew || failure.configuration !== configuration)) return 0;
  // A clock that was set back makes no wait longer than it was meant to be.
  return Math.min(failure.until, now + Math.max(0, failure.until - failure.at));
}

/** For people. */
export const REASONS: Readonly<Record<Reason, string>> = {
  'none-yet': 'there is no certificate yet',
  'other-names': 'the certificate is for other names',
  expired: 'the certificate has expired',
  due: 'its time has come',
  requested: 'it was asked for',
};
