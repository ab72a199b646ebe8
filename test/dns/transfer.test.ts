/**
 * Transfers and NOTIFY in virtual time: what a secondary that is slow, silent or gone can cost (RFC 5936, 1995, 1996,
 * 8945).
 */
import { createHmac } from 'node:crypto';
import t from 'tap';
import { TSIG_ALGORITHMS, type TsigKey } from '../../src/dns/serve/tsig.js';
import { parseName } from '../../src/dns/wire/name.js';
import { query, read, u16 } from './message.js';
import { addressOf, framed, messages, NameServerInMemory, zone } from './setup.js';

const SECRET = Uint8Array.from({ length: 32 }, (_, i) => i);
const KEY: TsigKey = {
  name: parseName('key.', undefined),
  algorithm: TSIG_ALGORITHMS.get('hmac-sha256')!,
  secret: SECRET,
};
const ALGORITHM = [...KEY.algorithm.name];

const site = (serial: number, names = 2): string =>
  `$ORIGIN a.example.\n$TTL 60\n@ SOA ns h ${serial} 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n` +
  Array.from({ length: names }, (_, i) => `n${i} A 10.${serial & 255}.${i >> 8}.${i & 255}\n`).join('');

function u48(value: number): number[] {
  return [...u16(Math.floor(value / 2 ** 32)), ...u16(Math.floor(value / 65536) % 65536), ...u16(value % 65536)];
}

interface Signing {
  readonly time: number;
  readonly name?: string;
  readonly mac?: number;
  readonly damage?: boolean;
}

/** A query with a TSIG record, made by code of the test's own. */
function signed(message: Uint8Array, { time, name = 'key.', mac = 32, damage = false }: Signing): Uint8Array {
  const owner = [...parseName(name, undefined)];
  const variables = [...owner, 0, 255, 0, 0, 0, 0, ...ALGORITHM, ...u48(time), ...u16(300), 0, 0, 0, 0];
  const digest = createHmac('sha256', SECRET).update(message).update(Uint8Array.from(variables)).digest();
  if (damage) digest[5]! ^= 1;
  const data = [
    ...ALGORITHM,
    ...u48(time),
    ...u16(300),
    ...u16(mac),
    ...digest.subarray(0, mac),
    message[0]!,
    message[1]!,
    0,
    0,
    0,
    0,
  ];
  const whole = Uint8Array.from([...message, ...owner, 0, 250, 0, 255, 0, 0, 0, 0, ...u16(data.length), ...data]);
  whole[11]! += 1;
  return whole;
}

/** The error field of the TSIG record at the end of an answer. */
function tsigError(answer: Uint8Array): number {
  const end = answer.length;
  return (answer[end - 4]! << 8) | answer[end - 3]!;
}

const open = (text: string, options = {}) => new NameServerInMemory([zone(text)], { keys: [KEY], ...options }).open();
const seconds = (server: NameServerInMemory): number => Math.floor(server.clock.wallClock() / 1000);

t.test('signatures: good, by another key, damaged, cut, and of another time', async (t) => {
  const server = await open(site(1));
  const ask = (options: Partial<Signing> = {}): Uint8Array =>
    server.exchange(signed(query('a.example', 'SOA'), { time: seconds(server), ...options }))!;
  t.match(read(ask()), { rcode: 0, answer: [/SOA/] });
  t.match(read(ask({ name: 'other.' })), { rcode: 9, answer: [] });
  t.equal(tsigError(ask({ name: 'other.' })), 17, 'BADKEY');
  t.match(read(ask({ damage: true })), { rcode: 9, answer: [] });
  t.equal(tsigError(ask({ damage: true })), 16, 'BADSIG');
  t.equal(tsigError(ask({ mac: 20 })), 22, 'BADTRUNC');
  t.match(read(ask({ mac: 8 })), { rcode: 1 }, 'shorter than any may be');
  t.equal(read(ask({ time: seconds(server) - 300 })).rcode, 0, 'five minutes late');
  const late = ask({ time: seconds(server) - 301 });
  t.equal(read(late).rcode, 9, 'BADTIME');
  t.same([...late.slice(-10)], [0, 18, 0, 6, ...u48(seconds(server))], 'which tells our time');
});

t.test('a transfer is made as it is taken: a peer that does not read holds a bounded number of bytes', async (t) => {
  const server = await open(site(1, 8_000));
  const flow = server.connect();
  flow.reading = false;
  flow.send(framed(signed(query('a.example', 'AXFR'), { time: seconds(server) })));
  t.ok(flow.queued > 100_000 && flow.queued < 200_000, `${flow.queued} bytes are queued`);
  flow.reading = true;
  for (let i = 0; i < 1000 && flow.queued > 0; i++) flow.take(10_000);
  const all = messages(flow.received);
  const records = all.flatMap((message) => read(message).answer);
  t.equal(records.length, 8_000 + 4);
  t.match([records[0], records.at(-1)], [/ SOA /, / SOA /]);
  flow.send(framed(query('a.example', 'SOA')));
  t.equal(messages(flow.received).length, all.length + 1, 'and the connection goes on');
});

