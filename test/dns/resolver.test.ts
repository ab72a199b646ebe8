/**
 * The stub resolver in virtual time, with servers that are good, slow, wrong and hostile (RFC 5452, RFC 2308, RFC
 * 7766).
 */
import t, { type Test } from 'tap';
import { LookupError, Resolver } from '../../src/dns/resolver/resolver.js';
import { TYPE } from '../../src/dns/wire/constants.js';
import { parseName } from '../../src/dns/wire/name.js';
import type { Flow } from '../../src/net/flow.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import { formatIp } from '../../src/net/ip-text.js';
import { documented } from '../documented.js';
import { MemoryFlow } from '../http/memory-flow.js';
import { VirtualClock } from '../http/virtual-clock.js';
import { u16 } from './message.js';
import { framed, MemoryDatagrams, type Sent } from './setup.js';

const [CHAIN = 0, MESSAGES = 0, STRANGERS = 0] = documented(
  'docs/dns.md',
  "For questions of our own: aliases within a message, messages for them, strangers' answers before TCP is used",
);

type Record = readonly [owner: string, type: number, ttl: number, data: readonly number[]];

/** A message that answers a query. */
function answer(
  query: Uint8Array,
  records: readonly Record[],
  options: { flags?: number; authority?: readonly Record[]; tail?: number[] } = {},
): Uint8Array {
  const { flags = 0x8180, authority = [], tail = [] } = options;
  const bytes = (record: Record): number[] => {
    const [owner, type, ttl, data] = record;
    return [
      ...parseName(owner, undefined),
      ...u16(type),
      0,
      1,
      ...u16(ttl >>> 16),
      ...u16(ttl & 0xffff),
      ...u16(data.length),
      ...data,
    ];
  };
  const question = query.slice(12, query.length - 11);
  return Uint8Array.from([
    ...[query[0]!, query[1]!, ...u16(flags), 0, 1, ...u16(records.length), ...u16(authority.length), 0, 0],
    ...[...question, ...records.flatMap(bytes), ...authority.flatMap(bytes), ...tail],
  ]);
}

const wire = (name: string): number[] => [...parseName(name, undefined)];
const SOA: Record = [
  'x.',
  TYPE.SOA,
  100,
  [...wire('a.'), ...wire('b.'), 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 30],
];
const A = (address: string, ttl = 60, owner = 'a.x.'): Record => [owner, TYPE.A, ttl, address.split('.').map(Number)];

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class World {
  readonly clock = new VirtualClock();
  readonly datagrams = new MemoryDatagrams();
  readonly flows: MemoryFlow[] = [];
  readonly resolver: Resolver;
  refuseTcp = false;

  constructor(servers: readonly string[] = ['192.0.2.1'], seed = 7, cacheSize = 2 ** 20) {
    this.resolver = new Resolver({
      datagrams: this.datagrams,
      connect: async (): Promise<Flow> => {
        if (this.refuseTcp) throw new Error('refused');
        const flow = new MemoryFlow();
        this.flows.push(flow);
        return flow;
      },
      ...{ clock: this.clock, random: new SeededRandom(seed), servers: () => servers, cacheSize },
    });
  }

  /** The last query that was sent. */
  async sent(count: number): Promise<Sent> {
    for (let i = 0; i < 20 && this.datagrams.sent.length < count; i++) await turn();
    return this.datagrams.sent[count - 1]!;
  }

  reply(to: Sent, bytes: Uint8Array, from = '192.0.2.1@53'): void {
    this.datagrams.deliver(to.port, bytes, from);
  }
}

const text = (data: readonly Uint8Array[]): string[] => data.map((one) => formatIp(one));
const rejected = (t: Test, promise: Promise<unknown>, code: string, message: string) =>
  t.rejects(promise, { name: 'LookupError', code }, message);

