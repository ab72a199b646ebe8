/** The bound on answers over UDP: a name server must not multiply what an attacker sends in a victim's name. */
import t from 'tap';
import { PASS, RateLimit } from '../../src/dns/serve/rate-limit.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import { bound } from '../documented.js';
import { query, read } from './message.js';
import { NameServerInMemory, zone } from './setup.js';

const STRINGS = Array.from({ length: 4 }, () => `"${'x'.repeat(250)}"`).join(' ');
const SITE = `$ORIGIN site.example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n@ TXT ${STRINGS}\n`;
const QUERY = query('site.example', 'TXT', { udpSize: 4096 });

/** Bytes out for each byte in, of `count` queries at one moment. */
function amplification(
  server: NameServerInMemory,
  count: number,
  source: (i: number) => string,
  bytes = (_: number) => QUERY,
): number {
  let sent = 0;
  let received = 0;
  for (let i = 0; i < count; i++) {
    const one = bytes(i);
    sent += one.length;
    received += server.exchange(one, source(i))?.length ?? 0;
  }
  return received / sent;
}

t.test('past the limit bytes out are at most 1.5 times the bytes in', async (t) => {
  const server = await new NameServerInMemory([zone(SITE)], { rate: 100, identity: 'x'.repeat(255) }).open();
  t.ok(amplification(server, 100, () => '198.51.100.7@53') > 10, 'below it a query gets its answer');
  const cases: [string, (i: number) => string, ((i: number) => Uint8Array)?][] = [
    ['one source', () => '198.51.100.7@53'],
    ['sources of one network', (i) => `198.51.100.${i & 255}@${1024 + i}`],
    ['names that are not there', () => '198.51.100.7@53', (i) => query(`n${i}.site.example`, 'A', { udpSize: 4096 })],
    ['other zones', () => '198.51.100.7@53', (i) => query(`n${i}.example.net`, 'A', { udpSize: 4096 })],
    ['a long identity', () => '198.51.100.7@53', () => query('site.example', 'TXT', { options: [[3, '']] })],
    ['the identity itself', () => '198.51.100.7@53', () => query('id.server', 'TXT', { class: 3 })],
    ['broken messages', () => '198.51.100.7@53', () => Uint8Array.of(1, 2, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0)],
    [
      'cookies that are not ours',
      () => '198.51.100.7@53',
      (i) =>
        query('site.example', 'TXT', { options: [[10, `0102030405060708010000000000000${i % 10}0102030405060708`]] }),
    ],
  ];
  for (const [title, source, bytes] of cases) {
    amplification(server, 400, source, bytes);
    const factor = amplification(server, 2000, source, bytes);
    t.ok(factor <= 1.5, `${title}: ${factor.toFixed(2)}`);
  }
  const six = (i: number): string => `2001:db8:0:${(i & 255).toString(16)}::${i.toString(16)}@53`;
  amplification(server, 400, six);
  t.ok(amplification(server, 2000, six) <= 1.5, 'a /56');
});

t.test('by default a network gets as many answers a second as docs/dns.md says', async (t) => {
  const most = bound(
    'docs/dns.md',
    'Answers over UDP to one /24 (IPv4) or /56 (IPv6), for each of data, nothing and errors',
  );
  const server = await new NameServerInMemory([zone(SITE)], { rate: undefined }).open();
  let whole = 0;
  for (let i = 0; i < 3 * most; i++) whole += Number((server.exchange(QUERY)?.length ?? 0) > 500);
  t.equal(whole, most);
});

t.test('every second answer past the limit is one with TC, so that a client that is real comes over TCP', async (t) => {
  const server = await new NameServerInMemory([zone(SITE)], { rate: 10 }).open();
  for (let i = 0; i < 10; i++) server.exchange(QUERY);
  const answers = Array.from({ length: 20 }, () => server.exchange(QUERY));
  const slipped = answers.filter((one) => one !== undefined).map((one) => read(one!));
  t.equal(slipped.length, 10);
  for (const one of slipped) t.match(one, { tc: true, answer: [], question: 'site.example.' });
  t.match(server.server.counters(), { slipped: 10, rateDropped: 10 });
  t.equal(server.askTcp('site.example', 'TXT').answer.length, 1);
});

t.test('other networks, and the same one a second later, are not held up', async (t) => {
  const server = await new NameServerInMemory([zone(SITE)], { rate: 10 }).open();
  for (let i = 0; i < 30; i++) server.exchange(QUERY);
  t.equal(server.ask('site.example', 'TXT', { udpSize: 1232 }, '203.0.113.1@5').answer.length, 1);
  server.clock.advance(1000);
  t.equal(server.ask('site.example', 'TXT', { udpSize: 1232 }).answer.length, 1);
});

t.test('one of several processes at an address has its share of the rate, and at least one answer', async (t) => {
  const passed = async (share: number): Promise<number> => {
    const server = await new NameServerInMemory([zone(SITE)], { rate: 10, share }).open();
    let whole = 0;
    for (let i = 0; i < 30; i++) {
      const answer = server.exchange(QUERY);
      if (answer !== undefined && !read(answer).tc) whole += 1;
    }
    return whole;
  };
  t.equal(await passed(1), 10);
  t.equal(await passed(1 / 2), 5);
  t.equal(await passed(1 / 100), 1);
});

t.test('who returns our cookie is no victim, and is not held up', async (t) => {
  const server = await new NameServerInMemory([zone(SITE)], { rate: 5 }).open();
  const cookie = server.ask('site.example', 'TXT', { options: [[10, '0102030405060708']] }).opt!.options.get(10)!;
  for (let i = 0; i < 100; i++) {
    const { tc } = server.ask('site.example', 'TXT', { options: [[10, cookie]] });
    if (tc) t.fail(`query ${i}`);
  }
  t.equal(
    server.exchange(query('site.example', 'TXT', { options: [[10, cookie]] }), '203.0.113.9@53') === undefined,
    false,
  );
});

t.test('as many networks are remembered as docs/dns.md says', async (t) => {
  const most = bound('docs/dns.md', 'Networks whose rate is counted, at a time');
  const limit = new RateLimit(1, new SeededRandom(3));
  const take = (network: number, now: number): number => {
    const bytes = Uint8Array.of(network >> 16, network >> 8, network, 1);
    return limit.take({ bytes, length: 4, port: 53, scope: 0 }, 0, now);
  };
  const now = 1;
  const some = most / 64;
  for (let i = 0; i < some; i++) take(i, now);
  let held = 0;
  for (let i = 0; i < some; i++) if (take(i, now) !== PASS) held++;
  t.ok(held > some * 0.99, `${held} of ${some} have had what they get`);
  // Of so many others each place sees many.
  for (let i = some; i < some + 4 * most; i++) take(i, now + i / 1_000_000);
  let forgotten = 0;
  for (let i = 0; i < some; i++) if (take(i, now + 0.99) === PASS) forgotten++;
  t.ok(forgotten > some * 0.99, `${forgotten} of ${some} are forgotten`);
});
