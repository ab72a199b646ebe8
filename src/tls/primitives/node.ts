/** Primitives through `node:crypto`: everywhere that Node runs. */
import { createCipheriv, createDecipheriv, createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { MemoryRange } from '../../memory/pieces.js';
import { type CipherSuite, type HashName, NONCE_LENGTH, TAG_LENGTH } from '../common/suites.js';
import { CONTENT, RECORD_HEADER } from '../wire/numbers.js';
import { agreementGroups, keyShare, respond } from './agreement.js';
import type { Primitives, RandomBytes, RecordKey, Target } from './primitives.js';

const OPTIONS = { authTagLength: TAG_LENGTH };

export class NodePrimitives implements Primitives {
  readonly name: string = 'node:crypto';
  readonly groups: readonly number[] = agreementGroups();

  hash(name: HashName, data: Uint8Array, end: number): Uint8Array {
    return createHash(name).update(data.subarray(0, end)).digest();
  }

  hmac(name: HashName, key: Uint8Array, data: Uint8Array): Uint8Array {
    return createHmac(name, key).update(data).digest();
  }

  equal(a: Uint8Array, b: Uint8Array): boolean {
    return a.length === b.length && timingSafeEqual(a, b);
  }

  keyShare(group: number, random: RandomBytes) {
    return keyShare(group, random);
  }

  respond(group: number, client: Uint8Array, random: RandomBytes) {
    return respond(group, client, random);
  }

  recordKey(suite: CipherSuite, key: Uint8Array, iv: Uint8Array): RecordKey {
    return new NodeRecordKey(suite, key, iv);
  }

  target(size: number): Target {
    return { bytes: new Uint8Array(size), address: 0 };
  }
}

class NodeRecordKey implements RecordKey {
  readonly #suite: CipherSuite;
  readonly #key: Uint8Array;
  readonly #iv: Uint8Array;

  constructor(suite: CipherSuite, key: Uint8Array, iv: Uint8Array) {
    this.#suite = suite;
    this.#key = Uint8Array.from(key);
    this.#iv = Uint8Array.from(iv);
  }

  seal({ bytes }: Target, at: number, length: number, type: number, number: number): number {
    const start = at + RECORD_HEADER;
    const end = start + length + 1;
    bytes[end - 1] = type;
    writeHeader(bytes, at, length + 1 + TAG_LENGTH);
    // The overloads of `createCipheriv` are for literals.
    const cipher = createCipheriv(this.#suite.cipher as 'aes-128-gcm', this.#key, this.#nonce(number), OPTIONS);
    cipher.setAAD(bytes.subarray(at, start));
    bytes.set(cipher.update(bytes.subarray(start, end)), start);
    cipher.final();
    bytes.set(cipher.getAuthTag(), end);
    return end + TAG_LENGTH;
  }

  sealFrom({ memory, start, end }: MemoryRange, target: Target, at: number, number: number): number {
    target.bytes.set(memory.bytes.subarray(start, end), at + RECORD_HEADER);
    return this.seal(target, at, end - start, CONTENT.applicationData, number);
  }

  open({ bytes }: Target, at: number, end: number, number: number): boolean {
    const start = at + RECORD_HEADER;
    const tag = end - TAG_LENGTH;
    const cipher = createDecipheriv(this.#suite.cipher as 'aes-128-gcm', this.#key, this.#nonce(number), OPTIONS);
    cipher.setAAD(bytes.subarray(at, start));
    cipher.setAuthTag(bytes.subarray(tag, end));
    bytes.set(cipher.update(bytes.subarray(start, tag)), start);
    try {
      cipher.final();
      return true;
    } catch {
      // The only error of `final` for an AEAD: the tag is not that of the record.
      return false;
    }
  }

  /** RFC 8446 5.3. */
  #nonce(number: number): Uint8Array {
    const nonce = Uint8Array.from(this.#iv);
    for (let i = NONCE_LENGTH - 1, left = number; left > 0; i--) {
      nonce[i]! ^= left % 256;
      left = Math.floor(left / 256);
    }
    return nonce;
  }

  destroy(): void {
    this.#key.fill(0);
    this.#iv.fill(0);
  }
}

/** The header of an encrypted record (RFC 8446 5.2): `application_data`, version 0x0303, `length` bytes behind it. */
export function writeHeader(bytes: Uint8Array, at: number, length: number): void {
  bytes[at] = CONTENT.applicationData;
  bytes[at + 1] = 3;
  bytes[at + 2] = 3;
  bytes[at + 3] = length >> 8;
  bytes[at + 4] = length & 255;
}
