/** Every state of a server times every message: what is not due is refused, with the alert that RFC 8446 asks for. */
import t from 'tap';
import type { AlertName } from '../../src/tls/common/alert.js';
import { GROUP } from '../../src/tls/common/suites.js';
import { NodePrimitives } from '../../src/tls/primitives/node.js';
import { MESSAGE } from '../../src/tls/wire/numbers.js';
import { message, RawClient } from './raw-client.js';
import { Setup } from './setup.js';

const P256_ONLY = (): NodePrimitives => Object.assign(new NodePrimitives(), { groups: [GROUP.secp256r1] });

/** Bytes on the wire, or a handshake message that is protected as the state has it. */
type Said = { readonly record: Uint8Array } | { readonly message: Uint8Array };

/** Brings a server to a state, and has its client say something there. */
const STATES: Readonly<Record<string, (said: Said) => RawClient>> = {
  'waits for a ClientHello': (said) => hear(new RawClient(new Setup(), () => undefined).talk(), said),
  'waits for a second ClientHello': (said) => {
    let first = true;
    const client = new RawClient(new Setup({ primitives: P256_ONLY() }), (one) => {
      const now = first;
      first = false;
      return now ? one : undefined;
    });
    return hear(client.talk(), said);
  },
  'waits for Finished': (said) => {
    // In place of its Finished: after that it has another key.
    const replace = (): Uint8Array | undefined => ('message' in said ? said.message : undefined);
    const client = new RawClient(new Setup(), (one) => (one[0] === MESSAGE.finished ? replace() : one)).talk();
    return 'record' in said ? hear(client, said) : client;
  },
  'is established': (said) => hear(new RawClient(new Setup()).talk(), said),
};

function hear(client: RawClient, said: Said): RawClient {
  if ('message' in said) return client.say(said.message);
  client.below[0].out = said.record;
  return client.talk();
}

/** Messages that are due are made by the tests of handshakes; these bodies are wrong where one is due. */
function refusal(state: string, type: number): AlertName {
  const hello = state.includes('ClientHello');
  if (type === MESSAGE.clientHello && hello) return 'decodeError';
  if (type === MESSAGE.finished && state === 'waits for Finished') return 'decodeError';
  if (type === MESSAGE.keyUpdate && state === 'is established') return 'decodeError';
  return 'unexpectedMessage';
}

for (const [state, bring] of Object.entries(STATES)) {
  t.test(`a server that ${state}`, (t) => {
    for (let type = 0; type < 256; type = type < 30 ? type + 1 : type + 75) {
      const client = bring({ message: message(type, new Uint8Array(2)) });
      t.equal(client.alert, refusal(state, type), `message ${type}`);
      t.equal(client.setup.server.counters.failed, 1);
      t.same(client.setup.errors, []);
      t.equal(client.heard.bytes, 0);
    }
    t.end();
  });
}

t.test('RFC 8446 6.2: a Finished of another length than the hash has', (t) => {
  const bring = STATES['waits for Finished']!;
  for (const length of [0, 1, 31, 33, 48, 1000])
    t.equal(bring({ message: message(MESSAGE.finished, new Uint8Array(length)) }).alert, 'decodeError', `${length}`);
  t.equal(bring({ message: message(MESSAGE.finished, new Uint8Array(32)) }).alert, 'decryptError');
  t.end();
});

t.test('RFC 8446 5: records of other types in every state', (t) => {
  const record = (type: number, ...content: number[]): Uint8Array =>
    Uint8Array.of(type, 3, 3, content.length >> 8, content.length & 255, ...content);
  const cases: [string, Uint8Array, Readonly<Record<string, AlertName | undefined>>][] = [
    [
      'change_cipher_spec',
      record(20, 1),
      // 5: allowed between the first ClientHello and Finished.
      {
        'waits for a ClientHello': 'unexpectedMessage',
        'waits for a second ClientHello': undefined,
        'waits for Finished': undefined,
        'is established': 'unexpectedMessage',
      },
    ],
    ['change_cipher_spec of another value', record(20, 2), {}],
    ['change_cipher_spec of two octets', record(20, 1, 1), {}],
    ['an unknown type', record(24, 1), {}],
    ['an empty handshake record', record(22), {}],
    [
      'application data',
      record(23, ...new Array(40).fill(7)),
      { 'waits for Finished': 'badRecordMac', 'is established': 'badRecordMac' },
    ],
  ];
  for (const [what, bytes, outcomes] of cases) {
    for (const [state, bring] of Object.entries(STATES)) {
      const client = bring({ record: bytes });
      const expected = state in outcomes ? outcomes[state] : 'unexpectedMessage';
      t.equal(client.alert, expected, `${what}, a server that ${state}`);
      t.same(client.setup.errors, []);
    }
  }
  t.end();
});