t.test('a peer that stops reading in the midst of a transfer is reset', async (t) => {
  const server = await open(site(1, 8_000), { tcp: { idle: 10_000 } });
  const flow = server.connect();
  flow.reading = false;
  flow.send(framed(signed(query('a.example', 'AXFR'), { time: seconds(server) })));
  server.clock.advance(20_001);
  t.equal(flow.closed, 'reset-by-us');
  t.equal(server.clock.pending, 0);
});

/** IXFR from a serial, over TCP. */
function ixfr(server: NameServerInMemory, serial: number): string[] {
  const message = query('a.example', 'IXFR');
  const soa = [
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
    ...u16(serial >>> 16),
    ...u16(serial & 0xffff),
    ...Array(16).fill(0),
  ];
  const whole = Uint8Array.from([...message, ...soa]);
  whole[9] = 1;
  const flow = server.connect();
  flow.send(framed(signed(whole, { time: seconds(server) })));
  const answers = messages(flow.received).flatMap((one) => read(one).answer);
  flow.abort();
  return answers;
}

t.test('IXFR: the changes of the versions between, nothing, or the whole zone', async (t) => {
  const server = await open(site(1));
  server.server.replace([zone(site(2))]);
  server.server.replace([zone(site(3, 3))]);
  t.equal(ixfr(server, 3).length, 1, 'nothing has changed');
  t.equal(ixfr(server, 4).length, 1, 'a secondary that is ahead');
  const two = ixfr(server, 2);
  t.same(
    two.map((one) => one.split(' ')[1]),
    ['SOA', 'SOA', 'A', 'A', 'SOA', 'A', 'A', 'A', 'SOA'],
  );
  t.equal(ixfr(server, 1).length, 2 + 6 + 7, 'three versions, two changes');
  const whole = ixfr(server, 0xffff_fff0);
  t.equal(whole.length, 1 + 5 + 1, 'a version that is not known: all of it');
  t.same(server.ask('a.example', 'IXFR').rcode, 5, 'not without a key');
});

t.test('IXFR over UDP with a key is answered by the present SOA record (RFC 1995 2)', async (t) => {
  const server = await open(site(9));
  const answer = read(server.exchange(signed(query('a.example', 'IXFR'), { time: seconds(server) }))!);
  t.match(answer, { rcode: 0, answer: [/^a\.example\. SOA .* 9 2 3 4 5$/] });
  const flow = server.connect();
  flow.send(framed(signed(query('ns.a.example', 'AXFR'), { time: seconds(server) })));
  t.equal(read(messages(flow.received)[0]!).rcode, 9, 'AXFR of what is no zone: NOTAUTH (RFC 5936 2.2.1)');
});

t.test('what is kept of old versions is bounded, in number and by the size of the zone', async (t) => {
  const kept = (server: NameServerInMemory): number => {
    const { histories } = server.server as unknown as { histories: Map<string, { changes: unknown[] }> };
    return [...histories.values()][0]!.changes.length;
  };
  const small = await open(site(1, 5));
  for (let serial = 2; serial < 200; serial++) small.server.replace([zone(site(serial, 5))]);
  t.equal(kept(small), 32);
  t.equal(ixfr(small, 1).length, 1 + 7 + 1, 'who is further back gets the whole zone');
  const large = await open(site(1, 3000));
  for (let serial = 2; serial < 6; serial++) large.server.replace([zone(site(serial, 3000))]);
  t.equal(kept(large), 0, 'changes that are longer than the zone are none to keep');
});

t.test('NOTIFY is repeated until it is answered, and ends after some minutes', async (t) => {
  const secondaries = ['192.0.2.5', '192.0.2.6@5353'].map((text) => ({ address: addressOf(text), key: undefined }));
  const server = await open(site(1), { secondaries });
  const { sent } = server.datagrams;
  t.same(
    sent.map(({ to }) => to),
    ['192.0.2.5@53', '192.0.2.6@5353'],
  );
  t.match(read(sent[0]!.bytes), { question: 'a.example.', answer: [/SOA/], flags: 0x2400 });
  const answer = sent[0]!.bytes.slice();
  answer[2]! |= 0x80;
  server.datagrams.deliver(sent[0]!.port, answer, '192.0.2.9@53');
  server.clock.advance(2000);
  t.equal(sent.length, 4, 'a stranger answers for nobody');
  server.datagrams.deliver(sent[0]!.port, answer, '192.0.2.5@53');
  server.clock.advance(600_000);
  const times = (to: string): number => sent.filter((one) => one.to === to).length;
  t.same([times('192.0.2.5@53'), times('192.0.2.6@5353')], [2, 6]);
  t.equal(server.clock.pending, 0);
  server.server.replace([zone(site(2))]);
  t.equal(sent.length, 10, 'and a new version is told of again');
  server.server.close();
  t.equal(server.clock.pending, 0);
});
