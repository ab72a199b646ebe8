/** What a keeper of a certificate is handed. */
import type { Random } from '../../net/random.js';
import type { Authority } from '../authority/authority.js';
import type { Identifier } from '../der/names.js';
import type { AcmeClient } from '../protocol/client.js';
import type { Storage } from '../state/storage.js';

/** Where a certificate is served. */
export interface CertificateSink {
  /** New handshakes get this chain from now on. Throws, or rejects, when it cannot be used. */
  use(chainPem: string, keyPem: string): void | Promise<void>;
}

export interface KeeperOptions {
  readonly client: AcmeClient;
  /** Of this certificate alone. */
  readonly storage: Storage;
  /** At least one. */
  readonly identifiers: readonly Identifier[];
  readonly authorities: readonly Authority[];
  readonly sink: CertificateSink;
  readonly random: Random;
  /** False: another host orders, and what it got comes into the storage from outside. */
  readonly orders: boolean;
  readonly profile?: string | undefined;
  /** What else was chosen that an order may fail for: behind a failure, another choice is tried without a wait. */
  readonly choice?: string | undefined;
  /** Part of the name of the root that the chain should lead to. */
  readonly issuer?: string | undefined;
  /**
   * Looks whether the CA will find what it asks for; rejects with an `AcmeError` of code `not-ready` that says what it
   * will find. `authorities`: the first that proves a name is the one that is used.
   */
  readonly check?:
    | ((identifiers: readonly Identifier[], authorities: readonly Authority[]) => Promise<void>)
    | undefined;
  /**
   * The fingerprint of the certificate that clients get now, looked at from outside; undefined: it could not be seen.
   */
  readonly served?: (() => Promise<string | undefined>) | undefined;
  /** One message each, for a log: what a person should know, and what went as planned. */
  readonly onNotice?: ((sentence: string) => void) | undefined;
  readonly onEvent?: ((sentence: string) => void) | undefined;
}
