/** RFC 9113 5.2, 6.9: what the peer's windows let through, and what waits meanwhile. */
import t from 'tap';
import { ERROR, FRAME, SETTING } from '../../../src/http/h2/frames.js';
import type { Memory } from '../../../src/memory/memory.js';
import { documented } from '../../documented.js';
import { HandMadeStore, MOVIE, siteStore } from '../hand-made-store.js';
import { Setup } from '../setup.js';
import { frame, get, Http2Client, headers, settings, word } from './client.js';

const LARGE = Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * 13) & 0xff);

function large(): HandMadeStore {
  return new HandMadeStore({
    '/large.bin': { type: 'application/octet-stream', content: LARGE },
    '/small.txt': { type: 'text/plain', content: 'small' },
    '/index.html': { type: 'text/html', content: 'home' },
  });
}

function connect(first: readonly (readonly [number, number])[] = [], store = large()): Http2Client {
  const client = new Http2Client(new Setup({ store: () => store }).connect(), first);
  client.opens = false;
  client.window = Number.POSITIVE_INFINITY;
  return client;
}

/** Octets of content that came on a stream. */
function octets(client: Http2Client, stream: number): number {
  return client.streams.get(stream)?.body.reduce((sum, part) => sum + part.length, 0) ?? 0;
}

t.test("both the stream's and the connection's window have room for what is sent", async (t) => {
  const client = connect();
  client.send(headers(1, get('/large.bin')), headers(3, get('/large.bin')), headers(5, get('/small.txt')));
  t.equal(octets(client, 1) + octets(client, 3), 65535, 'the window of the connection is used up');
  t.equal(client.streams.get(5)!.fields![0]![1], '200', 'heads need no window');
  t.equal(octets(client, 1), 65535, 'by the first, whose own is used up with it');
  client.send(frame(FRAME.windowUpdate, 0, 0, word(1000)));
  t.same([octets(client, 1), octets(client, 3)], [65535, 1000], 'the next uses what it cannot');
  client.send(frame(FRAME.windowUpdate, 0, 1, word(400)));
  t.same([octets(client, 1), octets(client, 3)], [65535, 1000], 'and that is used up, too');
  client.send(frame(FRAME.windowUpdate, 0, 0, word(100_000)));
  t.same([octets(client, 1), octets(client, 3)], [65935, 65535]);
  t.equal(client.response(5).text, 'small');
});

t.test('windows of one octet: as many frames as octets, all of them right', async (t) => {
  const client = connect([[SETTING.initialWindowSize, 1]]);
  client.send(headers(1, get('/small.txt')));
  for (let i = 1; i <= 4; i++) {
    t.equal(octets(client, 1), i);
    client.send(frame(FRAME.windowUpdate, 0, 1, word(1)));
  }
  t.equal(client.response(1).text, 'small');
});

t.test('RFC 9113 6.9.2: a window may fall below zero, and streams begin again when it rises', async (t) => {
  const client = connect([[SETTING.initialWindowSize, 20000]]);
  client.send(headers(1, get('/large.bin')));
  t.equal(octets(client, 1), 20000);
  client.send(settings([[SETTING.initialWindowSize, 5000]]), frame(FRAME.windowUpdate, 0, 1, word(15000)));
  t.equal(octets(client, 1), 20000, '15,000 below zero, and no more than zero');
  client.send(frame(FRAME.windowUpdate, 0, 1, word(10)));
  t.equal(octets(client, 1), 20010);
  client.send(settings([[SETTING.initialWindowSize, 6000]]));
  t.equal(octets(client, 1), 21010);
  client.send(settings([[SETTING.initialWindowSize, 0]]), headers(3, get('/small.txt')));
  t.equal(octets(client, 3), 0);
  client.send(settings([[SETTING.initialWindowSize, 65535]]), frame(FRAME.windowUpdate, 0, 0, word(100_000)));
  t.equal(client.response(3).text, 'small');
});

t.test('RFC 9113 6.9.2: a change by which a window overflows is an error of the connection', async (t) => {
  const client = connect();
  client.send(headers(1, get('/large.bin')));
  client.send(frame(FRAME.windowUpdate, 0, 1, word(0x7fffffff)), settings([[SETTING.initialWindowSize, 65536]]));
  t.equal(client.goAway?.code, ERROR.flowControlError);
});

t.test('content comes whole, however windows are opened, in frames of at most 16,384 octets', async (t) => {
  for (const step of [777, 16384, 100000]) {
    const client = connect([[SETTING.initialWindowSize, step]]);
    client.send(headers(1, get('/large.bin', ['range', 'bytes=0-299999'])));
    while (!client.streams.get(1)!.ended)
      client.send(frame(FRAME.windowUpdate, 0, 0, word(step)), frame(FRAME.windowUpdate, 0, 1, word(step)));
    const { status, body } = client.response(1);
    t.equal(status, 206);
    t.equal(Buffer.compare(body, LARGE.subarray(0, 300000)), 0, `steps of ${step}`);
  }
});

