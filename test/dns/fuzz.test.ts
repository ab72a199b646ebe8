/**
 * Messages that were changed at random: no exception, no endless loop, no growth, and what comes back is a message.
 * DNS_FUZZ_RUNS and DNS_FUZZ_SEED choose how many, and which.
 */
import t from 'tap';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import { query, read } from './message.js';
import { framed, messages, NameServerInMemory, zone } from './setup.js';

const RUNS = Number(process.env['DNS_FUZZ_RUNS'] ?? 30_000);
const SEED = Number(process.env['DNS_FUZZ_SEED'] ?? Date.now() % 1_000_000_007);
// As many as somebody asks for.
t.setTimeout(0);

const SITE = `$ORIGIN site.example.
$TTL 60
@ SOA ns h 1 2 3 4 5
@ NS ns
ns A 192.0.2.1
www CNAME @
@ A 192.0.2.2
*.wild MX 5 ns
sub NS ns.sub
ns.sub A 192.0.2.3
a.b.ent TXT x
`;

const SEEDS = [
  query('site.example', 'A'),
  query('www.site.example', 'A', {
    udpSize: 1232,
    dnssecOk: true,
    options: [
      [10, '0102030405060708'],
      [3, ''],
      [11, ''],
    ],
  }),
  query('x.y.wild.site.example', 'MX', { udpSize: 512 }),
  query('host.sub.site.example', 'ANY'),
  query('no.ent.site.example', 'TXT', { udpSize: 4096, options: [[10, '0102030405060708'.repeat(3)]] }),
  query('id.server', 'TXT', { class: 3 }),
  query('site.example', 'AXFR'),
  query(`${'a.'.repeat(100)}site.example`, 'A'),
  Uint8Array.from([
    ...query('site.example', 'IXFR').slice(0, 8),
    0,
    1,
    0,
    0,
    ...query('site.example', 'IXFR').slice(12),
    0xc0,
    12,
    0,
    6,
    0,
    1,
    0,
    0,
    0,
    0,
    0,
    22,
    0,
    0,
    ...Array(20).fill(0),
  ]),
  Uint8Array.from([
    ...query('site.example', 'A').slice(0, 10),
    0,
    1,
    ...query('site.example', 'A').slice(12),
    3,
    107,
    101,
    121,
    0,
    0,
    250,
    0,
    255,
    0,
    0,
    0,
    0,
    0,
    61,
    11,
    ...Buffer.from('hmac-sha256'),
    0,
    0,
    0,
    0,
    0,
    0,
    1,
    1,
    44,
    0,
    32,
    ...Array(32).fill(7),
    0,
    1,
    0,
    0,
    0,
    0,
  ]),
];

function mutate(random: SeededRandom, message: Uint8Array): Uint8Array {
  let bytes = [...message];
  const below = (limit: number): number => (random.random32() >>> 0) % Math.max(1, limit);
  for (let i = below(4) + 1; i > 0; i--) {
    const at = below(bytes.length);
    switch (below(6)) {
      case 0:
        bytes[at] = below(256);
        break;
      case 1:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
        break;
      case 2:
        bytes = bytes.slice(0, at);
        break;
      case 3:
        bytes.splice(at, 0, ...Array.from({ length: below(40) }, () => below(256)));
        break;
      case 4:
        bytes.splice(at, below(8));
        break;
      default:
        // The counts and the flags are what decides most.
        bytes[below(12)] = [0, 1, 2, 0x20, 0x28, 0x80, 0xff][below(7)]!;
    }
  }
  return Uint8Array.from(bytes);
}

t.test(`${RUNS} changed messages (seed ${SEED})`, async (t) => {
  const random = new SeededRandom(SEED);
  const server = await new NameServerInMemory([zone(SITE)], { identity: 'a' }).open();
  let answered = 0;
  for (let i = 0; i < RUNS; i++) {
    const message = mutate(random, SEEDS[(random.random32() >>> 0) % SEEDS.length]!);
    const answer = server.exchange(message);
    // Nothing of what the server sent stays with the test.
    server.datagrams.sent.length = 0;
    if (answer === undefined) continue;
    answered += 1;
    try {
      const { id, length } = read(answer);
      if (id !== ((message[0]! << 8) | message[1]!) || length > 1232) throw new Error(`id ${id}, ${length} bytes`);
    } catch (error) {
      t.fail(`${Buffer.from(message).toString('hex')}: ${(error as Error).message}`);
      break;
    }
  }
  t.ok(answered > RUNS / 4, `${answered} were answered`);
  t.equal(server.ask('site.example', 'A').answer.length, 1, 'and it goes on');
});

t.test(`the same over TCP, cut at random (seed ${SEED})`, async (t) => {
  const random = new SeededRandom(SEED, 1);
  const server = await new NameServerInMemory([zone(SITE)]).open();
  for (let i = 0; i < RUNS / 30; i++) {
    const flow = server.connect();
    const stream = Uint8Array.from(
      Array.from({ length: 5 }, () => [
        ...framed(mutate(random, SEEDS[(random.random32() >>> 0) % SEEDS.length]!)),
      ]).flat(),
    );
    for (let at = 0; at < stream.length; ) {
      const end = at + 1 + ((random.random32() >>> 0) % 60);
      flow.send(stream.slice(at, end));
      at = end;
    }
    for (const message of messages(flow.received)) read(message);
    flow.abort();
  }
  t.equal(server.server.counters()['tcpOpen'], 0);
});
