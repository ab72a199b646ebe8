/** Another key for an account (RFC 8555 7.3.5), and its end (7.3.6). */
import type { SigningKey } from '../crypto.js';
import { signedStatement } from './jws.js';
import { AcmeError } from './problem.js';
import { locationOf, type Session } from './session.js';

/** The account of `key` at the authority (RFC 8555 7.3.1); undefined: there is none. Rejects with an `AcmeError`. */
export async function accountOf(session: Session, key: SigningKey): Promise<string | undefined> {
  const { newAccount } = await session.directory();
  try {
    const response = await session.post(newAccount, key, { jwk: key.jwk }, { onlyReturnExisting: true });
    return locationOf(response, newAccount);
  } catch (error) {
    if (error instanceof AcmeError && error.problem?.type === 'accountDoesNotExist') return undefined;
    throw error;
  }
}

/**
 * The authority knows the account `url` by `next` alone when this resolves; also when it did before, since the answer
 * to an earlier request may have been lost. Rejects with an `AcmeError`.
 */
export async function changeKey(session: Session, url: string, old: SigningKey, next: SigningKey): Promise<void> {
  if ((await accountOf(session, next)) === url) return;
  const { keyChange } = await session.directory();
  if (keyChange === undefined)
    throw new AcmeError('terms', 'this certificate authority does not change the keys of accounts (no keyChange)');
  const inner = signedStatement(next, { jwk: next.jwk, url: keyChange }, { account: url, oldKey: old.jwk });
  await session.post(keyChange, old, { kid: url }, inner);
}

/** The account orders nothing any more, and cannot be had back. Rejects with an `AcmeError`. */
export async function deactivate(session: Session, url: string, key: SigningKey): Promise<void> {
  await session.post(url, key, { kid: url }, { status: 'deactivated' });
}
