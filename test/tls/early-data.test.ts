/** Early data that this server does not take, and what it takes where it was asked for (RFC 8446 2.3, 4.2.10, 8). */
import t from 'tap';
import { CHACHA20, GROUP } from '../../src/tls/common/suites.js';
import type { ClientSession } from '../../src/tls/handshake/client-handshake.js';
import { EarlyData, MOST_EARLY_DATA } from '../../src/tls/handshake/early-data.js';
import { NodePrimitives } from '../../src/tls/primitives/node.js';
import { MESSAGE } from '../../src/tls/wire/numbers.js';
import { VirtualClock } from '../http/virtual-clock.js';
import { EarlyClient, withEarlyData } from './early-client.js';
import { message, RawClient } from './raw-client.js';
import { Setup, seeded, send } from './setup.js';

t.setTimeout(Number(process.env['TLS_RUNS'] ?? 0) * 100 + 60_000);

const RECORD = Uint8Array.of(23, 3, 3, 0, 30, ...new Array(30).fill(9));

t.test('early data behind a ClientHello is skipped, and the handshake goes on', (t) => {
  for (const records of [1, 20]) {
    const setup = new Setup();
    const client = new RawClient(setup, (one) => (one[0] === MESSAGE.clientHello ? withEarlyData(one, 0) : one));
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
    return hellos++ === 0 ? withEarlyData(one, 0) : one;
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
  const client = new RawClient(setup, (one) => (one[0] === MESSAGE.clientHello ? withEarlyData(one, 0) : one));
  const [below] = client.below;
  below.out = Uint8Array.of(...below.out, ...Array.from({ length: 70 }, () => [...RECORD]).flat());
  client.talk();
  t.equal(setup.server.counters.failed, 1);
  t.end();
});

/** A server that takes early data, and answers what it gets. */
class Taking extends Setup {
  early = 0;
  readonly said: string[] = [];

  constructor(...more: ConstructorParameters<typeof Setup>) {
    const clock = new VirtualClock();
    super({
      earlyData: new EarlyData(seeded(3), clock),
      clock,
      accept: (flow) => {
        flow.handler = {
          data: (_flow, bytes, start, end) => {
            const text = Buffer.from(bytes.subarray(start, end)).toString('latin1');
            this.said.push(`${text} ${flow.early === true ? 'early' : 'late'}`);
            send(flow, `answer to ${text}`);
          },
          ended: (one) => one.end(),
          drained() {},
          closed: (_flow, reason) => this.said.push(reason),
        };
        this.lastServer = flow;
      },
      ...more[0],
    });
  }

  /** A ticket out of a full handshake. */
  ticket(protocol = 'http/1.1'): ClientSession {
    const client = new RawClient(this, undefined, { protocols: [protocol] }).talk();
    return client.sessions[0]!;
  }
}

t.test('RFC 8446 2.3: early data is read, and answered before the handshake is over', (t) => {
  for (const size of [undefined, 1, 7]) {
    const setup = new Taking();
    const session = setup.ticket();
    const before = setup.server.counters.handshakes;
    const client = new EarlyClient(setup, session, { early: ['one', 'two'] });
    const [below, server] = client.below;
    while (below.deliver(size ?? 65_536));
    t.same(setup.said, ['one early', 'two early']);
    t.equal(setup.server.counters.handshakes, before, 'the handshake is not over');
    t.equal(setup.server.pending, 1);
    t.equal(setup.server.freeze(server, {} as never), undefined, 'and the connection stays in this program');
    client.talk(size);
    t.equal(client.taken, true);
    t.match(client.heard.received, /answer to one.*answer to two/);
    send(client.flow, 'three');
    client.talk(size);
    t.equal(setup.said.at(-1), 'three late');
    t.match(client.heard.received, /answer to three/);
    const { handshakes, early } = setup.server.counters;
    t.same([handshakes, early, setup.server.pending], [before + 1, 1, 0]);
    t.same(setup.errors, []);
  }
  t.end();
});

t.test('RFC 8446 8.1, 8.2: a ClientHello that comes again has no early data that is taken', (t) => {
  const setup = new Taking();
  const client = new EarlyClient(setup, setup.ticket(), { early: ['one'] });
  const again = new EarlyClient(setup, setup.ticket(), { early: [] });
  const [below] = again.below;
  below.out = Uint8Array.from(client.flight);
  client.talk();
  t.same(setup.said, ['one early']);
  while (below.deliver(65_536));
  t.same(setup.said, ['one early'], 'nothing of the replay was read');
  t.equal(setup.server.counters.early, 1);
  const used = new EarlyClient(setup, client.session, { early: ['another'] }).talk();
  t.same([used.resumed, used.taken], [true, false], 'nor has another ClientHello with this ticket');
  t.equal(setup.said.includes('another early'), false);
  send(used.flow, 'another');
  used.talk();
  t.equal(setup.said.at(-1), 'another late');
  t.end();
});

t.test('RFC 8446 8.2: what another process has issued is good for a handshake without early data', (t) => {
  const setup = new Taking();
  const session = setup.ticket();
  const { tickets } = setup;
  const successor = new Taking({ tickets, earlyData: new EarlyData(seeded(4), setup.clock) });
  const client = new EarlyClient(successor, session, { early: ['one'] }).talk();
  t.same([client.resumed, client.taken, successor.said], [true, false, []]);
  t.end();
});

t.test('RFC 8446 8.3: an age that is not that of the ticket', (t) => {
  for (const [older, taken] of [
    [9_000, true],
    [-9_000, true],
    [11_000, false],
    [-11_000, false],
  ] as const) {
    const setup = new Taking();
    const session = setup.ticket();
    setup.clock.advance(60_000);
    const client = new EarlyClient(setup, session, { early: ['one'], older }).talk();
    t.same([client.resumed, client.taken, setup.said.length], [true, taken, taken ? 1 : 0], `${older} ms`);
  }
  t.end();
});

t.test('RFC 8446 4.2.10: another suite, another protocol, or another group: not taken', (t) => {
  const tried = (options: object, protocol?: string) => {
    const setup = new Taking();
    const client = new EarlyClient(setup, setup.ticket(protocol), { early: ['one'], ...options }).talk();
    t.same([setup.said, setup.errors, client.alert], [[], [], undefined]);
    return [client.resumed, client.taken];
  };
  t.same(tried({ suites: [CHACHA20] }), [true, false]);
  t.same(tried({}, 'h2'), [true, false]);
  const primitives = Object.assign(new NodePrimitives(), { groups: [GROUP.secp256r1] });
  const setup = new Taking({ primitives });
  const client = new EarlyClient(setup, setup.ticket(), { early: ['one'] }).talk();
  t.same([client.taken, client.alert, setup.said, setup.server.counters.early], [undefined, undefined, [], 0]);
  t.end();
});

t.test('RFC 8446 4.2.10: a ticket says how much, and more ends the connection', (t) => {
  const setup = new Taking();
  const most = 'x'.repeat(MOST_EARLY_DATA / 2);
  const all = new EarlyClient(setup, setup.ticket(), { early: [most, most] }).talk();
  t.equal(all.taken, true);
  t.equal(
    setup.said.reduce((sum, one) => sum + (one.match(/x/g)?.length ?? 0), 0),
    MOST_EARLY_DATA,
  );
  const more = new EarlyClient(setup, setup.ticket(), { early: [most, most, 'y'] }).talk();
  t.equal(more.alert, 'unexpectedMessage');
  t.equal(setup.said.at(-1), 'failed');
  t.end();
});

t.test('RFC 8446 4.2.10: what is not taken is skipped up to the first record that can be decrypted', (t) => {
  const setup = new Taking();
  // The beginning of Finished shows the server where early data has ended.
  const change = (one: Uint8Array): Uint8Array => (one[0] === MESSAGE.finished ? one.subarray(0, 10) : one);
  const client = new EarlyClient(setup, setup.ticket(), { early: ['one', 'two'], older: 60_000, change }).talk();
  t.equal(client.taken, false);
  t.equal(client.alert, undefined);
  client.below[0].out = RECORD;
  client.talk();
  t.equal(client.alert, 'badRecordMac');
  t.end();
});

t.test('RFC 8446 4.5: the end of early data', (t) => {
  const alert = (change: (one: Uint8Array) => Uint8Array | undefined) => {
    const setup = new Taking();
    return new EarlyClient(setup, setup.ticket(), { early: ['one'], change }).talk().alert;
  };
  t.equal(
    alert((one) => (one[0] === MESSAGE.endOfEarlyData ? undefined : one)),
    'badRecordMac',
    'none',
  );
  t.equal(
    alert((one) => (one[0] === MESSAGE.endOfEarlyData ? message(one[0], Uint8Array.of(1)) : one)),
    'decodeError',
    'with content',
  );
  t.equal(
    alert((one) => (one[0] === MESSAGE.endOfEarlyData ? message(MESSAGE.finished, one) : one)),
    'unexpectedMessage',
    'Finished under the key of early data',
  );
  t.equal(
    alert((one) => (one[0] === MESSAGE.finished ? message(MESSAGE.finished, new Uint8Array(32)) : one)),
    'decryptError',
  );
  t.end();
});

t.test('a client that does not end its handshake has the time of one, and its owner is told', (t) => {
  const setup = new Taking();
  const { below } = new EarlyClient(setup, setup.ticket(), { early: ['one'] });
  while (below[0].deliver(65_536));
  t.same(setup.said, ['one early']);
  setup.clock.advance(10_001);
  t.same(setup.said, ['one early', 'reset-by-us']);
  t.equal(setup.server.counters.expired, 1);
  t.end();
});

t.test('without the option no ticket allows early data, and what comes is skipped', (t) => {
  const setup = new Taking();
  const { tickets } = setup;
  const plain = new Taking({ tickets, earlyData: undefined });
  const client = new EarlyClient(plain, setup.ticket(), { early: ['one'] }).talk();
  t.same([client.resumed, client.taken, plain.said], [true, false, []]);
  const other = new EarlyClient(setup, plain.ticket(), { early: ['one'] }).talk();
  t.same([other.resumed, other.taken, setup.said], [true, false, []], 'a ticket of that server');
  t.end();
});

t.test('tickets that are remembered are bounded: one more has no early data that is taken', (t) => {
  const clock = new VirtualClock();
  const early = new EarlyData(seeded(5), clock);
  const ticket = early.allow('h2');
  const name = (i: number): Uint8Array => Uint8Array.of(i >> 8, i & 255);
  const all = Array.from({ length: 8192 }, (_, i) => early.take(ticket, name(i), 0, 'h2'));
  t.equal(
    all.every((taken) => taken),
    true,
  );
  t.equal(early.take(ticket, name(8192), 0, 'h2'), false);
  clock.advance(20_000);
  t.equal(early.take(ticket, name(8192), 20_000, 'h2'), true);
  t.equal(early.take(ticket, name(0), 11_000, 'h2'), false, 'those of the span before are remembered, too');
  t.end();
});

const RUNS = Number(process.env['TLS_RUNS'] ?? 200);
const SEED = Number(process.env['TLS_SEED'] ?? Date.now() % 1_000_000);

t.test(`first flights, changed on their way (TLS_SEED=${SEED}, TLS_RUNS=${RUNS})`, (t) => {
  const counts = { whole: 0, early: 0, refused: 0 };
  for (let run = 0; run < RUNS; run++) {
    const random = seeded(SEED + run);
    const setup = new Taking();
    const client = new EarlyClient(setup, setup.ticket(), { early: ['one', 'two', 'three'] });
    const [below] = client.below;
    const bytes = Uint8Array.from(below.out);
    const at = random.next() % bytes.length;
    bytes[at]! ^= 1 + (random.next() % 255);
    below.out = random.next() % 4 === 0 ? bytes.subarray(0, at) : bytes;
    while (below.deliver(1 + (random.next() % 1000)));
    const heard = setup.said.filter((one) => one.endsWith(' early'));
    const right = ['one early', 'two early', 'three early'].slice(0, heard.length);
    if (setup.errors.length > 0 || heard.join() !== right.join())
      t.fail(`TLS_SEED=${SEED + run}: ${heard.join()} ${String(setup.errors[0])}`);
    if (heard.length === 3) counts.whole++;
    else if (heard.length > 0) counts.early++;
    else counts.refused++;
  }
  t.pass(JSON.stringify(counts));
  t.end();
});
