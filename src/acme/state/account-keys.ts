/**
 * The account's key while it is changed (RFC 8555 7.3.5). The next key is stored before the authority hears of it, and
 * takes the place of the old one when the authority has confirmed it: whenever the program ends, the key that the
 * authority knows is one of the two.
 */
import type { AcmeCrypto, SigningKey } from '../crypto.js';
import { ACCOUNT_KEY, storedAccountKey } from './account-state.js';
import type { Storage } from './storage.js';

const NEXT_ACCOUNT_KEY = 'account.next.key';

export interface AccountKeys {
  /** Undefined: there is none any more. Rejects with an `AcmeError` of code `state`. */
  current(): Promise<SigningKey | undefined>;
  /** Undefined: no change is under way. */
  next(): Promise<SigningKey | undefined>;
  /** A key for a change, stored; the one that a change had that was broken off. */
  begin(): Promise<SigningKey>;
  /** The authority knows `key` alone. */
  adopt(key: SigningKey): Promise<void>;
}

/** `publish`: called with the key whenever it was read or stored; it is another one where somebody has changed it. */
export function accountKeys(
  storage: Storage,
  crypto: AcmeCrypto,
  publish: (key: SigningKey) => Promise<void>,
): AccountKeys {
  // A text that is empty, or damaged, was never sent: the authority cannot know it.
  const next = async (): Promise<SigningKey | undefined> =>
    crypto.readKey((await storage.read(NEXT_ACCOUNT_KEY)) ?? '');
  return {
    current: async () => {
      const key = await storedAccountKey(storage, crypto);
      if (key !== undefined) await publish(key);
      return key;
    },
    next,
    begin: async () => {
      const known = await next();
      if (known !== undefined) return known;
      const key = crypto.generateKey();
      await storage.write(NEXT_ACCOUNT_KEY, key.pem);
      return key;
    },
    adopt: async (key) => {
      await storage.write(ACCOUNT_KEY, key.pem);
      await publish(key);
      await storage.write(NEXT_ACCOUNT_KEY, '');
    },
  };
}
