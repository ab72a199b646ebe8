/** One attempt at a certificate: an order that was begun earlier goes on, else one is made. */
import type { Authority } from '../authority/authority.js';
import type { SigningKey } from '../crypto.js';
import { factsOf } from '../der/certificate.js';
import { obtain } from '../order/obtain.js';
import { AcmeError } from '../protocol/problem.js';
import { loadCertificate, type StoredCertificate, saveCertificate } from '../state/certificate-state.js';
import { NEXT_KEY, type PendingOrder } from '../state/renewal-state.js';
import type { KeeperOptions } from './options.js';

export interface Attempt {
  readonly options: KeeperOptions;
  readonly configuration: string;
  readonly pending: PendingOrder | undefined;
  /** Attempts that failed before: kinds of challenges take turns. */
  readonly failures: number;
  /** Called before the CA can have done anything for the order; resolves when the order is stored. */
  readonly ordered: (order: PendingOrder) => Promise<void>;
}

/** Resolves with a certificate that is stored already. Rejects with an `AcmeError`. */
export async function attempt({
  options,
  configuration,
  pending,
  failures,
  ordered,
}: Attempt): Promise<StoredCertificate> {
  const { client, storage, identifiers, check } = options;
  const { crypto } = client.session;
  const authorities = inTurn(options.authorities, failures);
  let order = pending?.configuration === configuration ? pending : undefined;
  let key = order === undefined ? undefined : await nextKey(options);
  if (key === undefined || order === undefined) {
    await check?.(identifiers, authorities);
    key = crypto.generateKey();
    await storage.write(NEXT_KEY, key.pem);
    order = { url: await newOrder(options), configuration };
    await ordered(order);
  }
  const chain = await obtain(order.url, { client, identifiers, key, authorities, issuer: options.issuer });
  const facts = factsOf(chain);
  if (facts === undefined || !identifiers.every(({ value }) => facts.names.includes(value)))
    throw new AcmeError('malformed-response', 'the certificate authority sends a certificate for other names');
  return saveCertificate(storage, chain, key.pem);
}

async function nextKey({ storage, client }: KeeperOptions): Promise<SigningKey | undefined> {
  const pem = await storage.read(NEXT_KEY);
  return pem === undefined ? undefined : client.session.crypto.readKey(pem);
}

/** An order that says what it replaces (RFC 9773 5), where that is known and taken. */
async function newOrder({ client, identifiers, profile, storage }: KeeperOptions): Promise<string> {
  const { renewalInfo, profiles } = await client.session.directory();
  if (profile !== undefined && !profiles.has(profile)) {
    const known = [...profiles.keys()].join(', ') || 'none';
    throw new AcmeError('terms', `the certificate authority has no profile ${profile}; it has: ${known}`);
  }
  const replaces = renewalInfo === undefined ? undefined : await replaceable(storage);
  if (replaces === undefined) return client.newOrder({ identifiers, profile, replaces });
  try {
    return await client.newOrder({ identifiers, profile, replaces });
  } catch (error) {
    // RFC 9773 5: another order has replaced it (alreadyReplaced), or it is not one that this account may replace.
    const type = error instanceof AcmeError ? error.problem?.type : undefined;
    if (type !== 'alreadyReplaced' && type !== 'malformed' && type !== 'unauthorized') throw error;
    return client.newOrder({ identifiers, profile, replaces: undefined });
  }
}

async function replaceable(storage: KeeperOptions['storage']): Promise<string | undefined> {
  try {
    return (await loadCertificate(storage))?.facts.id;
  } catch (error) {
    // What is stored is damaged: then this order replaces nothing.
    if (error instanceof AcmeError && error.code === 'state') return undefined;
    throw error;
  }
}

function inTurn(authorities: readonly Authority[], failures: number): readonly Authority[] {
  const first = authorities.length === 0 ? 0 : failures % authorities.length;
  return [...authorities.slice(first), ...authorities.slice(0, first)];
}
