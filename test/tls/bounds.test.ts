/** What one peer can make a server keep or do is bounded: in octets, records, and number (docs/tls.md). */
import t from 'tap';
import { Memory } from '../../src/memory/memory.js';
import { AES_128, AES_256 } from '../../src/tls/common/suites.js';
import { NodePrimitives } from '../../src/tls/primitives/node.js';
import type { RecordKey } from '../../src/tls/primitives/primitives.js';
import { writeKeyUpdate } from '../../src/tls/wire/server-flight.js';
import { bound } from '../documented.js';
import { withEarlyData } from './early-client.js';
import { joinedFlows, talk } from './joined-flows.js';
import { message, RawClient } from './raw-client.js';
import { Heard, Setup, send } from './setup.js';

t.test('100 MiB that a peer does not read are not sealed: 64 KiB and a record wait', (t) => {
  const setup = new Setup();
  const { server, below, clientHeard, serverHeard } = setup.connect();
  const site = new Memory(new Uint8Array(1024 * 1024).fill(0x61));
  for (let i = 0; i < 100; i++) server!.write(site, 0, site.bytes.length);
  server!.flush();
  t.ok(below[1].queued <= 65_536 + 16_384 + 22, `${below[1].queued} octets sealed`);
  t.ok(server!.queued > 100 * 1024 * 1024);
  server!.lowWater = 50 * 1024 * 1024;
  const before = below[1].sent;
  talk(...below);
  t.equal(clientHeard.bytes, 100 * 1024 * 1024);
  t.ok(below[1].sent - before > 99 * 1024 * 1024);
  t.equal(serverHeard.drains, 1, 'its owner hears once that the queue has fallen to the mark');
  t.equal(server!.queued, 0);
  t.end();
});

t.test('handshakes at once: the oldest gives way', (t) => {
  const setup = new Setup({ limits: { handshakes: 3 } });
  const flows = Array.from({ length: 5 }, () => {
    const [client, server] = joinedFlows();
    setup.server.accept(server);
    return { client, server };
  });
  t.equal(setup.server.pending, 3);
  t.same(
    flows.map(({ server }) => server.closed),
    ['reset-by-us', 'reset-by-us', undefined, undefined, undefined],
  );
  t.equal(setup.server.counters.shed, 2);
  const established = setup.connect();
  t.ok(established.server, 'and who finishes is not among them');
  t.end();
});

t.test('at a shutdown connections that have said nothing end, and handshakes that have begun go on', (t) => {
  const setup = new Setup();
  const [, silent] = joinedFlows();
  setup.server.accept(silent);
  const outcome = setup.begin();
  outcome.below[0].deliver(100_000);
  setup.server.drain();
  t.ok(silent.ended);
  talk(...outcome.below);
  t.ok(outcome.server);
  setup.clock.advance(3000);
  t.equal(silent.closed, 'reset-by-us');
  t.end();
});

t.test('octets and records in a handshake', (t) => {
  const cases: [string, Uint8Array][] = [
    ['a message that is announced longer than 16 KiB', Uint8Array.of(22, 3, 1, 0, 4, 1, 0, 0x41, 0)],
    ['a record longer than 16 KiB', Uint8Array.of(22, 3, 1, 0x40, 1)],
    ['65 records of one octet', Uint8Array.from({ length: 65 * 6 }, (_, i) => [22, 3, 1, 0, 1, 0][i % 6]!)],
    ['65 records of change_cipher_spec', Uint8Array.from({ length: 66 * 6 }, (_, i) => [20, 3, 3, 0, 1, 1][i % 6]!)],
  ];
  for (const [what, bytes] of cases) {
    const setup = new Setup();
    const client = new RawClient(
      setup,
      what.includes('change') ? (one) => (one[0] === 20 ? undefined : one) : () => undefined,
    );
    client.talk();
    client.below[0].out = bytes;
    client.talk();
    t.equal(setup.server.counters.failed, 1, what);
    t.match(client.alert, /decodeError|recordOverflow|unexpectedMessage/, what);
  }
  t.end();
});

t.test('what is kept of an unfinished record is what has come, and twice that at most', (t) => {
  const setup = new Setup();
  const { server, below } = setup.connect();
  const [client] = below;
  client.out = Uint8Array.of(23, 3, 3, 0x40, 0xff, 1, 2, 3);
  talk(...below);
  const kept = Object.values(server as object).filter((one) => one instanceof Uint8Array);
  t.ok(kept.every((one) => (one as Uint8Array).length <= 64));
  t.end();
});

t.test('empty records: 32 one behind the other, and no more', (t) => {
  let empty = true;
  class Emptying extends NodePrimitives {
    override recordKey(...parameters: Parameters<NodePrimitives['recordKey']>): RecordKey {
      const key = super.recordKey(...parameters);
      const seal = key.seal.bind(key);
      key.seal = (target, at, length, type, number) =>
        seal(target, at, empty && type === 23 ? 0 : length, type, number);
      return key;
    }
  }
  const client = new RawClient(new Setup({ primitives: new Emptying() })).talk();
  for (let i = 0; i < 32; i++) send(client.flow, 'x');
  client.talk();
  t.equal(client.alert, undefined);
  empty = false;
  send(client.flow, 'x');
  empty = true;
  for (let i = 0; i < 32; i++) send(client.flow, 'x');
  client.talk();
  t.equal(client.alert, undefined, 'an octet begins the count anew');
  send(client.flow, 'x');
  client.talk();
  t.equal(client.alert, 'unexpectedMessage');
  t.end();
});

