/** What is particular about answers in HTTP/2: how they are written, logged and known again. */
import t from 'tap';
import { DEFAULT_LIMITS } from '../../../src/http/contracts/limits.js';
import { ERROR, FLAG, FRAME, SETTING } from '../../../src/http/h2/frames.js';
import { RequestHead } from '../../../src/http/h2/request-head.js';
import { HpackDecoder } from '../../../src/http/hpack/decoder.js';
import { DynamicTable } from '../../../src/http/hpack/dynamic-table.js';
import { accessLine } from '../../../src/http/index.js';
import { Memory } from '../../../src/memory/memory.js';
import type { Extent, Lookup, Store } from '../../../src/store/index.js';
import { PAGE } from '../hand-made-store.js';
import { MemoryFlow } from '../memory-flow.js';
import { Setup } from '../setup.js';
import { block, frame, get, Http2Client, headers, settings } from './client.js';
import { indexing } from './hpack.js';

t.test('a line in the log says HTTP/2.0, and what the request said', async (t) => {
  const lines: string[] = [];
  const json: string[] = [];
  const setup = new Setup({
    log: (record) => {
      lines.push(accessLine('combined', record));
      json.push(accessLine('json', record));
    },
  });
  const client = new Http2Client(MemoryFlow.connect(setup.server.accept));
  client.request(get('/docs/?a=b', ['user-agent', 'test/1'], ['referer', 'http://example.org/']));
  client.request([[':method', 'POST'], ...get('/docs/').slice(1)], new Uint8Array(3));
  client.request(get(`/${'a'.repeat(9000)}`));
  t.match(lines[0], /"GET \/docs\/\?a=b HTTP\/2\.0" 200 4 "http:\/\/example\.org\/" "test\/1" \d/);
  t.match(lines[1], /"POST \/docs\/ HTTP\/2\.0" 405 /);
  t.match(lines[2], /"-" 414 /, 'of a request that is refused for its length nothing is repeated');
  t.match(json[0], /"protocol":"HTTP\/2\.0","host":"example\.org","status":200/);
});

t.test('a request that came before is answered without looking its path up; in each version for itself', async (t) => {
  const setup = new Setup();
  const client = new Http2Client(setup.connect());
  const counts: number[] = [];
  for (let i = 0; i < 6; i++) {
    t.equal(
      client.response(client.request(get('/', ['accept-encoding', 'gzip']))).fields.get('content-encoding'),
      'gzip',
    );
    counts.push(setup.store.lookups.length);
  }
  t.equal(counts[5], counts[2], `${counts}: no look-up after the third`);
  t.equal(client.response(client.request(get('/'))).text, PAGE, 'other fields, another answer');
  const other = new Http2Client(setup.connect());
  t.equal(other.response(other.request(get('/', ['accept-encoding', 'gzip'], ['priority', 'u=1']))).status, 200);
  const malformed = other.request([...get('/', ['accept-encoding', 'gzip']), ['x', ' ']]);
  t.equal(other.streams.get(malformed)!.reset, 1);
});

t.test('a name that holds what looks like a whole line is no name, though the same lines are known', async (t) => {
  const client = new Http2Client(new Setup().connect());
  for (let i = 0; i < 4; i++) client.request(get('/docs/', ['x', '1'], ['y', '2']));
  const smuggled = client.request(get('/docs/', ['x: 1\r\ny', '2']));
  t.equal(client.streams.get(smuggled)!.reset, ERROR.protocolError);
});

t.test('the date is of the second in which it is sent', async (t) => {
  const setup = new Setup();
  const client = new Http2Client(setup.connect());
  const dates = [0, 400, 700, 2000].map((wait) => {
    setup.clock.advance(wait);
    return client.response(client.request(get('/docs/'))).fields.get('date');
  });
  t.same(
    dates.map((date) => date!.slice(17, 25)),
    ['08:49:37', '08:49:37', '08:49:38', '08:49:40'],
  );
});

/** A store whose one page has a head of so many octets. */
function longHead(length: number): Store {
  const extent = (text: string): Extent => {
    const bytes = new TextEncoder().encode(text);
    return { memory: new Memory(bytes), start: 0, end: bytes.length };
  };
  const head = extent(`HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Long: ${'\xe9'.repeat(length / 2)}\r\n`);
  const representation = {
    coding: 'identity' as const,
    body: extent('page'),
    etag: '"a"',
    headOk: head,
    headNotModified: head,
    headPartial: head,
    headFailed: head,
  };
  const found: Lookup = {
    kind: 'resource',
    resource: { path: '/', contentType: 'text/plain', representations: [representation] },
  };
  return { id: 'long', size: 1, lookup: () => found, resources: () => [], close: () => undefined };
}

t.test('RFC 9113 6.10: a field block longer than a frame goes on in CONTINUATION', async (t) => {
  for (const length of [16300, 40000]) {
    const client = new Http2Client(new Setup({ store: () => longHead(length) }).connect());
    const { fields, text } = client.response(client.request(get('/')));
    t.equal(text, 'page');
    t.equal(fields.get('x-long')!.length, length);
    const frames = client.frames.filter(({ type }) => type === FRAME.headers || type === FRAME.continuation);
    t.equal(frames.filter(({ flags }) => (flags & FLAG.endHeaders) !== 0).length, 1);
    t.ok(frames.length > 1 || length < 16384);
  }
});

t.test('RFC 9113 4.3.1: a smaller table is acknowledged at the start of the next block, once', async (t) => {
  const client = new Http2Client(new Setup().connect(), [[SETTING.headerTableSize, 0]]);
  for (let i = 0; i < 3; i++) client.request(get('/docs/'));
  client.send(settings([[SETTING.headerTableSize, 4096]]), settings([[SETTING.headerTableSize, 10]]));
  client.request(get('/docs/'));
  t.same(
    client.of(FRAME.headers).map(({ payload }) => payload[0] === 0x20),
    [true, false, false, false],
  );
});

t.test('what a head is decoded into has room for the worst that a block can be', async (t) => {
  const limit = 49152;
  const head = new RequestHead(DEFAULT_LIMITS, limit);
  const decoder = new HpackDecoder(head);
  const table = new DynamicTable();
  // The densest there is: a Huffman string of zeros is of codes of five bits.
  const dense = (length: number): Uint8Array =>
    Uint8Array.from([0, 1, 0x78, 0xff, ...lengthOf(length), ...new Uint8Array(length)]);
  const small = indexing([['y', 'v'.repeat(3900)]]);
  const bombs = [
    Buffer.concat([small, new Uint8Array(limit - small.length).fill(0xbe)]),
    dense(40000),
    Buffer.concat([new Uint8Array(900).fill(0x82), dense(40000)]),
  ];
  for (const bomb of bombs) {
    head.begin();
    decoder.decode(table, bomb, 0, bomb.length, head);
    t.ok(head.full);
    t.ok(head.at <= DEFAULT_LIMITS.head, `${head.at} octets are kept`);
    t.ok(head.at + bomb.length * 2 <= head.bytes.length);
  }
});

function lengthOf(length: number): number[] {
  const rest = length - 127;
  return [(rest & 127) | 128, ((rest >> 7) & 127) | 128, rest >> 14];
}

t.test('a request whose END_STREAM comes on its own is answered then', async (t) => {
  const client = new Http2Client(new Setup().connect());
  client.send(block(1, indexing(get('/docs/')), false));
  t.equal(client.streams.get(1), undefined);
  client.send(frame(FRAME.data, 1, 1), headers(3, get('/docs/')));
  t.equal(client.response(1).text, 'docs');
});
