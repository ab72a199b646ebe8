/** The calls of ACME that concern certificates (RFC 8555 7.4 to 7.6), each one request. */
import type { SigningKey } from '../crypto.js';
import type { Identifier } from '../der/names.js';
import type { Account } from './account.js';
import type { FetchResponse } from './fetch.js';
import { base64url } from './jws.js';
import { type Authorization, type Order, readAuthorization, readOrder } from './objects.js';
import { AcmeError, retryAfterOf } from './problem.js';
import { type RenewalInfo, readRenewalInfo } from './renewal-info.js';
import { jsonOf, locationOf, type Session } from './session.js';

/** An object of the CA, and when it asks to be asked again. */
export interface Asked<T> {
  readonly value: T;
  /** Milliseconds. */
  readonly retryAfter: number | undefined;
}

export interface OrderRequest {
  readonly identifiers: readonly Identifier[];
  readonly profile: string | undefined;
  /** The certificate that the new one takes the place of (RFC 9773 5). */
  readonly replaces: string | undefined;
}

/** Other chains of a certificate that are offered for download, beside the first one. */
const MOST_ALTERNATES = 4;

export class AcmeClient {
  readonly session: Session;
  readonly account: Account;

  constructor(session: Session, account: Account) {
    this.session = session;
    this.account = account;
  }

  /** Makes an order; returns its URL. */
  async newOrder({ identifiers, profile, replaces }: OrderRequest): Promise<string> {
    const { newOrder } = await this.session.directory();
    const payload = {
      identifiers,
      ...(profile === undefined ? {} : { profile }),
      ...(replaces === undefined ? {} : { replaces }),
    };
    return locationOf(await this.account.post(newOrder, payload), newOrder);
  }

  async order(url: string): Promise<Asked<Order>> {
    return this.#asked(await this.account.post(url, undefined), url, readOrder);
  }

  async authorization(url: string): Promise<Asked<Authorization>> {
    return this.#asked(await this.account.post(url, undefined), url, readAuthorization);
  }

  /** Tells the CA that the challenge at `url` can be looked at (RFC 8555 7.5.1). */
  async answerChallenge(url: string): Promise<void> {
    await this.account.post(url, {});
  }

  /** `request`: PKCS #10 in DER. */
  async finalize(url: string, request: Uint8Array): Promise<Asked<Order>> {
    return this.#asked(await this.account.post(url, { csr: base64url(request) }), url, readOrder);
  }

  /** The chain at `url` in PEM, and those that are offered beside it (RFC 8555 7.4.2). */
  async certificates(url: string): Promise<readonly string[]> {
    const response = await this.account.post(url, undefined);
    const chains = [response.body];
    for (const alternate of linksOf(response, 'alternate').slice(0, MOST_ALTERNATES))
      chains.push((await this.account.post(new URL(alternate, url).href, undefined)).body);
    return chains;
  }

  /**
   * RFC 8555 7.6. `reason` as in RFC 5280 5.3.1: 0 unspecified, 1 key compromise, 4 superseded, 5 out of use. With
   * `key`, that of the certificate, no account is needed.
   */
  async revoke(certificate: Uint8Array, reason: number, key?: SigningKey): Promise<void> {
    const { revokeCert } = await this.session.directory();
    const payload = { certificate: base64url(certificate), reason };
    if (key === undefined) await this.account.post(revokeCert, payload);
    else await this.session.post(revokeCert, key, { jwk: key.jwk }, payload);
  }

  /** RFC 9773 4.1; undefined: the CA has no such service. `id` as `certificateId` has it. */
  async renewalInfo(id: string): Promise<Asked<RenewalInfo> | undefined> {
    const { renewalInfo } = await this.session.directory();
    if (renewalInfo === undefined) return undefined;
    const url = `${renewalInfo.replace(/\/$/, '')}/${id}`;
    return this.#asked(await this.session.getResponse(url), url, readRenewalInfo);
  }

  #asked<T>(response: FetchResponse, url: string, read: (value: unknown) => T): Asked<T> {
    return { value: read(jsonOf(response, url)), retryAfter: retryAfterOf(response, this.session.now()) };
  }
}

/** Targets of `Link` fields of a relation (RFC 8288 3). */
function linksOf({ fields }: FetchResponse, relation: string): string[] {
  const links: string[] = [];
  for (const match of (fields['link'] ?? '').slice(0, 8192).matchAll(/<([^<>]*)>([^<]*)/g))
    if (new RegExp(`;\\s*rel="?${relation}"?\\s*(?:[;,]|$)`).test(match[2]!)) links.push(match[1]!);
  return links;
}

/** The chain whose last certificate names `issuer` among its issuer's fields; else the first. */
export function preferred(
  chains: readonly string[],
  issuer: string | undefined,
  topOf: (pem: string) => string | undefined,
): string {
  const [first] = chains;
  if (first === undefined) throw new AcmeError('malformed-response', 'the certificate authority sends no certificate');
  if (issuer === undefined) return first;
  return chains.find((chain) => topOf(chain)?.includes(issuer)) ?? first;
}
