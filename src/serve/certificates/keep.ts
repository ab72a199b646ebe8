/** Orders certificates as the command line says, and renews them for as long as the server runs. */
import { join } from 'node:path';
import type { Authority } from '../../acme/authority/authority.js';
import type { SigningKey } from '../../acme/crypto.js';
import { type Identifier, identifierOf } from '../../acme/der/names.js';
import { CertificateKeeper } from '../../acme/keep/keeper.js';
import type { CertificateSink } from '../../acme/keep/options.js';
import { nodeCrypto } from '../../acme/node-crypto.js';
import type { Outside } from '../../acme/order/ready.js';
import { Account } from '../../acme/protocol/account.js';
import { AcmeClient } from '../../acme/protocol/client.js';
import type { Fetch } from '../../acme/protocol/fetch.js';
import { base64url, thumbprint, utf8 } from '../../acme/protocol/jws.js';
import { AcmeError } from '../../acme/protocol/problem.js';
import { Session } from '../../acme/protocol/session.js';
import { accountKeys } from '../../acme/state/account-keys.js';
import {
  ACCOUNT_KEY,
  accountKey,
  accountMemory,
  rememberRole,
  storedAccountKey,
} from '../../acme/state/account-state.js';
import { rememberAuthority } from '../../acme/state/authority-state.js';
import { FolderStorage, folderFor } from '../../acme/state/storage.js';
import { errorText } from '../../errors/report.js';
import { UserError } from '../../errors/user-error.js';
import type { Clock } from '../../net/flow.js';
import type { Random } from '../../net/random.js';
import type { AcmeArguments } from '../options/acme.js';
import { publishThumbprint } from './challenge.js';
import { readiness } from './readiness.js';

export interface KeepOptions {
  readonly acme: AcmeArguments;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Where the certificate of these names is served. */
  readonly sinkFor: (names: readonly string[]) => CertificateSink;
  /** How requests reach the authority, and the checks of what it will see from outside. */
  readonly fetch: Fetch;
  readonly outside: Outside;
  /** How names are proven, the preferred way first. */
  readonly authorities: readonly Authority[];
  /** Gets what processes need to know that answer for this one: the account's thumbprint, the authority as stored. */
  readonly tell?: ((what: 'thumbprint' | 'authority', text: string) => void) | undefined;
  readonly onNotice: (sentence: string) => void;
  readonly onEvent: (sentence: string) => void;
}

export interface KeptCertificates {
  /** Checks the state folder now. */
  look(): void;
  stop(): void;
}

/**
 * Resolves when the stored certificates are in use. Throws a `UserError` when the state folder cannot be used: an order
 * without one would be repeated.
 */
export async function keepCertificates(options: KeepOptions): Promise<KeptCertificates> {
  const { acme, authorities, fetch, outside, version, clock, random, onNotice, onEvent } = options;
  const { directory, email, agreed, external } = acme;
  const storage = new FolderStorage(acme.state);
  const key = await keyIn(storage, acme);
  await rememberRole(storage, acme.orders).catch(unusable);
  const session = new Session({
    directory,
    fetch,
    clock,
    crypto: nodeCrypto,
    userAgent: `sitekernel/${version}`,
  });
  let published = '';
  const publish = async (one: SigningKey): Promise<void> => {
    const text = thumbprint(nodeCrypto, one.jwk);
    if (text === published) return;
    await publishThumbprint(acme.state, text);
    options.tell?.('thumbprint', text);
    published = text;
  };
  const keys = accountKeys(storage, nodeCrypto, publish);
  await publish(key).catch(unusable);
  const account = new Account(session, key, { email, agreed, external }, accountMemory(storage, directory), keys);
  const client = new AcmeClient(session, account);
  const check = readiness(client, outside, async (identities, account) => {
    const text = await rememberAuthority(storage, { directory, identities, account });
    options.tell?.('authority', text);
  });
  const choice = choiceOf(acme);
  const keepers = acme.certificates.map((names) => {
    const identifiers = names.map(identifierOf).filter((one): one is Identifier => one !== undefined);
    return new CertificateKeeper({
      client,
      identifiers,
      storage: new FolderStorage(join(acme.state, folderFor(identifiers.map(({ value }) => value)))),
      authorities,
      sink: options.sinkFor(names),
      random,
      orders: acme.orders,
      profile: acme.profile,
      choice,
      check,
      onNotice,
      onEvent,
    });
  });
  for (const keeper of keepers) await keeper.start();
  return {
    look: () => {
      // Another key may have come from the host that orders.
      void keys.current().catch((error: unknown) => onNotice(errorText(error)));
      for (const keeper of keepers) keeper.look();
    },
    stop: () => {
      for (const keeper of keepers) keeper.stop();
    },
  };
}

/** Differs when terms are agreed to, or when authority, address, customer's key or kind of challenge are others. */
function choiceOf({ directory, email, agreed, external, challenge }: AcmeArguments): string {
  const text = JSON.stringify([directory, email, agreed, external, challenge]);
  // Its hash, because the customer's key is in it.
  return base64url(nodeCrypto.sha256(utf8(text))).slice(0, 16);
}

async function keyIn(storage: FolderStorage, { orders, state }: AcmeArguments): Promise<SigningKey> {
  try {
    const key = orders ? await accountKey(storage, nodeCrypto) : await storedAccountKey(storage, nodeCrypto);
    if (key !== undefined) return key;
  } catch (error) {
    unusable(error);
  }
  // A key made here would belong to an account that orders nothing.
  throw new UserError(`--acme-follow: there is no ${join(state, ACCOUNT_KEY)}; copy it from the host that orders`);
}

function unusable(error: unknown): never {
  if (!(error instanceof AcmeError)) throw error;
  throw new UserError(`--acme: ${error.message}; certificates need a folder for their state, --state`);
}
