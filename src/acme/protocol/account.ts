/** The account at a certificate authority (RFC 8555 7.3): one key, one URL, found again before another is made. */
import type { SigningKey } from '../crypto.js';
import type { FetchResponse } from './fetch.js';
import { accountBinding, type ExternalAccount, thumbprint } from './jws.js';
import { AcmeError } from './problem.js';
import { locationOf, type Session } from './session.js';

export interface AccountOptions {
  /** Where the CA writes to; undefined: nowhere. */
  readonly email: string | undefined;
  /** The CA's terms of service have been agreed to. */
  readonly agreed: boolean;
  readonly external?: ExternalAccount | undefined;
}

/** Where the URL of the account is remembered. */
export interface AccountMemory {
  load(): Promise<string | undefined>;
  /** `url` undefined: there is no such account any more. */
  save(url: string | undefined): Promise<void>;
}

export class Account {
  readonly #session: Session;
  readonly #key: SigningKey;
  readonly #options: AccountOptions;
  readonly #memory: AccountMemory;
  #url: Promise<string> | undefined;

  constructor(session: Session, key: SigningKey, options: AccountOptions, memory: AccountMemory) {
    this.#session = session;
    this.#key = key;
    this.#options = options;
    this.#memory = memory;
  }

  /** What challenges are answered with (RFC 8555 8.1). */
  get thumbprint(): string {
    return thumbprint(this.#session.crypto, this.#key.jwk);
  }

  /** The account's URL: remembered, found by its key, or registered now. */
  url(): Promise<string> {
    this.#url ??= this.#find().catch((error: unknown) => {
      // The next request asks again.
      this.#url = undefined;
      throw error;
    });
    return this.#url;
  }

  /**
   * A signed request by the account. An account that the CA no longer has is registered again, once (RFC 8555 6.7,
   * 7.3.1).
   */
  async post(url: string, payload: unknown): Promise<FetchResponse> {
    try {
      return await this.#session.post(url, this.#key, { kid: await this.url() }, payload);
    } catch (error) {
      if (!(error instanceof AcmeError) || error.problem?.type !== 'accountDoesNotExist') throw error;
      this.#url = undefined;
      await this.#memory.save(undefined);
      return this.#session.post(url, this.#key, { kid: await this.url() }, payload);
    }
  }

  async #find(): Promise<string> {
    const known = await this.#memory.load();
    if (known !== undefined) return known;
    const url = (await this.#existing()) ?? (await this.#register());
    await this.#memory.save(url);
    return url;
  }

  /** RFC 8555 7.3.1: the account of this key, if there is one. */
  async #existing(): Promise<string | undefined> {
    const { newAccount } = await this.#session.directory();
    try {
      const response = await this.#session.post(
        newAccount,
        this.#key,
        { jwk: this.#key.jwk },
        { onlyReturnExisting: true },
      );
      return locationOf(response, newAccount);
    } catch (error) {
      if (error instanceof AcmeError && error.problem?.type === 'accountDoesNotExist') return undefined;
      throw error;
    }
  }

  async #register(): Promise<string> {
    const { newAccount, termsOfService, externalAccountRequired } = await this.#session.directory();
    const { agreed, email, external } = this.#options;
    if (termsOfService !== undefined && !agreed)
      throw new AcmeError(
        'terms',
        `read the terms of the certificate authority, ${termsOfService}, and agree to them with --agree-tos`,
      );
    if (externalAccountRequired && external === undefined)
      throw new AcmeError(
        'terms',
        'this certificate authority binds accounts to customers of its own: give the key that it gave you with --acme-eab',
      );
    const { jwk } = this.#key;
    const payload = {
      termsOfServiceAgreed: agreed,
      ...(email === undefined ? {} : { contact: [`mailto:${email}`] }),
      ...(external === undefined
        ? {}
        : { externalAccountBinding: accountBinding(this.#session.crypto, jwk, newAccount, external) }),
    };
    return locationOf(await this.#session.post(newAccount, this.#key, { jwk }, payload), newAccount);
  }
}
