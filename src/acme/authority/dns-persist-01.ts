/**
 * dns-persist-01 (draft-ietf-acme-dns-persist): a TXT record that names the authority and our account. The same record
 * proves each order of that account; it is in the zone while an order asks for it, and whoever wants it there for good
 * writes it into the zone's file. Draft 02 has the account behind a hash, 00 and 01 its address.
 */
import type { AcmeCrypto } from '../crypto.js';
import type { Identifier } from '../der/names.js';
import { base64url, utf8 } from '../protocol/jws.js';
import { AcmeError } from '../protocol/problem.js';
import type { Authority, Proof } from './authority.js';
import type { RecordSetter } from './dns-01.js';

export const PERSIST_LABEL = '_validation-persist';
/** What the value of a parameter may have (RFC 8659 4.2). */
const VALUE = /^[\x21-\x3a\x3c-\x7e]+$/;

export class DnsPersist01 implements Authority {
  readonly type = 'dns-persist-01';
  readonly #records: RecordSetter;
  readonly #crypto: AcmeCrypto;
  readonly #shown = new WeakMap<Proof, string>();

  constructor(records: RecordSetter, crypto: AcmeCrypto) {
    this.#records = records;
    this.#crypto = crypto;
  }

  /** Names and wildcards; not addresses. */
  proves({ type, value }: Identifier, _wildcard: boolean): boolean {
    return type === 'dns' && this.#records.owns(`${PERSIST_LABEL}.${value}`);
  }

  async prepare(proof: Proof): Promise<void> {
    const text = this.record(proof);
    this.#shown.set(proof, text);
    await this.#records.add(`${PERSIST_LABEL}.${proof.identifier.value}`, text);
  }

  async withdraw(proof: Proof): Promise<void> {
    const text = this.#shown.get(proof);
    if (text !== undefined) await this.#records.remove(`${PERSIST_LABEL}.${proof.identifier.value}`, text);
  }

  /** The record's text (draft 02, 4.1). Throws an `AcmeError` where the authority's parts are not as they must be. */
  record({ identifier, wildcard, issuers, account }: Proof): string {
    const uri =
      account.hashPrefix === undefined
        ? account.url
        : `${account.hashPrefix}sha-256/${this.#hash(identifier.value, account)}`;
    const [issuer] = issuers;
    if (issuer === undefined || !VALUE.test(uri))
      throw new AcmeError('malformed-response', 'the certificate authority names no account that a record can have');
    return `${issuer}; accounturi=${uri}${wildcard ? '; policy=wildcard' : ''}`;
  }

  #hash(domain: string, { thumbprint, url }: Proof['account']): string {
    const text = utf8(`${domain}${thumbprint}${url}`);
    const octets = new Uint8Array(text.length + 1);
    octets[0] = utf8(domain).length;
    octets.set(text, 1);
    return base64url(this.#crypto.sha256(octets));
  }
}
