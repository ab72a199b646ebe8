/**
 * tls-alpn-01 (RFC 8737): a self-signed certificate for one name, given to clients that speak `acme-tls/1` and nothing
 * else.
 */
import type { Clock } from '../../net/flow.js';
import type { Random } from '../../net/random.js';
import type { AcmeCrypto } from '../crypto.js';
import { challengeCertificate } from '../der/challenge-certificate.js';
import { type Identifier, serverNameFor } from '../der/names.js';
import { utf8 } from '../protocol/jws.js';
import type { Authority, KeyProof } from './authority.js';

/** RFC 8737 6.2. */
export const ACME_TLS = 'acme-tls/1';

/**
 * The TLS server's side of it: in a handshake whose only protocol is `acme-tls/1` it has these certificates, and closes
 * behind it.
 */
export interface ChallengeCertificates {
  /** `serverName`: in small letters, as SNI has it. Rejects with an `AcmeError` when it cannot be had. */
  set(serverName: string, chainPem: string, keyPem: string): void | Promise<void>;
  remove(serverName: string): void | Promise<void>;
}

export interface TlsAlpn01Options {
  readonly certificates: ChallengeCertificates;
  readonly crypto: AcmeCrypto;
  readonly clock: Clock;
  readonly random: Random;
}

export class TlsAlpn01 implements Authority {
  readonly type = 'tls-alpn-01';
  readonly #options: TlsAlpn01Options;

  constructor(options: TlsAlpn01Options) {
    this.#options = options;
  }

  /** RFC 8737 3: no wildcards; addresses as RFC 8738 6 has it. */
  proves(_identifier: Identifier, wildcard: boolean): boolean {
    return !wildcard;
  }

  async prepare({ identifier, keyAuthorization }: KeyProof): Promise<void> {
    const { certificates, crypto, clock, random } = this.#options;
    // A separate key: the certificate reveals nothing about the key of another one.
    const key = crypto.generateKey();
    const digest = crypto.sha256(utf8(keyAuthorization));
    const serial = Uint8Array.from({ length: 16 }, () => random.random32() & 0xff);
    serial[0] = (serial[0]! & 0x7f) | 1;
    const der = challengeCertificate(key, identifier, digest, serial, clock.wallClock());
    await certificates.set(serverNameFor(identifier), pemOf(der), key.pem);
  }

  async withdraw({ identifier }: KeyProof): Promise<void> {
    await this.#options.certificates.remove(serverNameFor(identifier));
  }
}

function pemOf(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