t.test('a question, its answer, and the answer again out of the cache until it is too old', async (t) => {
  const world = new World();
  const asking = world.resolver.lookup('a.x', TYPE.A);
  const sent = await world.sent(1);
  t.equal(sent.to, '192.0.2.1@53');
  world.reply(sent, answer(sent.bytes, [A('203.0.113.1'), A('203.0.113.2', 50)]));
  t.same(text((await asking).data), ['203.0.113.1', '203.0.113.2']);
  t.equal(world.datagrams.open, 0, 'its port is closed');
  world.clock.advance(49_000);
  t.equal((await world.resolver.lookup('A.x.', TYPE.A)).data.length, 2);
  t.equal(world.datagrams.sent.length, 1, 'in any case, with a dot or without');
  world.clock.advance(1_001);
  void world.resolver.lookup('a.x', TYPE.A).catch(() => undefined);
  t.ok(await world.sent(2), 'the least TTL is over');
  t.equal(world.clock.pending, 1, 'and one timer is set');
});

t.test('identifiers, ports and the case of names differ from question to question (RFC 5452)', async (t) => {
  const world = new World();
  const seen = { ids: new Set<number>(), ports: new Set<number>(), names: new Set<string>() };
  for (let i = 1; i <= 50; i++) {
    const asking = world.resolver.lookup('some-longer-name.example', TYPE.A);
    const sent = await world.sent(i);
    seen.ids.add((sent.bytes[0]! << 8) | sent.bytes[1]!);
    seen.ports.add(sent.port);
    seen.names.add(Buffer.from(sent.bytes.slice(13, 13 + 16)).toString());
    world.reply(sent, answer(sent.bytes, [A('203.0.113.1', 0, 'some-longer-name.example.')]));
    await asking;
  }
  t.ok(
    seen.ids.size > 45 && seen.ports.size === 50 && seen.names.size > 45,
    `${seen.ids.size}, ${seen.ports.size}, ${seen.names.size}`,
  );
});

t.test('answers of others, to others, and in another case are not taken', async (t) => {
  const world = new World();
  const asking = world.resolver.lookup('abcdefgh.x', TYPE.A);
  const sent = await world.sent(1);
  const good = answer(sent.bytes, [A('203.0.113.1', 60, 'abcdefgh.x.')]);
  const evil = answer(sent.bytes, [A('6.6.6.6', 60, 'abcdefgh.x.')]);
  world.reply(sent, evil, '192.0.2.2@53');
  world.reply(sent, evil, '192.0.2.1@54');
  world.reply(sent, Uint8Array.from([evil[0]! ^ 1, ...evil.slice(1)]));
  world.reply(sent, Uint8Array.from([evil[0]!, evil[1]!, 1, ...evil.slice(3)]));
  world.reply(sent, good);
  t.same(text((await asking).data), ['203.0.113.1']);
});

t.test('who guesses is answered over TCP, where guesses do not arrive', async (t) => {
  const world = new World();
  const asking = world.resolver.lookup('a.x', TYPE.A);
  const sent = await world.sent(1);
  const evil = answer(sent.bytes, [A('6.6.6.6')]);
  let guesses = 0;
  for (; guesses < 1000 && world.datagrams.open > 0; guesses++) {
    world.reply(sent, Uint8Array.from([guesses >> 8, guesses & 255, ...evil.slice(2)]));
    await turn();
  }
  t.equal(guesses, STRANGERS);
  for (let i = 0; i < 20 && world.flows.length === 0; i++) await turn();
  const [flow] = world.flows;
  await turn();
  const query = flow!.received.slice(2);
  flow!.send(framed(answer(query, [A('203.0.113.1')])));
  t.same(text((await asking).data), ['203.0.113.1']);
  t.equal(flow!.closed, 'reset-by-us');
});

t.test('a server that does not keep the case of names is asked over TCP', async (t) => {
  const world = new World();
  const asking = world.resolver.lookup('abcdefgh.x', TYPE.A);
  const sent = await world.sent(1);
  const lower = sent.bytes.map((byte) => (byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte));
  lower.set(sent.bytes.slice(0, 12));
  world.reply(sent, answer(lower, [A('203.0.113.1', 60, 'abcdefgh.x.')]));
  for (let i = 0; i < 20 && (world.flows[0]?.received.length ?? 0) === 0; i++) await turn();
  const [flow] = world.flows;
  flow!.send(framed(answer(flow!.received.slice(2), [A('203.0.113.2', 60, 'abcdefgh.x.')])));
  t.same(text((await asking).data), ['203.0.113.2']);
});

