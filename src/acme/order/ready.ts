/**
 * Before an order: whether the CA will find what it asks for. A failed authorization counts against a limit; a question
 * of our own does not.
 */
import type { Authority } from '../authority/authority.js';
import type { Identifier } from '../der/names.js';
import { AcmeError } from '../protocol/problem.js';

/** A CAA record (RFC 8659 4). */
export interface CaaRecord {
  readonly critical: boolean;
  /** In small letters. */
  readonly tag: string;
  readonly value: string;
}

/**
 * What is asked of the outside. All of it within seconds; each rejects for what it could not learn, which then is not
 * held against a name.
 */
export interface Outside {
  /**
   * Addresses of both families; none: the name does not exist, or has none. Resolves when this host has an address of
   * each of these families, or has waited for it: the authority would come before it can be reached.
   */
  addresses(name: string): Promise<readonly string[]>;
  /** The records of exactly this name. */
  caa(name: string): Promise<readonly CaaRecord[]>;
  /**
   * What `http://ADDRESS/.well-known/acme-challenge/TOKEN` answers with `Host: NAME`, the first 200 characters; rejects
   * for a redirect.
   */
  challenge(address: string, name: string, token: string): Promise<string>;
}

export interface Expectation {
  /** Names of the CA in CAA records; none: it does not say, and CAA is not looked at. */
  readonly caaIdentities: readonly string[];
  /** The account's URL. */
  readonly account: string;
  readonly thumbprint: string;
  /** How names are proven; the first that fits a name is used. */
  readonly authorities: readonly Pick<Authority, 'type' | 'proves'>[];
  /** For the question of our own: 22 characters of base64url or more. */
  readonly token: string;
}

const MOST_ADDRESSES = 8;
const MOST_LABELS = 10;

/** Rejects with an `AcmeError` of code `not-ready`: which name, and what it leads to instead. */
export async function checkReady(
  identifiers: readonly Identifier[],
  outside: Outside,
  expected: Expectation,
): Promise<void> {
  for (const { type, value } of identifiers) {
    const wildcard = value.startsWith('*.');
    const name = wildcard ? value.slice(2) : value;
    if (type === 'dns' && expected.caaIdentities.length > 0) await checkCaa(name, wildcard, outside, expected);
    // As the authorization has it: the name, and whether a wildcard is meant (RFC 8555 7.1.4).
    const used = expected.authorities.find((one) => one.proves({ type, value: name }, wildcard));
    if (used?.type === 'http-01') await checkHttp(type, name, outside, expected);
    else if (used !== undefined && type === 'dns') await known(() => outside.addresses(name));
  }
}

async function checkHttp(
  type: Identifier['type'],
  name: string,
  outside: Outside,
  expected: Expectation,
): Promise<void> {
  const addresses = type === 'ip' ? [name] : await known(() => outside.addresses(name));
  if (addresses === undefined) return;
  if (addresses.length === 0)
    throw notReady(
      `${name} has no address: enter an A or AAAA record at the name's registrar, with this server's address`,
    );
  const wanted = `${expected.token}.${expected.thumbprint}`;
  for (const address of addresses.slice(0, MOST_ADDRESSES)) {
    const found = await known(() => outside.challenge(address, name, expected.token));
    // A server behind a router often cannot reach its own address from inside: that says nothing about the CA.
    if (found === undefined || found === wanted) continue;
    const shown = JSON.stringify(found.slice(0, 60));
    throw notReady(
      `${name} leads to ${address}, where another server answers (${shown}); correct its ${address.includes(':') ? 'AAAA' : 'A'} record, or remove it`,
    );
  }
}

/** RFC 8659 3: the records of the name, else of the nearest name above that has some. */
async function checkCaa(name: string, wildcard: boolean, outside: Outside, expected: Expectation): Promise<void> {
  const labels = name.split('.');
  for (let i = 0; i < Math.min(labels.length, MOST_LABELS); i++) {
    const at = labels.slice(i).join('.');
    const records = await known(() => outside.caa(at));
    if (records === undefined) return;
    if (records.length === 0) continue;
    const why = forbidden(records, wildcard, expected);
    if (why !== undefined) throw notReady(`the CAA record of ${at} does not allow a certificate for ${name}: ${why}`);
    return;
  }
}

/** Undefined: the records allow it. */
function forbidden(records: readonly CaaRecord[], wildcard: boolean, expected: Expectation): string | undefined {
  const strange = records.find(
    ({ critical, tag }) => critical && !['issue', 'issuewild', 'iodef', 'issuemail', 'issuevmc'].includes(tag),
  );
  if (strange !== undefined) return `it has the critical property ${strange.tag}, which authorities do not know`;
  // RFC 8659 4.3: for wildcards issuewild goes before issue.
  const wild = records.filter(({ tag }) => tag === 'issuewild');
  const relevant = wildcard && wild.length > 0 ? wild : records.filter(({ tag }) => tag === 'issue');
  if (relevant.length === 0) return undefined;
  let why = `it names ${relevant.map(({ value }) => JSON.stringify(value)).join(', ')}, and not ${expected.caaIdentities.join(' or ')}`;
  for (const { value } of relevant) {
    const [issuer = '', ...parameters] = value.split(';').map((part) => part.trim());
    if (!expected.caaIdentities.includes(issuer.toLowerCase())) continue;
    const wrong = parameters.map((one) => unfulfilled(one, expected)).find((one) => one !== undefined);
    if (wrong === undefined) return undefined;
    why = wrong;
  }
  return why;
}

/** RFC 8657 3 and 4: an account, or kinds of challenges, that the record allows alone. */
function unfulfilled(parameter: string, { account, authorities }: Expectation): string | undefined {
  const methods = authorities.map((one) => one.type);
  const equals = parameter.indexOf('=');
  const name = parameter.slice(0, Math.max(0, equals)).trim().toLowerCase();
  const value = parameter.slice(equals + 1).trim();
  if (name === 'accounturi' && value !== account) return `it is for the account ${value}, and this one is ${account}`;
  if (name === 'validationmethods' && !value.split(',').some((one) => methods.includes(one.trim())))
    return `it allows ${value}, and this server answers ${methods.join(', ')}`;
  return undefined;
}

/** Undefined: it could not be learnt. */
async function known<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch {
    // A missing answer is no proof against the name: the CA makes its own request.
    return undefined;
  }
}

function notReady(message: string): AcmeError {
  return new AcmeError('not-ready', message);
}
