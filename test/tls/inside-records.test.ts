/** What is inside protected records of a peer that has the keys, and breaks the rules (RFC 8446 5.1, 5.2, 5.4). */
import { createCipheriv } from 'node:crypto';
import t from 'tap';
import { AES_128 } from '../../src/tls/common/suites.js';
import { EvpPrimitives } from '../../src/tls/primitives/evp.js';
import { NodePrimitives, writeHeader } from '../../src/tls/primitives/node.js';
import type { Primitives, RecordKey, Target } from '../../src/tls/primitives/primitives.js';
import { CONTENT } from '../../src/tls/wire/numbers.js';
import { documented } from '../documented.js';
import { RawClient } from './raw-client.js';
import { Setup, send } from './setup.js';

const { alert, applicationData, handshake } = CONTENT;
const [EMPTY = 0] = documented('docs/tls.md', 'records in a row that are empty, or alerts `user_canceled`');
const HEADER = 5;
const TAG = 16;

/** Primitives that seal, once, what a test wants in place of what they are given. */
class Sealer {
  readonly primitives: Primitives;
  /** TLSInnerPlaintext (RFC 8446 5.2) of the next record. */
  inner: Uint8Array | undefined = undefined;

  constructor(made: Primitives) {
    const recordKey = made.recordKey.bind(made);
    this.primitives = Object.assign(made, {
      recordKey: (...parameters: Parameters<Primitives['recordKey']>): RecordKey => {
        const [, secret, iv] = parameters.map((one) => (one instanceof Uint8Array ? Uint8Array.from(one) : one));
        const key = recordKey(...parameters);
        const seal = key.seal.bind(key);
        key.seal = (target, at, length, type, number) => {
          const { inner } = this;
          this.inner = undefined;
          if (inner === undefined) return seal(target, at, length, type, number);
          if (inner.length === 0) return sealNothing(target, at, secret as Uint8Array, nonce(iv as Uint8Array, number));
          target.bytes.set(inner, at + HEADER);
          return seal(target, at, inner.length - 1, inner.at(-1)!, number);
        };
        return key;
      },
    });
  }
}

/** RFC 8446 5.3, for numbers of one octet. */
function nonce(iv: Uint8Array, number: number): Uint8Array {
  return iv.map((octet, i) => (i === iv.length - 1 ? octet ^ number : octet));
}

/** A record that holds nothing, not even its type. */
function sealNothing({ bytes }: Target, at: number, key: Uint8Array, iv: Uint8Array): number {
  writeHeader(bytes, at, TAG);
  const cipher = createCipheriv(AES_128.cipher as 'aes-128-gcm', key, iv, { authTagLength: TAG });
  cipher.setAAD(bytes.subarray(at, at + HEADER));
  cipher.final();
  bytes.set(cipher.getAuthTag(), at + HEADER);
  return at + HEADER + TAG;
}

const padded = (length: number, ...inner: number[]): Uint8Array => {
  const bytes = new Uint8Array(length);
  bytes.set(inner);
  return bytes;
};

/** The most that TLSInnerPlaintext may have, its type counted. */
const MOST = 16_384 + 1;
const CASES: [what: string, inner: Uint8Array, expected: string | undefined][] = [
  ['5.4: an empty alert', Uint8Array.of(alert), 'unexpectedMessage'],
  ['5.4: an empty alert with padding', padded(30, alert), 'unexpectedMessage'],
  ['6: an alert of one octet', Uint8Array.of(2, alert), 'decodeError'],
  ['5.4: an empty handshake record', Uint8Array.of(handshake), 'unexpectedMessage'],
  ['5.4: an empty handshake record with padding', padded(30, handshake), 'unexpectedMessage'],
  ['5.4: zeros alone', new Uint8Array(20), 'unexpectedMessage'],
  ['5.4: nothing', new Uint8Array(0), 'unexpectedMessage'],
  ['5.4: padding up to the length that content may have', padded(MOST, 0x78, applicationData), undefined],
  ['5.4: padding beyond it', padded(MOST + 1, 0x78, applicationData), 'recordOverflow'],
];

for (const make of [() => new NodePrimitives(), () => new EvpPrimitives()]) {
  const { name } = make();
  for (const [what, inner, expected] of CASES) {
    t.test(`${name}: RFC 8446 ${what}`, (t) => {
      const sealer = new Sealer(make());
      const client = new RawClient(new Setup({ primitives: sealer.primitives })).talk();
      sealer.inner = inner;
      send(client.flow, 'y');
      client.talk();
      t.equal(client.alert, expected);
      t.equal(client.setup.lastHeard!.received, expected === undefined ? 'x' : '');
      t.same(client.setup.errors, []);
      t.end();
    });
  }
  t.test(`${name}: alerts that mean nothing and empty records: as many in a row as docs/tls.md says`, (t) => {
    const sealer = new Sealer(make());
    const client = new RawClient(new Setup({ primitives: sealer.primitives })).talk();
    const say = (...inner: number[]): void => {
      sealer.inner = Uint8Array.from(inner);
      send(client.flow, 'y');
      client.talk();
    };
    const nothing = (i: number): void => (i % 2 === 0 ? say(1, 90, alert) : say(applicationData));
    for (let i = 0; i < EMPTY; i++) nothing(i);
    say(0x78, applicationData);
    for (let i = 0; i < EMPTY; i++) nothing(i);
    t.equal(client.alert, undefined, 'an octet begins the count anew');
    nothing(0);
    t.equal(client.alert, 'unexpectedMessage');
    t.equal(client.setup.lastHeard!.received, 'x');
    t.end();
  });
}
