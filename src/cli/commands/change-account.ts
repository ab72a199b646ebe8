/** `sitekernel certificate rollover|deactivate`: the account gets another key, or orders nothing any more. */
import type { SigningKey } from '../../acme/crypto.js';
import { nodeCrypto } from '../../acme/node-crypto.js';
import { thumbprint } from '../../acme/protocol/jws.js';
import { accountOf, changeKey, deactivate } from '../../acme/protocol/key-change.js';
import { AcmeError } from '../../acme/protocol/problem.js';
import { Session } from '../../acme/protocol/session.js';
import { accountKeys } from '../../acme/state/account-keys.js';
import { accountMemory, follows, knownAccounts, storedAccountKey } from '../../acme/state/account-state.js';
import { AUTHORITY, directoryIn } from '../../acme/state/authority-state.js';
import { FolderStorage } from '../../acme/state/storage.js';
import { UserError } from '../../errors/user-error.js';
import { RealClock } from '../../net/real-clock.js';
import { publishThumbprint } from '../../serve/certificates/challenge.js';
import { kernelFetch } from '../../serve/certificates/https-fetch.js';
import { readRoots } from '../../serve/certificates/roots.js';
import { packageVersion } from '../../serve/program-files.js';
import type { CertificateOptions } from '../arguments/certificate.js';
import { print } from './certificate-words.js';

/**
 * The key is changed at every authority at which it has an account; at the one that orders go to last, so that these
 * go on when another one refuses. Rejects with a `UserError`, or an `AcmeError` for what an authority says.
 */
export async function rollOver(options: CertificateOptions): Promise<void> {
  if (await follows(new FolderStorage(options.folder)))
    throw new UserError(
      `${options.folder}: this host follows another one (--acme-follow), which would be left with the old key; give the command there, and copy its account.key to this host`,
    );
  const { storage, accounts, session } = await accountsOf(options);
  const publish = (key: SigningKey): Promise<void> =>
    publishThumbprint(options.folder, thumbprint(nodeCrypto, key.jwk));
  const keys = accountKeys(storage, nodeCrypto, publish);
  const old = await theKey(storage, options.folder);
  const next = await keys.begin();
  for (const [directory, url] of accounts) {
    await changeKey(session(directory), url, old, next);
    print(`${url} has another key`);
  }
  await keys.adopt(next);
  print('account.key is the new one: copy it to where you keep a copy');
  print('copy it to hosts that follow, too, and send them SIGHUP: until then they answer http-01 for the old key');
}

/** Rejects like `rollOver`. */
export async function endAccount(options: CertificateOptions): Promise<void> {
  const { storage, accounts, session } = await accountsOf(options);
  const key = await theKey(storage, options.folder);
  for (const [directory, url] of accounts) {
    await deactivate(session(directory), url, key);
    await accountMemory(storage, directory).save(undefined);
    print(`${url} is deactivated, and cannot be had back`);
  }
  print('certificates stay valid until they end; to order again, remove account.key: a new account is made');
}

interface Accounts {
  readonly storage: FolderStorage;
  /** Directories of authorities, each with the account's URL; the one that orders go to last. At least one. */
  readonly accounts: readonly (readonly [directory: string, url: string])[];
  readonly session: (directory: string) => Session;
}

async function accountsOf({ folder, revocation: { directory: given, roots } }: CertificateOptions): Promise<Accounts> {
  const storage = new FolderStorage(folder);
  const ordering = given ?? directoryIn((await storage.read(AUTHORITY)) ?? '');
  const known = await knownAccounts(storage);
  const chosen = given === undefined ? known : known.filter(([directory]) => directory === given);
  const fetch = kernelFetch(roots === undefined ? undefined : readRoots(roots));
  const userAgent = `sitekernel/${packageVersion()}`;
  const session = (directory: string): Session =>
    new Session({ directory, fetch, clock: new RealClock(), crypto: nodeCrypto, userAgent });
  if (chosen.length > 0) return { storage, session, accounts: chosen.sort(([one]) => (one === ordering ? 1 : -1)) };
  // A copy of the key alone, or of a state that is older than the addresses of accounts.
  if (ordering === undefined)
    throw new UserError(`${folder} knows no account; name its authority with --acme-directory URL`);
  const url = await accountOf(session(ordering), await theKey(storage, folder));
  if (url === undefined) throw new AcmeError('terms', `${ordering} has no account of this account.key`);
  return { storage, session, accounts: [[ordering, url]] };
}

async function theKey(storage: FolderStorage, folder: string): Promise<SigningKey> {
  const key = await storedAccountKey(storage, nodeCrypto);
  if (key === undefined) throw new UserError(`there is no account.key in ${folder}; name the folder with --state`);
  return key;
}
