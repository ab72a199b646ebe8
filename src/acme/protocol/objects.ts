/**
 * Orders, authorizations and challenges as the CA describes them (RFC 8555 7.1), read with care: all of it comes from
 * outside.
 */
import type { Identifier } from '../der/names.js';
import { AcmeError, type Problem, problemOf } from './problem.js';

export interface Order {
  readonly status: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';
  readonly authorizations: readonly string[];
  readonly finalize: string;
  readonly certificate: string | undefined;
  readonly error: Problem | undefined;
}

export interface Authorization {
  readonly status: 'pending' | 'valid' | 'invalid' | 'deactivated' | 'expired' | 'revoked';
  readonly identifier: Identifier;
  readonly wildcard: boolean;
  readonly challenges: readonly Challenge[];
}

export interface Challenge {
  readonly type: string;
  readonly url: string;
  readonly status: string;
  /** Empty: the kind has none. */
  readonly token: string;
  /** Names by which the authority is known in the DNS, with dns-persist-01. */
  readonly issuers: readonly string[];
  readonly error: Problem | undefined;
}

const MOST_AUTHORIZATIONS = 100;
const MOST_CHALLENGES = 20;
const MOST_ISSUERS = 10;
const ISSUER = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const ORDER_STATES = ['pending', 'ready', 'processing', 'valid', 'invalid'] as const;
const AUTHORIZATION_STATES = ['pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked'] as const;
/** RFC 8555 8.1: at least 128 bits in base64url. */
const TOKEN = /^[\w-]{22,128}$/;

export function readOrder(value: unknown): Order {
  const order = value as Readonly<Record<string, unknown>>;
  const { authorizations, certificate, error } = order;
  if (!Array.isArray(authorizations) || authorizations.length > MOST_AUTHORIZATIONS) throw malformed('an order');
  return {
    status: oneOf(order['status'], ORDER_STATES, 'an order'),
    authorizations: authorizations.map((one) => text(one, 'an order')),
    finalize: text(order['finalize'], 'an order'),
    certificate: typeof certificate === 'string' ? certificate : undefined,
    error: error === undefined ? undefined : problemOf(error),
  };
}

export function readAuthorization(value: unknown): Authorization {
  const what = 'an authorization';
  const authorization = value as Readonly<Record<string, unknown>>;
  const { challenges, wildcard } = authorization;
  const identifier = Object(authorization['identifier']) as Readonly<Record<string, unknown>>;
  if (!Array.isArray(challenges)) throw malformed(what);
  return {
    status: oneOf(authorization['status'], AUTHORIZATION_STATES, what),
    identifier: {
      type: oneOf(identifier['type'], ['dns', 'ip'] as const, what),
      value: text(identifier['value'], what),
    },
    wildcard: wildcard === true,
    challenges: challenges.slice(0, MOST_CHALLENGES).flatMap(readChallenge),
  };
}

/** None: one that is not as it must be, or a kind that nobody here knows and that has no token. */
function readChallenge(value: unknown): Challenge[] {
  const fields = Object(value) as Readonly<Record<string, unknown>>;
  const { type, url, status, token, error } = fields;
  if (typeof type !== 'string' || typeof url !== 'string') return [];
  const problem = error === undefined ? undefined : problemOf(error);
  const rest = { type, url, status: String(status), error: problem };
  if (type === 'dns-persist-01') {
    const issuers = issuersIn(fields['issuerDomainNames'] ?? fields['issuer-domain-names']);
    return issuers === undefined ? [] : [{ ...rest, token: '', issuers }];
  }
  return typeof token === 'string' && TOKEN.test(token) ? [{ ...rest, token, issuers: [] }] : [];
}

/**
 * draft-ietf-acme-dns-persist 3.1: one to ten names in small letters, without a dot at the end. Its draft 02 calls the
 * list `issuerDomainNames`, those before `issuer-domain-names`. Undefined: the challenge is malformed.
 */
function issuersIn(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > MOST_ISSUERS) return undefined;
  const good = value.every((one) => typeof one === 'string' && one.length <= 253 && ISSUER.test(one));
  return good ? value : undefined;
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw malformed(what);
  return value;
}

function oneOf<T extends string>(value: unknown, choices: readonly T[], what: string): T {
  const found = choices.find((one) => one === value);
  if (found === undefined) throw malformed(what);
  return found;
}

function malformed(what: string): AcmeError {
  return new AcmeError('malformed-response', `the certificate authority sends ${what} that is not one of RFC 8555`);
}
