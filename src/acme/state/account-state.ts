/** The account's key, made once, and the account's URL at each certificate authority. */
import { parseJson } from '../../errors/parse-json.js';
import type { AcmeCrypto, SigningKey } from '../crypto.js';
import type { AccountMemory } from '../protocol/account.js';
import { AcmeError } from '../protocol/problem.js';
import type { Storage } from './storage.js';

export const ACCOUNT_KEY = 'account.key';
const ACCOUNT_URLS = 'account.json';
/** Has a text where another host orders. */
const FOLLOWS = 'follows';

/**
 * The key that is stored; made, and stored before it is used, where there is none. A key that cannot be read is never
 * replaced. With a new key there is a new account: the addresses of the old one are forgotten.
 */
export async function accountKey(storage: Storage, crypto: AcmeCrypto): Promise<SigningKey> {
  const known = await storedAccountKey(storage, crypto);
  if (known !== undefined) return known;
  const key = crypto.generateKey();
  if ((await storage.read(ACCOUNT_URLS)) !== undefined) await storage.write(ACCOUNT_URLS, '{}\n');
  await storage.write(ACCOUNT_KEY, key.pem);
  return key;
}

/** Undefined: there is none yet. */
export async function storedAccountKey(storage: Storage, crypto: AcmeCrypto): Promise<SigningKey | undefined> {
  const pem = await storage.read(ACCOUNT_KEY);
  if (pem === undefined) return undefined;
  const key = crypto.readKey(pem);
  if (key === undefined) {
    throw new AcmeError(
      'state',
      `${ACCOUNT_KEY} in the state folder is no ECDSA key on P-256; restore it from a copy, or remove it to have a new account`,
    );
  }
  return key;
}

/** Remembers whether this host orders, or follows one that does: commands that know the folder alone ask for it. */
export async function rememberRole(storage: Storage, orders: boolean): Promise<void> {
  const text = orders ? '' : 'another host orders (--acme-follow)\n';
  if (((await storage.read(FOLLOWS)) ?? '') !== text) await storage.write(FOLLOWS, text);
}

/** Whether the last server that used the folder left orders to another host. */
export async function follows(storage: Storage): Promise<boolean> {
  return ((await storage.read(FOLLOWS)) ?? '') !== '';
}

/** The directories of all authorities at which there is an account of the stored key, with its URL. */
export async function knownAccounts(storage: Storage): Promise<[directory: string, url: string][]> {
  const urls = Object(parseJson((await storage.read(ACCOUNT_URLS)) ?? '{}')) as Record<string, unknown>;
  return Object.entries(urls).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
}

/** The account's URL at `directory`; those at other authorities stay. */
export function accountMemory(storage: Storage, directory: string): AccountMemory {
  const urls = async (): Promise<Record<string, string>> => Object.fromEntries(await knownAccounts(storage));
  return {
    load: async () => (await urls())[directory],
    save: async (url) => {
      const { [directory]: _old, ...others } = await urls();
      const all = url === undefined ? others : { ...others, [directory]: url };
      await storage.write(ACCOUNT_URLS, `${JSON.stringify(all, undefined, 2)}\n`);
    },
  };
}
