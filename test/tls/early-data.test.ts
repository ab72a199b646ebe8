/** Early data that this server does not take (RFC 8446 4.2.10). */
import t from 'tap';
import { GROUP } from '../../src/tls/common/suites.js';
import { NodePrimitives } from '../../src/tls/primitives/node.js';
import { EXTENSION, MESSAGE } from '../../src/tls/wire/numbers.js';
import { RawClient } from './raw-client.js';
import { Setup } from './setup.js';

/** Adds an empty `early_data` to a ClientHello, before the last extension. */
function withEarlyData(hello: Uint8Array): Uint8Array {
  const extension = [0, EXTENSION.earlyData, 0, 0];
  const out = Uint8Array.of(...hello, ...extension);
  const body = out.length - 4;
  out[2] = body >> 8;
  out[3] = body & 255;
  // The length of the extensions: behind version, random, session id, suites and compression.
  let at = 4 + 2 + 32;
  at += 1 + out[at]!;
  at += 2 + ((out[at]! << 8) | out[at + 1]!);
  at += 1 + out[at]!;
  const length = ((out[at]! << 8) | out[at + 1]!) + extension.length;
  out[at] = length >> 8;
  out[at + 1] = length & 255;
  return out;
}

const RECORD = Uint8Array.of(23, 3, 3, 0, 30, ...new Array(30).fill(9));

t.test('early data behind a ClientHello is skipped, and the handshake goes on', (t) => {
  for (const records of [1, 20]) {
    const setup = new Setup();
    const client = new RawClient(setup, (one) => (one[0] === MESSAGE.clientHello ? withEarlyData(one) : one));
    const [below] = client.below;
    below.out = Uint8Array.of(...below.out, ...Array.from({ length: records }, () => [...RECORD]).flat());
    client.talk();
    // The client's own transcript lacks the extension: it refuses what the server says, which shows that the server
    // went on.
    t.equal(client.alert, undefined);
    t.match(client.own, /badRecordMac|decryptError/);
    t.same(setup.errors, []);
  }
  t.end();
});

t.test('early data before a second ClientHello is skipped, too', (t) => {
  const primitives = Object.assign(new NodePrimitives(), { groups: [GROUP.secp256r1] });
  const setup = new Setup({ primitives });
  let hellos = 0;
  const client = new RawClient(setup, (one) => {
    if (one[0] !== MESSAGE.clientHello) return one;
    return hellos++ === 0 ? withEarlyData(one) : one;
  });
  const [below] = client.below;
  below.out = Uint8Array.of(...below.out, ...RECORD, ...RECORD);
  client.talk();
  t.equal(hellos, 2);
  t.equal(client.alert, undefined, 'the second ClientHello was read');
  t.end();
});

t.test('and more of it than a handshake may have ends the connection', (t) => {
  const setup = new Setup();
  const client = new RawClient(setup, (one) => (one[0] === MESSAGE.clientHello ? withEarlyData(one) : one));
  const [below] = client.below;
  below.out = Uint8Array.of(...below.out, ...Array.from({ length: 70 }, () => [...RECORD]).flat());
  client.talk();
  t.equal(setup.server.counters.failed, 1);
  t.end();
});
