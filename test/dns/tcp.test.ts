/** DNS over TCP (RFC 7766, RFC 9210): pipelining, parts, ends, and what one client can hold. */
import t from 'tap';
import { query, read } from './message.js';
import { framed, messages, NameServerInMemory, zone } from './setup.js';

const STRINGS = Array.from({ length: 200 }, () => `"${'x'.repeat(250)}"`).join(' ');
const SITE = `$ORIGIN site.example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n@ A 192.0.2.2\nbig TXT ${STRINGS}\n`;
const A = framed(query('site.example', 'A'));
const BIG = framed(query('big.site.example', 'TXT'));

const open = (tcp = {}) => new NameServerInMemory([zone(SITE)], { tcp }).open();

t.test('queries in one piece, in pieces of one byte, and cut anywhere', async (t) => {
  const server = await open();
  const three = Uint8Array.from([...A, ...A, ...A]);
  for (let cut = 0; cut <= three.length; cut++) {
    const flow = server.connect();
    flow.send(three.slice(0, cut));
    flow.send(three.slice(cut));
    t.equal(messages(flow.received).length, 3, `cut at ${cut}`);
    flow.abort();
  }
  const flow = server.connect();
  for (const byte of three) flow.send(Uint8Array.of(byte));
  t.equal(messages(flow.received).length, 3);
  for (const message of messages(flow.received)) t.equal(read(message).answer.length, 1);
});

t.test('a query and FIN: the answer, then FIN', async (t) => {
  const server = await open();
  const flow = server.connect();
  flow.send(A);
  flow.finish();
  t.equal(messages(flow.received).length, 1);
  t.equal(flow.closed, 'finished');
});

t.test('FIN in the midst of a query: FIN', async (t) => {
  const server = await open();
  const flow = server.connect();
  flow.send(A.slice(0, 9));
  flow.finish();
  t.equal(flow.closed, 'finished');
  t.equal(server.server.counters()['tcpOpen'], 0);
});

t.test('a message shorter than a header ends the connection, one of more than 4,096 resets it', async (t) => {
  const server = await open();
  for (const length of [0, 1, 11]) {
    const short = server.connect();
    short.send(Uint8Array.of(0, length, ...Array(length).fill(1)));
    t.equal(short.ended, true, `${length} bytes`);
    t.equal(messages(short.received).length, 0, 'without an answer');
  }
  const long = server.connect();
  long.send(Uint8Array.of(0x10, 0x01));
  t.equal(long.closed, 'reset-by-us');
});

t.test('a connection that asks nothing ends after its time, and one that does not end is reset', async (t) => {
  const server = await open({ idle: 10_000 });
  const flow = server.connect();
  server.clock.advance(9_999);
  t.equal(flow.ended, false);
  flow.send(A);
  server.clock.advance(9_999);
  t.equal(flow.ended, false, 'a query begins the time anew');
  server.clock.advance(2);
  t.equal(flow.ended, true);
  t.equal(flow.closed, undefined);
  server.clock.advance(10_001);
  t.equal(flow.closed, 'reset-by-us');
  t.equal(server.clock.pending, 0, 'and no timer is left');
});

t.test('bytes that make no query do not keep a connection', async (t) => {
  const server = await open({ idle: 10_000 });
  const flow = server.connect();
  for (let i = 0; i < 12; i++) {
    flow.send(A.slice(i, i + 1));
    server.clock.advance(1000);
  }
  t.equal(flow.ended, true);
});

t.test('a client that does not read holds a bounded number of bytes', async (t) => {
  const server = await open();
  const flow = server.connect();
  flow.reading = false;
  for (let i = 0; i < 1000; i++) flow.send(BIG);
  t.ok(flow.queued <= 128 * 1024 + 65_537, `${flow.queued} bytes are queued`);
  t.equal(flow.paused, true);
  flow.reading = true;
  for (let i = 0; i < 10_000 && flow.queued > 0; i++) flow.take(10_000);
  t.equal(messages(flow.received).length, 1000, 'and gets all of it once it reads');
  t.equal(flow.paused, false);
});

t.test('a client that does not read at all is reset', async (t) => {
  const server = await open({ idle: 10_000 });
  const flow = server.connect();
  flow.reading = false;
  flow.send(BIG);
  server.clock.advance(10_001);
  t.equal(flow.closed, 'reset-by-us');
});

t.test('connections of one address and of all are bounded: the idlest goes', async (t) => {
  const server = await open({ connections: 20, perClient: 3 });
  const own = Array.from({ length: 4 }, () => server.connect('192.0.2.7'));
  t.same(
    own.map((flow) => flow.closed),
    [undefined, undefined, undefined, 'reset-by-us'],
  );
  const others = Array.from({ length: 17 }, (_, i) => server.connect(`192.0.2.${i + 10}`));
  own[0]!.send(A);
  const more = server.connect('192.0.2.200');
  t.same([own[0]!.closed, own[1]!.closed, more.closed], [undefined, 'reset-by-us', undefined]);
  t.equal(server.server.counters()['tcpOpen'], 20);
  for (const flow of [...own, ...others, more]) flow.abort();
  t.equal(server.server.counters()['tcpOpen'], 0);
});

t.test('at the end answers on their way go out, and connections end', async (t) => {
  const server = await open();
  const flow = server.connect();
  flow.send(A);
  server.server.close();
  t.equal(flow.ended, true);
  t.equal(server.datagrams.open, 0);
  t.equal(server.listening, false);
});

t.test('at the end a client that has just come has its first query answered; one that asks nothing ends', async (t) => {
  const server = await open();
  const [asks, silent] = [server.connect('192.0.2.1'), server.connect('192.0.2.2')];
  server.server.close();
  t.equal(asks.ended, false);
  asks.send(A);
  t.equal(messages(asks.received).length, 1);
  t.equal(asks.ended, true, 'and its connection ends behind the answer');
  server.clock.advance(999);
  t.equal(silent.ended, false);
  server.clock.advance(1);
  t.equal(silent.ended, true);
  for (const flow of [asks, silent]) flow.abort();
  t.equal(server.clock.pending, 0, 'and no timer is left');
});
