/** One direction of a connection: its key, and the secret that the next key comes from. */
import type { CipherSuite } from './common/suites.js';
import { nextSecret, trafficKey } from './handshake/key-schedule.js';
import type { Primitives, RecordKey } from './primitives/primitives.js';

export class Direction {
  readonly suite: CipherSuite;
  readonly #primitives: Primitives;
  #secret: Uint8Array;
  key: RecordKey;
  /** Of the next record (RFC 8446 5.3). */
  number = 0;

  /** The secret belongs to the direction from now on. */
  constructor(primitives: Primitives, suite: CipherSuite, secret: Uint8Array) {
    this.#primitives = primitives;
    this.suite = suite;
    this.#secret = secret;
    this.key = trafficKey(primitives, suite, secret);
  }

  /** The next key (RFC 8446 7.2); the one before is overwritten. */
  update(): void {
    this.#secret = nextSecret(this.#primitives, this.suite, this.#secret);
    this.key.destroy();
    this.key = trafficKey(this.#primitives, this.suite, this.#secret);
    this.number = 0;
  }

  destroy(): void {
    this.key.destroy();
    this.#secret.fill(0);
  }
}