t.test('KeyUpdate: 32 in a second, and one answer for several requests', (t) => {
  const setup = new Setup();
  const client = new RawClient(setup).talk();
  for (let i = 0; i < 32; i++) client.flow.updateKey(true);
  const before = client.below[1].sent;
  client.talk();
  t.equal(client.alert, undefined);
  t.ok(client.below[1].sent - before < 32 * 27, 'fewer answers than requests');
  client.flow.updateKey(false);
  client.talk();
  t.equal(client.alert, 'unexpectedMessage');
  const patient = new RawClient(new Setup()).talk();
  for (let i = 0; i < 100; i++) {
    patient.flow.updateKey(i % 2 === 0);
    patient.talk();
    patient.setup.clock.advance(100);
  }
  t.equal(patient.alert, undefined);
  send(patient.flow, 'still understood');
  patient.talk();
  t.equal(patient.setup.lastHeard!.received, 'still understood');
  t.end();
});

t.test('RFC 8446 4.6.3: a KeyUpdate that asks for something unknown, or shares its record', (t) => {
  t.equal(new RawClient(new Setup()).talk().say(message(24, Uint8Array.of(2))).alert, 'illegalParameter');
  const both = Uint8Array.of(...writeKeyUpdate(false), ...writeKeyUpdate(false));
  t.equal(new RawClient(new Setup()).talk().say(both).alert, 'unexpectedMessage');
  t.end();
});

t.test('keys are overwritten when a connection is over, and when they change', (t) => {
  const alive = new Set<RecordKey>();
  class Counting extends NodePrimitives {
    override recordKey(...parameters: Parameters<NodePrimitives['recordKey']>): RecordKey {
      const key = super.recordKey(...parameters);
      const destroy = key.destroy.bind(key);
      key.destroy = () => {
        alive.delete(key);
        destroy();
      };
      alive.add(key);
      return key;
    }
  }
  const setup = new Setup({ primitives: new Counting() });
  const { client, below } = setup.connect();
  t.equal(alive.size, 4, 'two a side');
  client!.end();
  below[1].reset();
  t.equal(alive.size, 0);
  const refused = setup.connect({ protocols: ['foo'] });
  refused.below[0].reset();
  t.equal(alive.size, 0);
  t.end();
});

t.test('plain HTTP on the port gets a 400 that says so; other bytes an alert', (t) => {
  const setup = new Setup();
  const [client, server] = joinedFlows();
  setup.server.accept(server);
  let got = '';
  client.handler = {
    data: (_flow, bytes, start, end) => {
      got += Buffer.from(bytes.subarray(start, end)).toString('latin1');
    },
    ended() {},
    drained() {},
    closed() {},
  };
  client.out = Buffer.from('GET / HTTP/1.1\r\nHost: example.org\r\n\r\n');
  talk(client, server);
  t.match(got, /^HTTP\/1\.1 400 Bad Request\r\n/);
  const length = Number(/Content-Length: (\d+)/.exec(got)?.[1]);
  t.equal(got.split('\r\n\r\n')[1]?.length, length);
  t.ok(server.ended);
  setup.clock.advance(3000);
  t.equal(server.closed, 'reset-by-us', 'who does not go is sent away');
  t.end();
});

t.test('by default as many handshakes are under way at once as docs/tls.md says', (t) => {
  const most = bound('docs/tls.md', 'handshakes at once');
  const setup = new Setup();
  for (let i = 0; i < most + 3; i++) setup.server.accept(joinedFlows()[1]);
  t.equal(setup.server.pending, most);
  t.equal(setup.server.counters.shed, 3);
  t.end();
});

t.test('a handshake has as many bytes as docs/tls.md says, in however few records', (t) => {
  const most = bound('docs/tls.md', "a handshake's bytes; records; one message");
  const record = Buffer.concat([Uint8Array.of(23, 3, 3, 0x40, 0), new Uint8Array(0x4000)]);
  for (const [records, failed] of [
    [Math.floor(most / record.length) - 1, 0],
    [Math.ceil(most / record.length) + 1, 1],
  ] as const) {
    const setup = new Setup();
    // Early data that is skipped: the one thing that a client may send so much of.
    const client = new RawClient(setup, (one) => (one[0] === 1 ? withEarlyData(one, 0) : one));
    const [below] = client.below;
    below.out = Buffer.concat([below.out, ...Array.from({ length: records }, () => record)]);
    client.talk();
    t.equal(setup.server.counters.failed, failed, `${records} records of 16 KiB`);
  }
  t.end();
});

t.test('what a client sends with its Finished, in one piece, is no part of the handshake', (t) => {
  const length = 2 * bound('docs/tls.md', "a handshake's bytes; records; one message");
  const setup = new Setup();
  const { server, serverHeard } = setup.connect({
    established: (flow) => {
      flow.handler = new Heard();
      flow.write(new Memory(new Uint8Array(length)), 0, length);
      flow.flush();
    },
  });
  t.ok(server);
  t.equal(serverHeard.bytes, length);
  t.equal(setup.server.counters.failed, 0);
  t.end();
});

t.test('a key of AES seals as many records as docs/tls.md says (RFC 8446 5.5)', (t) => {
  const most = bound('docs/tls.md', 'records under one AES key');
  t.equal(AES_128.records, most);
  t.equal(AES_256.records, most);
  t.end();
});
