/** The transcript of a handshake (RFC 8446 4.4.1): its messages one behind the other, as they were sent. */

import type { CipherSuite } from '../common/suites.js';
import type { Primitives } from '../primitives/primitives.js';

const MESSAGE_HASH = 254;
/** Bytes for which there is room at first: a handshake with one certificate takes 1 to 2 KiB. */
const ROOM = 2048;
/** Arrays of transcripts that are over, for those to come: handshakes that are under way at once are few. */
const spare: Uint8Array[] = [];
const MOST_SPARE = 64;
const NOTHING = new Uint8Array(0);

export class Transcript {
  readonly #primitives: Primitives;
  #bytes: Uint8Array;
  #length = 0;

  constructor(primitives: Primitives) {
    this.#primitives = primitives;
    this.#bytes = spare.pop() ?? new Uint8Array(ROOM);
  }

  /** It has served. None of it is secret. */
  release(): void {
    if (this.#bytes.length === ROOM && spare.length < MOST_SPARE) spare.push(this.#bytes);
    this.#bytes = NOTHING;
    this.#length = 0;
  }

  get length(): number {
    return this.#length;
  }

  add(message: Uint8Array): void {
    if (this.#length + message.length > this.#bytes.length) {
      const larger = new Uint8Array(2 * (this.#length + message.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(message, this.#length);
    this.#length += message.length;
  }

  /** Writes over the end: the binders of a ClientHello, which are made of what is before them. */
  replaceEnd(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#length - bytes.length);
  }

  /** The messages from the byte `start` on, as a copy. */
  from(start: number): Uint8Array {
    return this.#bytes.slice(start, this.#length);
  }

  /** The hash of the messages, `without` bytes at the end left out. */
  hash({ hash }: CipherSuite, without = 0): Uint8Array {
    return this.#primitives.hash(hash, this.#bytes, this.#length - without);
  }

  /** After a HelloRetryRequest the first ClientHello is represented by its hash. */
  retry(suite: CipherSuite): void {
    const hash = this.hash(suite);
    this.#bytes.set([MESSAGE_HASH, 0, 0, hash.length]);
    this.#bytes.set(hash, 4);
    this.#length = 4 + hash.length;
  }
}
