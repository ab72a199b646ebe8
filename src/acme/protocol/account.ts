/** The account at a certificate authority (RFC 8555 7.3): one key, one URL, found again before another is made. */
import type { SigningKey } from '../crypto.js';
import type { FetchResponse } from './fetch.js';
import { accountBinding, type ExternalAccount, thumbprint } from './jws.js';
import { accountOf } from './key-change.js';
import { AcmeError } from './problem.js';
import { locationOf, type Session } from './session.js';

export interface AccountOptions {
  /** Where the CA writes to; undefined: nowhere. */
  readonly email: string | undefined;
  /** The CA's terms of service have been agreed to. */
  readonly agreed: boolean;
  readonly external?: ExternalAccount | undefined;
}

/** What authorities answer to a signature by another key than the account's. */
const REFUSED_KEY = new Set(['malformed', 'unauthorized']);

/** Where the URL of the account is remembered. */
export interface AccountMemory {
  load(): Promise<string | undefined>;
  /** `url` undefined: there is no such account any more. */
  save(url: string | undefined): Promise<void>;
}

/** Where its key may be another one than before: a command changes it while the program runs. */
export interface ChangingKey {
  /** The key as it is stored now; undefined: there is none any more. */
  current(): Promise<SigningKey | undefined>;
  /** A key that the authority may have been told of; undefined: no change is under way. */
  next(): Promise<SigningKey | undefined>;
  /** The authority knows the account by `key` alone. */
  adopt(key: SigningKey): Promise<void>;
}

export class Account {
  readonly #session: Session;
  #key: SigningKey;
  readonly #changing: ChangingKey | undefined;
  readonly #options: AccountOptions;
  readonly #memory: AccountMemory;
  #url: Promise<string> | undefined;

  constructor(
    session: Session,
    key: SigningKey,
    options: AccountOptions,
    memory: AccountMemory,
    changing?: ChangingKey,
  ) {
    this.#changing = changing;
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
    this.#key = (await this.#changing?.current()) ?? this.#key;
    try {
      return await this.#session.post(url, this.#key, { kid: await this.url() }, payload);
    } catch (error) {
      if (await this.#wasChanged(error)) return this.#session.post(url, this.#key, { kid: await this.url() }, payload);
      if (!(error instanceof AcmeError) || error.problem?.type !== 'accountDoesNotExist') throw error;
      this.#url = undefined;
      await this.#memory.save(undefined);
      return this.#session.post(url, this.#key, { kid: await this.url() }, payload);
    }
  }

  async #find(): Promise<string> {
    const known = await this.#memory.load();
    if (known !== undefined) return known;
    const url = (await accountOf(this.#session, this.#key)) ?? (await this.#register());
    await this.#memory.save(url);
    return url;
  }

  /**
   * RFC 8555 7.3.5: a signature that is refused is of a key that the authority knows no more, where a change of keys
   * was broken off between its answer and ours.
   */
  async #wasChanged(error: unknown): Promise<boolean> {
    if (!(error instanceof AcmeError) || !REFUSED_KEY.has(error.problem?.type ?? '')) return false;
    const next = await this.#changing?.next();
    if (next === undefined || (await accountOf(this.#session, next)) !== (await this.url())) return false;
    await this.#changing?.adopt(next);
    this.#key = next;
    return true;
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
