/**
 * One order, from its making to the certificate (RFC 8555 7.4): what has to wait is left to the caller, who may come
 * again with its URL.
 */
import type { Authority, Proof } from '../authority/authority.js';
import type { SigningKey } from '../crypto.js';
import { certificatesIn } from '../der/certificate.js';
import type { Identifier } from '../der/names.js';
import { certificateRequest } from '../der/request.js';
import { type AcmeClient, type Asked, preferred } from '../protocol/client.js';
import type { Authorization, Challenge, Order } from '../protocol/objects.js';
import { AcmeError, describeProblem, type Problem } from '../protocol/problem.js';

/** Milliseconds between two looks at what the CA is busy with, unless it says: the first time, and at most. */
const POLL = 1_000;
const SLOW_POLL = 10_000;
/** A longer `Retry-After` ends the attempt: the plan of the next one observes it. */
const LONGEST_POLL = 60_000;
/** Milliseconds for one authorization, or for the certificate. */
const PATIENCE = 180_000;

export interface Obtaining {
  readonly client: AcmeClient;
  readonly identifiers: readonly Identifier[];
  /** Of the certificate. */
  readonly key: SigningKey;
  /** The first that fits proves a name. */
  readonly authorities: readonly Authority[];
  /** Part of the name of the root that the chain should lead to, where the CA offers several. */
  readonly issuer?: string | undefined;
}

/** The chain in PEM. `url`: the order. Rejects with an `AcmeError`. */
export async function obtain(url: string, how: Obtaining): Promise<string> {
  const { client } = how;
  let { value: order } = await client.order(url);
  if (order.status === 'pending') {
    // One behind the other: what one name costs is known before the next is asked for.
    for (const authorization of order.authorizations) await authorize(authorization, how);
    order = await ended(
      client,
      () => client.order(url),
      (one) => one.status !== 'pending',
    );
  }
  if (order.status === 'ready') {
    const asked = await client.finalize(order.finalize, certificateRequest(how.key, how.identifiers));
    order = asked.value;
    if (isBusy(order))
      order = await ended(
        client,
        () => client.order(url),
        (one) => !isBusy(one),
        asked,
      );
  } else if (order.status === 'processing')
    order = await ended(
      client,
      () => client.order(url),
      (one) => !isBusy(one),
    );
  if (order.status !== 'valid' || order.certificate === undefined) throw invalid(order);
  const chains = await client.certificates(order.certificate);
  const chain = preferred(chains, how.issuer, (pem) => certificatesIn(pem)?.at(-1)?.issuer);
  if (certificatesIn(chain) === undefined)
    throw new AcmeError('malformed-response', 'the certificate authority sends a certificate that cannot be read');
  return chain;
}

function isBusy({ status }: Order): boolean {
  return status === 'processing' || status === 'ready';
}

function invalid({ status, error }: Order): AcmeError {
  const why = error === undefined ? `its state is ${status}` : describeProblem(error);
  return new AcmeError(
    'not-proven',
    `the certificate authority ends the order: ${why}`,
    error === undefined ? {} : { problem: error },
  );
}

/**
 * Proves one name, by exactly one challenge: a second one that fails would make an authorization invalid that the first
 * had proven.
 */
async function authorize(url: string, { client, authorities }: Obtaining): Promise<void> {
  const { value: authorization } = await client.authorization(url);
  if (authorization.status === 'valid') return;
  const { identifier, wildcard, challenges, status } = authorization;
  if (status !== 'pending') throw failed(authorization);
  const [authority, challenge] = choose(authorities, identifier, wildcard, challenges);
  const { thumbprint } = client.account;
  const { accountHashPrefix: hashPrefix } = await client.session.directory();
  const proof: Proof = {
    identifier,
    wildcard,
    token: challenge.token,
    keyAuthorization: `${challenge.token}.${thumbprint}`,
    issuers: challenge.issuers,
    account: { url: await client.account.url(), thumbprint, hashPrefix },
  };
  try {
    await authority.prepare(proof);
    await client.answerChallenge(challenge.url);
    const done = await ended(
      client,
      () => client.authorization(url),
      (one) => one.status !== 'pending',
    );
    if (done.status !== 'valid') throw failed(done);
  } finally {
    await authority.withdraw(proof);
  }
}

function choose(
  authorities: readonly Authority[],
  identifier: Identifier,
  wildcard: boolean,
  challenges: readonly Challenge[],
): [Authority, Challenge] {
  for (const authority of authorities) {
    if (!authority.proves(identifier, wildcard)) continue;
    const challenge = challenges.find(({ type }) => type === authority.type);
    if (challenge !== undefined) return [authority, challenge];
  }
  const name = `${wildcard ? '*.' : ''}${identifier.value}`;
  const offered = challenges.map(({ type }) => type).join(', ') || 'none';
  const own = authorities.map(({ type }) => type).join(', ') || 'none';
  throw new AcmeError(
    'no-challenge',
    `${name} cannot be proven: the certificate authority offers ${offered}, this server answers ${own}${wildcard ? '; a wildcard needs a record in the DNS, and that a zone of this server' : ''}`,
  );
}

function failed({ identifier, status, challenges }: Authorization): AcmeError {
  const problem: Problem | undefined = challenges.find(({ error }) => error !== undefined)?.error;
  const why = problem === undefined ? `its authorization is ${status}` : describeProblem(problem);
  return new AcmeError(
    'not-proven',
    `${identifier.value} is not proven: ${why}`,
    problem === undefined ? {} : { problem },
  );
}

/** Asks until it is over, as often as the CA likes, for three minutes at most. `first`: what is known already. */
async function ended<T>(
  { session: { clock } }: AcmeClient,
  ask: () => Promise<Asked<T>>,
  over: (value: T) => boolean,
  first?: Asked<T>,
): Promise<T> {
  const start = clock.now();
  let asked = first ?? (await ask());
  for (let poll = POLL; !over(asked.value); poll = Math.min(SLOW_POLL, poll * 1.5)) {
    const { retryAfter = poll } = asked;
    if (retryAfter > LONGEST_POLL || clock.now() - start >= PATIENCE) {
      throw new AcmeError('later', 'the certificate authority is not done yet', { retryAfter });
    }
    await new Promise<void>((resolve) => {
      clock.schedule(Math.max(POLL, retryAfter), resolve);
    });
    asked = await ask();
  }
  return asked.value;
}
