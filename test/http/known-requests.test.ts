import fc from 'fast-check';
import t from 'tap';
import { isLoopback } from '../../src/http/index.js';
import type { Lookup } from '../../src/store/store.js';
import { HandMadeStore, siteStore } from './hand-made-store.js';
import { MemoryFlow } from './memory-flow.js';
import { parseResponses } from './responses.js';
import { request, Setup } from './setup.js';

const type = 'text/html; charset=utf-8';
const page = (content: string): HandMadeStore => new HandMadeStore({ '/index.html': { type, content } });

/** Statuses and contents of what `requests` are answered with, on one connection. */
function answers(setup: Setup, ...requests: string[]): string[] {
  const flow = setup.connect();
  for (const one of requests) flow.send(one);
  const methods = requests.map((one) => (one.startsWith('HEAD') ? 'HEAD' : 'GET'));
  return parseResponses(flow.received, methods).map(({ status, text }) => `${status} ${text.slice(0, 20)}`);
}

t.test(
  'A request that came twice is known: on this connection and on others nothing is looked up for it',
  async (t) => {
    const setup = new Setup();
    const docs = request('GET', '/docs/');
    answers(setup, docs, docs);
    const before = setup.store.lookups.length;
    t.same(answers(setup, docs, docs, docs + docs), Array(4).fill('200 docs'));
    t.equal(setup.store.lookups.length, before);
    t.same(answers(setup, request('GET', '/docs/', 'X: y')), ['200 docs']);
    t.equal(setup.store.lookups.length, before + 1, 'one line more is another request');
    t.equal(setup.server.stats().answers.get(200), 7);
  },
);

t.test('Another version of the site is answered with at once', async (t) => {
  let store = page('one');
  const setup = new Setup({ store: () => store });
  const home = request('GET', '/');
  const flow = setup.connect();
  for (const content of ['one', 'two', 'one again']) {
    store = page(content);
    for (let i = 0; i < 4; i++) {
      flow.chunks.length = 0;
      flow.send(home);
      t.equal(parseResponses(flow.received, ['GET'])[0]!.text, content);
    }
  }
});

t.test('What depends on more than its bytes is looked at each time', async (t) => {
  const setup = new Setup();
  const etag = setup.get('/docs/').fields.get('etag')!;
  const docs = request('GET', '/docs/');
  for (const [one, expected] of [
    [request('GET', '/docs/', `If-None-Match: ${etag}`), '304 '],
    [request('GET', '/docs/', 'If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT'), '304 '],
    [request('GET', '/docs/', 'If-Match: "other"'), '412 '],
    [request('GET', '/docs/', 'Range: bytes=1-2'), '206 oc'],
    [request('HEAD', '/docs/'), '200 '],
    [request('GET', '/docs'), '301 '],
    [request('GET', '/nothing'), '404 nothing here'],
  ] as const) {
    const before = setup.store.lookups.length;
    const got = answers(setup, docs, docs, docs, one, one, one, docs);
    t.equal(got.length, 7, one);
    for (const index of [3, 4, 5]) t.ok(got[index]!.startsWith(expected), `${one}: ${got[index]}`);
    t.equal(got[6], '200 docs', one);
    t.ok(setup.store.lookups.length >= before + 3, one);
  }
});

t.test('OPTIONS and what is refused leave nothing that a later request is taken for', async (t) => {
  const setup = new Setup();
  const docs = request('GET', '/docs/');
  const options = request('OPTIONS', '/docs/');
  const post = request('POST', '/docs/', 'Content-Length: 0');
  answers(setup, docs, docs);
  for (const [one, status] of [
    [options, '204 '],
    [post, '405 '],
  ] as const) {
    t.match(answers(setup, docs, one, one, one, docs), [
      '200 docs',
      ...Array(3).fill(new RegExp(`^${status}`)),
      '200 docs',
    ]);
  }
});

t.test('The last request that a connection may make is told so, and so is each while the server drains', async (t) => {
  const setup = new Setup({ limits: { requestsPerConnection: 3 } });
  const docs = request('GET', '/docs/');
  for (let round = 0; round < 3; round++) {
    const flow = setup.connect();
    for (let i = 0; i < 4; i++) flow.send(docs);
    const got = parseResponses(flow.received, ['GET', 'GET', 'GET', 'GET']);
    t.same(
      got.map((one) => one.fields.get('connection')),
      [undefined, undefined, 'close'],
    );
    t.ok(flow.ended);
  }
  const flow = setup.connect();
  flow.send(docs);
  setup.server.drain();
  flow.chunks.length = 0;
  flow.send(docs);
  if (flow.received.length > 0) t.equal(parseResponses(flow.received, ['GET'])[0]!.fields.get('connection'), 'close');
  t.ok(flow.ended);
});