t.test('an answer with TC is asked for again over TCP', async (t) => {
  const world = new World();
  const asking = world.resolver.lookup('a.x', TYPE.TXT);
  const sent = await world.sent(1);
  world.reply(sent, answer(sent.bytes, [], { flags: 0x8380 }));
  for (let i = 0; i < 20 && (world.flows.length === 0 || world.flows[0]!.received.length === 0); i++) await turn();
  const [flow] = world.flows;
  const long = Array.from({ length: 5000 }, () => 7);
  const message = framed(answer(flow!.received.slice(2), [['a.x.', TYPE.TXT, 60, long]]));
  for (const byte of message) flow!.send(Uint8Array.of(byte));
  t.equal((await asking).data[0]!.length, 5000);
  t.equal(world.clock.pending, 0);
});

t.test('a server that is silent, refuses or fails is followed by the next', async (t) => {
  const world = new World(['192.0.2.1', '192.0.2.2@5353', '2001:db8::3']);
  const asking = world.resolver.lookup('a.x', TYPE.A);
  await world.sent(1);
  world.clock.advance(2000);
  const second = await world.sent(2);
  t.equal(second.to, '192.0.2.2@5353');
  world.reply(second, answer(second.bytes, [], { flags: 0x8185 }), '192.0.2.2@5353');
  const third = await world.sent(3);
  t.equal(third.to, '2001:db8::3@53');
  world.reply(third, answer(third.bytes, [A('203.0.113.1')]), '2001:db8::3@53');
  t.same(text((await asking).data), ['203.0.113.1']);
});

t.test('no server answers: the question ends after a bounded time and number of datagrams', async (t) => {
  const world = new World(['192.0.2.1', '192.0.2.2']);
  const asking = world.resolver.lookup('a.x', TYPE.A).then(
    () => undefined,
    (error: LookupError) => error.code,
  );
  for (let i = 1; i <= 4; i++) {
    await world.sent(i);
    world.clock.advance(2000);
  }
  t.equal(await asking, 'no-answer');
  t.same([world.datagrams.sent.length, world.datagrams.open, world.clock.pending], [4, 0, 0]);
});

t.test('RFC 9520 3.2: what no server could answer is not asked again for a second', async (t) => {
  const world = new World();
  const asked = (): Promise<unknown> => world.resolver.lookup('a.x', TYPE.A);
  const first = rejected(t, asked(), 'failed', 'SERVFAIL');
  for (let i = 1; i <= 2; i++) {
    const sent = await world.sent(i);
    world.reply(sent, answer(sent.bytes, [], { flags: 0x8182 }));
  }
  await first;
  await rejected(t, asked(), 'failed', 'at once');
  t.equal(world.datagrams.sent.length, 2);
  world.clock.advance(1000);
  const later = asked();
  const third = await world.sent(3);
  world.reply(third, answer(third.bytes, [A('203.0.113.1')]));
  t.match(await later, { ttl: 60 });
});

t.test('what is not there: NXDOMAIN and NODATA, kept for the time of the SOA record (RFC 2308)', async (t) => {
  const world = new World();
  const nodata = world.resolver.lookup('a.x', TYPE.A);
  const first = await world.sent(1);
  world.reply(first, answer(first.bytes, [], { authority: [SOA] }));
  await rejected(t, nodata, 'no-data', 'NODATA');
  await rejected(t, world.resolver.lookup('a.x', TYPE.A), 'no-data', 'out of the cache');
  const none = world.resolver.lookup('b.x', TYPE.A);
  const second = await world.sent(2);
  world.reply(second, answer(second.bytes, [], { flags: 0x8183, authority: [SOA] }));
  await rejected(t, none, 'no-name', 'NXDOMAIN');
  world.clock.advance(30_001);
  void world.resolver.lookup('b.x', TYPE.A).catch(() => undefined);
  t.ok(await world.sent(3), 'asked again after MINIMUM seconds');
});

