/**
 * The plan: when the next certificate is ordered, and what went wrong and until when. It outlives the program, so that
 * a restart waits as well.
 */
import { parseJson } from '../../errors/parse-json.js';
import type { Storage } from './storage.js';

export const RENEWAL = 'renewal.json';
export const NEXT_KEY = 'next.key';
/**
 * A text of its own, so that a command can write it while a server writes the plan: a person asked for a new
 * certificate, and when.
 */
export const REQUEST = 'renew';

/** Times in milliseconds since 1970. */
export interface RenewalState {
  /** The certificate that `renewAt` is about: its fingerprint. */
  readonly certificate: string | undefined;
  /** A point of the window, drawn once. */
  readonly renewAt: number | undefined;
  /** The window as the CA suggests it; undefined: it is a part of the certificate's life. */
  readonly suggested: { readonly start: number; readonly end: number } | undefined;
  /** When the CA is asked for a window again. */
  readonly askAt: number | undefined;
  readonly failure: RenewalFailure | undefined;
  readonly order: PendingOrder | undefined;
  /** The last `REQUEST` that led to a certificate. */
  readonly handled: string | undefined;
}

export interface RenewalFailure {
  readonly at: number;
  /** No order before. */
  readonly until: number;
  /** Attempts that failed since the last success. */
  readonly count: number;
  /** A code of `AcmeError`, or `started` for an attempt that did not come to its end. */
  readonly code: string;
  /** The type of the CA's problem. */
  readonly problem: string | undefined;
  /** For people. */
  readonly message: string;
  /** The `REQUEST` that it was for, where there was one. */
  readonly request: string | undefined;
  /** The configuration that failed. */
  readonly configuration: string;
}

/** An order that was made, and may still come to a certificate. Its key is `NEXT_KEY`. */
export interface PendingOrder {
  readonly url: string;
  readonly configuration: string;
}

export const NO_RENEWAL: RenewalState = {
  certificate: undefined,
  renewAt: undefined,
  suggested: undefined,
  askAt: undefined,
  failure: undefined,
  order: undefined,
  handled: undefined,
};

/** Undefined: there is no plan, or it cannot be read; `damaged` says which. */
export async function loadRenewal(storage: Storage): Promise<{ state: RenewalState | undefined; damaged: boolean }> {
  const text = await storage.read(RENEWAL);
  if (text === undefined) return { state: undefined, damaged: false };
  const state = renewalOf(parseJson(text));
  return { state, damaged: state === undefined };
}

export async function saveRenewal(storage: Storage, state: RenewalState): Promise<void> {
  await storage.write(RENEWAL, `${JSON.stringify({ version: 1, ...state }, undefined, 2)}\n`);
}

/** Undefined: not a plan of this program. */
function renewalOf(value: unknown): RenewalState | undefined {
  const plan = Object(value) as Readonly<Record<string, unknown>>;
  if (plan['version'] !== 1) return undefined;
  const suggested = Object(plan['suggested']) as Readonly<Record<string, unknown>>;
  const [start, end] = [time(suggested['start']), time(suggested['end'])];
  const order = Object(plan['order']) as Readonly<Record<string, unknown>>;
  const [url, configuration] = [text(order['url']), text(order['configuration'])];
  return {
    certificate: text(plan['certificate']),
    renewAt: time(plan['renewAt']),
    suggested: start === undefined || end === undefined ? undefined : { start, end },
    askAt: time(plan['askAt']),
    failure: failureOf(plan['failure']),
    order: url === undefined || configuration === undefined ? undefined : { url, configuration },
    handled: text(plan['handled']),
  };
}

function failureOf(value: unknown): RenewalFailure | undefined {
  const failure = Object(value) as Readonly<Record<string, unknown>>;
  const [at, until, count] = [time(failure['at']), time(failure['until']), time(failure['count'])];
  if (at === undefined || until === undefined || count === undefined) return undefined;
  return {
    at,
    until,
    count,
    code: text(failure['code']) ?? 'started',
    problem: text(failure['problem']),
    message: text(failure['message']) ?? '',
    request: text(failure['request']),
    configuration: text(failure['configuration']) ?? '',
  };
}

function time(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
