/** One direction of a connection: its key, and the secret that the next key comes from. */
import type { CipherSuite } from './common/suites.js';
import { nextSecret, trafficKey } from './handshake/key-schedule.js';
import type { MovedDirection } from './moving/moved-flow.js';
import type { RecordKey } from './primitives/primitives.js';
import type { Endpoint } from './record/endpoint.js';

export class Direction {
  readonly suite: CipherSuite;
  readonly #endpoint: Endpoint;
  /** Where the endpoint has the secret; -1: it is overwritten. */
  #secret: number;
  key: RecordKey;
  /** Of the next record (RFC 8446 5.3). */
  number: number;

  /** The secret is copied and overwritten. */
  constructor(endpoint: Endpoint, suite: CipherSuite, secret: Uint8Array, number = 0) {
    this.#endpoint = endpoint;
    this.suite = suite;
    this.key = trafficKey(endpoint.primitives, suite, secret);
    this.#secret = endpoint.secrets.keep(secret);
    this.number = number;
  }

  get #view(): Uint8Array {
    return this.#endpoint.secrets.view(this.#secret, this.suite.hashLength);
  }

  /** The next key (RFC 8446 7.2); the one before is overwritten. */
  update(): void {
    const { primitives, secrets } = this.#endpoint;
    const next = nextSecret(primitives, this.suite, this.#view);
    this.key.destroy();
    this.key = trafficKey(primitives, this.suite, next);
    secrets.forget(this.#secret);
    this.#secret = secrets.keep(next);
    this.number = 0;
  }

  /** What another program goes on with; the secret is a copy. */
  get moved(): MovedDirection {
    // Not `slice`: that of a Buffer copies nothing.
    return { secret: new Uint8Array(this.#view), number: this.number };
  }

  destroy(): void {
    this.key.destroy();
    if (this.#secret >= 0) this.#endpoint.secrets.forget(this.#secret);
    this.#secret = -1;
  }
}