t.test('aliases are followed, within a message and over several, and circles end', async (t) => {
  const alias = (from: string, to: string): Record => [from, TYPE.CNAME, 20, wire(to)];
  const world = new World();
  const whole = world.resolver.lookup('a.x', TYPE.A);
  const first = await world.sent(1);
  world.reply(first, answer(first.bytes, [alias('a.x.', 'B.x.'), alias('b.x.', 'c.x.'), A('203.0.113.9', 60, 'c.x.')]));
  t.match(await whole, { name: 'c.x.', ttl: 20 });
  const parts = world.resolver.lookup('d.x', TYPE.A);
  const second = await world.sent(2);
  world.reply(second, answer(second.bytes, [alias('d.x.', 'e.y.')]));
  const third = await world.sent(3);
  world.reply(third, answer(third.bytes, [A('203.0.113.8', 60, 'e.y.')]));
  t.same(text((await parts).data), ['203.0.113.8']);
  const circle = world.resolver.lookup('f.x', TYPE.A);
  const fourth = await world.sent(4);
  world.reply(fourth, answer(fourth.bytes, [alias('f.x.', 'g.x.'), alias('g.x.', 'f.x.')]));
  await rejected(t, circle, 'no-data', 'a circle');
});

t.test('aliases: as many within a message, and as many messages, as docs/dns.md says', async (t) => {
  const alias = (i: number): Record => [`a${i}.x.`, TYPE.CNAME, 20, wire(`a${i + 1}.x.`)];
  const world = new World();
  const within = world.resolver.lookup('a0.x', TYPE.A);
  const first = await world.sent(1);
  world.reply(
    first,
    answer(first.bytes, [...Array.from({ length: CHAIN }, (_, i) => alias(i)), A('6.6.6.6', 60, `a${CHAIN}.x.`)]),
  );
  const second = await world.sent(2);
  t.ok(second, 'what the last alias leads to is asked for');
  world.reply(second, answer(second.bytes, [A('203.0.113.9', 60, `a${CHAIN}.x.`)]));
  t.same(text((await within).data), ['203.0.113.9']);
  const over = world.resolver.lookup('a100.x', TYPE.A);
  const refused = rejected(t, over, 'no-data', 'one message too many');
  for (let i = 0; i < MESSAGES; i++) {
    const sent = await world.sent(3 + i);
    world.reply(sent, answer(sent.bytes, [alias(100 + i)]));
  }
  await refused;
  t.equal(world.datagrams.sent.length, 2 + MESSAGES);
});

t.test('A and AAAA are asked side by side; one of them is enough', async (t) => {
  const world = new World();
  const asking = world.resolver.addresses('a.x');
  await world.sent(2);
  for (const sent of [...world.datagrams.sent]) {
    const isA = sent.bytes[sent.bytes.length - 11 - 3] === TYPE.A;
    world.reply(sent, answer(sent.bytes, isA ? [A('203.0.113.1')] : [], { authority: [SOA] }));
  }
  t.same(text(await asking), ['203.0.113.1']);
});

t.test('one question that many have is asked once; too many questions are refused', async (t) => {
  const world = new World();
  const same = Array.from({ length: 100 }, () => world.resolver.lookup('a.x', TYPE.A));
  const sent = await world.sent(1);
  world.reply(sent, answer(sent.bytes, [A('203.0.113.1')]));
  t.equal((await Promise.all(same)).length, 100);
  t.equal(world.datagrams.sent.length, 1);
  const many = Array.from({ length: 300 }, (_, i) =>
    world.resolver.lookup(`n${i}.x`, TYPE.A).then(
      () => '',
      (error: LookupError) => error.code,
    ),
  );
  t.equal(
    (await Promise.all(many.slice(256))).every((code) => code === 'busy'),
    true,
  );
});

