/**
 * http-01 (RFC 8555 8.3) without a list of tokens: any token is answered for the one account key. So a request that
 * reaches another host with the same key, behind one address, is answered as well; and an answer proves nothing but
 * that this key may have certificates.
 */
import type { Identifier } from '../der/names.js';
import type { Authority } from './authority.js';

/** What `HttpOptions.acmeChallenge` takes. `thumbprint` of the account's key; undefined: there is no account yet. */
export function challengeAnswers(thumbprint: () => string | undefined): (token: string) => string | undefined {
  return (token) => {
    const own = thumbprint();
    return own === undefined ? undefined : `${token}.${own}`;
  };
}

export class Http01 implements Authority {
  readonly type = 'http-01';

  /** RFC 8555 8.3: a wildcard cannot be proven by a web server; an address can (RFC 8738 4). */
  proves(_identifier: Identifier, wildcard: boolean): boolean {
    return !wildcard;
  }

  async prepare(): Promise<void> {}

  async withdraw(): Promise<void> {}
}