t.test('Where a page about the server is, each client gets what it may see', async (t) => {
  const store = new HandMadeStore({ '/status': { type, content: 'of the site' } });
  const render = () => ({ status: 200 as const, contentType: 'text/plain', body: 'of the server' });
  const setup = new Setup({ store: () => store, livePages: [{ path: '/status', render, permits: isLoopback }] });
  const ask = (address: string): string => {
    const flow = MemoryFlow.connect(setup.server.accept, address);
    flow.send(request('GET', '/status').replace('example.org', '192.0.2.1'));
    return parseResponses(flow.received, ['GET'])[0]!.text;
  };
  for (let i = 0; i < 4; i++) {
    t.equal(ask('198.51.100.7'), 'of the site');
    t.equal(ask('127.0.0.1'), 'of the server');
  }
});

t.test('Sites of several hosts are not mixed up', async (t) => {
  const [one, two] = [page('one'), page('two')];
  const setup = new Setup({ store: () => one, hosts: { 'two.example': () => two } });
  const home = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  for (let i = 0; i < 4; i++) t.same(answers(setup, home('one.example'), home('two.example')), ['200 one', '200 two']);
});

t.test('What the store has for a while only is asked for anew', async (t) => {
  const kept = page('kept').lookup(new TextEncoder().encode('/'), 0, 1);
  if (kept.kind !== 'resource') throw new Error();
  let found: Lookup = { kind: 'resource', resource: { ...kept.resource, passing: true } };
  const store = Object.assign(siteStore(), { lookup: () => found });
  const setup = new Setup({ store: () => store });
  const home = request('GET', '/');
  t.same(answers(setup, home, home, home), Array(3).fill('200 kept'));
  found = { kind: 'missing', page: undefined };
  t.match(answers(setup, home), [/^404/]);
});

t.test('With a log each request has its line', async (t) => {
  const lines: string[] = [];
  const setup = new Setup({ log: (record) => lines.push(`${record.status} ${record.target}`) });
  const docs = request('GET', '/docs/');
  answers(setup, docs, docs, docs, docs);
  t.same(lines, Array(4).fill('200 /docs/'));
});

t.test('Any requests in any pieces have the answers that a server has which knows none', async (t) => {
  const target = fc.constantFrom(
    '/',
    '/docs/',
    '/docs',
    '/movie.mp4',
    '/empty.css',
    '/nothing',
    '/%2e/docs/',
    '*',
    '/?a',
    '/?b',
  );
  const lines = fc.subarray([
    'Accept-Encoding: br',
    'Accept-Encoding: gzip;q=0',
    'Range: bytes=0-3',
    'If-None-Match: *',
    'Connection: keep-alive',
    'Content-Length: 0',
    'X: 1',
  ]);
  const method = fc.constantFrom('GET', 'GET', 'GET', 'GET', 'HEAD', 'OPTIONS', 'POST');
  const one = fc.tuple(method, target, lines).map(([verb, path, some]) => request(verb, path, ...some));
  const run = fc.record({
    requests: fc.array(one, { minLength: 1, maxLength: 4 }),
    order: fc.array(fc.nat(3), { minLength: 1, maxLength: 30 }),
    cuts: fc.array(fc.nat(2000), { maxLength: 6 }),
  });
  fc.assert(
    fc.property(run, ({ requests, order, cuts }) => {
      const all = order.map((index) => requests[index % requests.length]!).join('');
      const places = [0, ...cuts.map((cut) => cut % all.length).sort((a, b) => a - b), all.length];
      const [known, unknown] = [new Setup(), new Setup({ log: () => undefined })].map((setup) => {
        const flow = setup.connect();
        for (let i = 1; i < places.length; i++) flow.send(all.slice(places[i - 1], places[i]));
        // Once more, whole requests at a time: by now they are known.
        const again = setup.connect();
        for (const index of order) again.send(requests[index % requests.length]!);
        return [flow.text, again.text, [...setup.server.stats().answers], setup.server.stats().contentBytes];
      });
      t.same(known, unknown);
    }),
    { numRuns: 300 },
  );
});