t.test('the cache has a bounded size', async (t) => {
  const world = new World(['192.0.2.1'], 1, 10_000);
  for (let i = 1; i <= 100; i++) {
    const asking = world.resolver.lookup(`n${i}.x`, TYPE.A);
    const sent = await world.sent(i);
    world.reply(sent, answer(sent.bytes, [A('203.0.113.1', 60, `n${i}.x.`)]));
    await asking;
  }
  const cache = (world.resolver as unknown as { cache: { size: number } }).cache;
  t.ok(cache.size <= 20, `${cache.size} entries`);
});

t.test(
  'malformed answers are no answers: mutated at random, nothing throws (seed in the title of a failure)',
  async (t) => {
    const seed = Number(process.env['DNS_FUZZ_SEED'] ?? Date.now() % 1_000_000_007);
    const random = new SeededRandom(seed);
    const world = new World(['192.0.2.1'], seed);
    world.refuseTcp = true;
    let seen = 0;
    for (let i = 0; i < 500; i++) {
      const asking = world.resolver.lookup(`n${i}.x`, TYPE.MX).then(
        () => '',
        (error: unknown) => {
          if (!(error instanceof LookupError)) t.fail(`seed ${seed}: ${error}`);
        },
      );
      for (let tries = 0; tries < 2; tries++) {
        for (let k = 0; k < 20 && world.datagrams.sent.length === seen; k++) await turn();
        if (world.datagrams.sent.length === seen) break;
        seen = world.datagrams.sent.length;
        const sent = world.datagrams.sent.at(-1)!;
        const bytes = answer(
          sent.bytes,
          [
            [`n${i}.x.`, TYPE.MX, 60, [0, 5, 0xc0, 12]],
            ['y.', TYPE.CNAME, 60, [1, 97, 0xc0, 12]],
          ],
          { authority: [SOA] },
        );
        // The head and the question stay: what follows is what is read.
        const from = 6 + ((random.random32() >>> 0) % 2) * (sent.bytes.length - 11 - 6);
        for (let change = 0; change < 3; change++)
          bytes[from + ((random.random32() >>> 0) % (bytes.length - from))] = random.random32() & 255;
        world.reply(sent, bytes.slice(0, bytes.length - ((random.random32() >>> 0) % 12)));
        await turn();
        world.clock.advance(2000);
      }
      await asking;
    }
    t.same([world.datagrams.open, world.clock.pending], [0, 0]);
  },
);

t.test('names that are none, and no servers', async (t) => {
  const world = new World([]);
  await rejected(t, world.resolver.lookup('a..b', TYPE.A), 'bad-name', 'two dots');
  await rejected(t, world.resolver.lookup('a.b', TYPE.A), 'no-servers', 'no servers');
});

t.test(
  'a question that cannot be sent yet, because an address is still looked for, is sent when there is one',
  async (t) => {
    const world = new World();
    const bind = world.datagrams.bind.bind(world.datagrams);
    let away = true;
    world.datagrams.bind = async (number, onDatagram) => {
      const port = await bind(number, onDatagram);
      return { ...port, send: (...words) => !away && port.send(...words) };
    };
    const asked = world.resolver.lookup('a.x', TYPE.A);
    for (let i = 0; i < 20; i++) await turn();
    world.clock.advance(1000);
    t.equal(world.datagrams.sent.length, 0);
    away = false;
    world.clock.advance(250);
    const query = await world.sent(1);
    world.reply(query, answer(query.bytes, [A('192.0.2.7')]));
    t.equal(formatIp((await asked).data[0]!), '192.0.2.7');
    t.equal(world.clock.pending, 0, 'and no timer is left');
    // Where there is never a way, the time of a server is the bound.
    away = true;
    const failed = t.rejects(world.resolver.lookup('b.x', TYPE.A), { code: 'no-answer' });
    for (let i = 0; i < 10; i++) {
      for (let k = 0; k < 20; k++) await turn();
      world.clock.advance(1000);
    }
    await failed;
  },
);