/** A client with endless windows, which reads nothing yet. */
function unread(flow: ReturnType<Setup['connect']>): Http2Client {
  const client = new Http2Client(flow, [[SETTING.initialWindowSize, 0x7fffffff]]);
  client.opens = false;
  client.window = Number.POSITIVE_INFINITY;
  client.send(frame(FRAME.windowUpdate, 0, 0, word(0x7fffffff - 65535)));
  flow.reading = false;
  return client;
}

t.test('what a peer does not read is references: megabytes that wait cost a stream and no copy', async (t) => {
  const setup = new Setup({ store: () => large() });
  const flow = setup.connect();
  const client = unread(flow);
  let copied = 0;
  const { write } = flow;
  flow.write = (memory: Memory, start: number, end: number) => {
    if (memory.bytes.length !== LARGE.length) copied += memory.bytes.length;
    write.call(flow, memory, start, end);
  };
  for (let i = 0; i < 100; i++) flow.send(headers(i * 2 + 1, get('/large.bin')));
  t.ok(flow.queued < 600_000, `${flow.queued} bytes are queued of 100 MB`);
  t.ok(copied < 40_000, `${copied} bytes were made for it`);
  flow.reading = true;
  flow.take(Number.POSITIVE_INFINITY);
  client.read();
  t.equal([...client.streams.values()].filter((one) => one.ended).length, 100, 'all of them come in the end');
});

t.test('short content is copied for as much as docs/http2.md says, and referred to beyond', async (t) => {
  const [own = 0, most = 0] = documented('docs/http2.md', 'copies of short content on their way');
  const short = new Uint8Array(4000).fill(0x61);
  const store = new HandMadeStore({ '/short.txt': { type: 'text/plain', content: short } });
  const flow = new Setup({ store: () => store }).connect();
  unread(flow);
  let copied = 0;
  let referred = 0;
  const { write } = flow;
  flow.write = (memory: Memory, start: number, end: number) => {
    if (memory.bytes.length === short.length) referred += end - start;
    else copied += end - start;
    write.call(flow, memory, start, end);
  };
  for (let i = 0; i < 90; i++) flow.send(headers(i * 2 + 1, get('/short.txt')));
  t.equal(flow.queued, copied + referred);
  t.ok(copied > own && copied <= most + 90 * 200, `${copied} bytes of copies, with the frames and heads`);
  t.ok(referred >= 90 * short.length - most, `${referred} bytes by reference`);
});

t.test(
  'copies of all connections together are as many as docs/http2.md says; then each has its own share',
  async (t) => {
    const [own = 0, one = 0, all = 0] = documented('docs/http2.md', 'copies of short content on their way');
    const short = new Uint8Array(4000).fill(0x61);
    const store = new HandMadeStore({ '/short.txt': { type: 'text/plain', content: short } });
    const setup = new Setup({ store: () => store });
    // Clients that leave their copies unread, until one of them gets no more than its share.
    const copiesOf = (): number => {
      const flow = setup.connect();
      flow.write = (memory: Memory, start: number, end: number) => {
        flow.queued += end - start;
        if (memory.bytes.length !== short.length) copied += end - start;
      };
      flow.flush = () => undefined;
      let copied = 0;
      flow.send(new TextEncoder().encode('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'));
      flow.send(settings());
      flow.send(frame(FRAME.windowUpdate, 0, 0, word(0x7fffffff - 65535)));
      for (let i = 0; i < 40; i++) flow.send(headers(i * 2 + 1, get('/short.txt')));
      return copied;
    };
    const first = copiesOf();
    t.ok(first > one - 4000 && first < one + 40 * 200, `${first} bytes of copies of the first`);
    let clients = 1;
    while (copiesOf() > own + 40 * 200 && clients < 10_000) clients++;
    const beyond = (clients * (one - own)) / all;
    t.ok(beyond > 0.95 && beyond < 1.1, `${clients} clients have ${(beyond * 100).toFixed()} % of it`);
  },
);

t.test('the network is asked to tell when there is room, and frames are made then', async (t) => {
  const setup = new Setup({ store: () => large() });
  const flow = setup.connect();
  const client = unread(flow);
  flow.send(headers(1, get('/large.bin')));
  let most = 0;
  while (!client.streams.get(1)?.ended) {
    most = Math.max(most, flow.queued);
    flow.take(30_000);
    client.read();
  }
  t.ok(most < 600_000, `${most} bytes at once`);
  t.equal(Buffer.compare(client.response(1).body, LARGE), 0);
});

t.test('an answer whose stream is reset stops, and others go on', async (t) => {
  const client = connect();
  client.send(
    headers(1, get('/large.bin')),
    frame(FRAME.rstStream, 0, 1, word(ERROR.cancel)),
    headers(3, get('/small.txt')),
  );
  t.equal(client.streams.get(1), undefined, 'not even its head was sent');
  t.equal(client.response(3).text, 'small');
});

t.test('a range of several parts is one answer of many pieces', async (t) => {
  const client = connect([], siteStore());
  client.opens = true;
  const { status, fields, body } = client.response(client.request(get('/movie.mp4', ['range', 'bytes=0-9,5000-5009'])));
  t.equal(status, 206);
  t.equal(body.length, Number(fields.get('content-length')));
  t.ok(Buffer.from(body).includes(Buffer.from(MOVIE.subarray(5000, 5010))));
});
