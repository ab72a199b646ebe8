/** One direction of a connection: its key, and the secret that the next key comes from. */
import type { CipherSuite } from './common/suites.js';
import { nextSecret, trafficKey } from './handshake/key-schedule.js';
import type { MovedDirection } from './moving/moved-flow.js';
import type { Primitives, RecordKey } from './primitives/primitives.js';

export class Direction {
  readonly suite: CipherSuite;
  readonly #primitives: Primitives;
  #secret: Uint8Array;
  key: RecordKey;
  /** Of the next record (RFC 8446 5.3). */
  number: number;

  /** The secret belongs to the direction from now on. */
  constructor(primitives: Primitives, suite: CipherSuite, secret: Uint8Array, number = 0) {
    this.#primitives = primitives;
    this.suite = suite;
    this.#secret = secret;
    this.key = trafficKey(primitives, suite, secret);
    this.number = number;
  }

  /** The next key (RFC 8446 7.2); the one before is overwritten. */
  update(): void {
    this.#secret = nextSecret(this.#primitives, this.suite, this.#secret);
    this.key.destroy();
    this.key = trafficKey(this.#primitives, this.suite, this.#secret);
    this.number = 0;
  }

  /** What another program goes on with; the secret is a copy. */
  get moved(): MovedDirection {
    // Not `slice`: that of a Buffer copies nothing.
    return { secret: new Uint8Array(this.#secret), number: this.number };
  }

  destroy(): void {
    this.key.destroy();
    this.#secret.fill(0);
  }
}
