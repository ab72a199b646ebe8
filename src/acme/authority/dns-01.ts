/** dns-01 (RFC 8555 8.4): a TXT record below the name, set by an owner of the zone that is handed in. */
import type { AcmeCrypto } from '../crypto.js';
import type { Identifier } from '../der/names.js';
import { base64url, utf8 } from '../protocol/jws.js';
import type { Authority, KeyProof } from './authority.js';

/**
 * Sets TXT records. Several values of one name stand side by side: a name and its wildcard are proven at the same
 * place.
 */
export interface RecordSetter {
  /** Whether it has the zone that `name` is in. */
  owns(name: string): boolean;
  /** Resolves when every server of the zone has the record. */
  add(name: string, value: string): Promise<void>;
  remove(name: string, value: string): Promise<void>;
}

export const DNS_01_LABEL = '_acme-challenge';

export class Dns01 implements Authority {
  readonly type = 'dns-01';
  readonly #records: RecordSetter;
  readonly #crypto: AcmeCrypto;

  constructor(records: RecordSetter, crypto: AcmeCrypto) {
    this.#records = records;
    this.#crypto = crypto;
  }

  /** Names and wildcards; not addresses (RFC 8738 7). */
  proves({ type, value }: Identifier, _wildcard: boolean): boolean {
    return type === 'dns' && this.#records.owns(`${DNS_01_LABEL}.${value}`);
  }

  async prepare(proof: KeyProof): Promise<void> {
    await this.#records.add(`${DNS_01_LABEL}.${proof.identifier.value}`, this.#valueOf(proof));
  }

  async withdraw(proof: KeyProof): Promise<void> {
    await this.#records.remove(`${DNS_01_LABEL}.${proof.identifier.value}`, this.#valueOf(proof));
  }

  #valueOf({ keyAuthorization }: KeyProof): string {
    return base64url(this.#crypto.sha256(utf8(keyAuthorization)));
  }
}
