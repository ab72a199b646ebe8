import t from 'tap';
import { HttpServer } from '../../src/http/index.js';
import { storeOf } from '../store/tree.js';
import { MemoryFlow } from './memory-flow.js';
import { parseResponses } from './responses.js';
import { request, Setup } from './setup.js';
import { VirtualClock } from './virtual-clock.js';

t.test(
  'RFC 9110 15.6.4: beyond the cap a request is answered 503 with Retry-After, and others are served',
  async (t) => {
    const setup = new Setup({ limits: { connections: 2 }, timeouts: { retryAfter: 1500 } });
    const first = setup.connect();
    setup.connect();
    const third = setup.connect();
    third.send(request('HEAD', '/').slice(0, 20));
    third.send(request('HEAD', '/').slice(20));
    const [answer] = parseResponses(third.received, ['HEAD']);
    t.equal(answer!.status, 503);
    t.equal(answer!.fields.get('retry-after'), '2');
    t.equal(answer!.fields.get('connection'), 'close');
    first.send(request('GET', '/docs/'));
    t.equal(parseResponses(first.received)[0]!.status, 200);
    third.finish();
    first.abort();
    t.equal(setup.connect().handler !== undefined, true);
    t.equal(setup.server.connections, 2);
  },
);

t.test('When a place is free again it is given away again', async (t) => {
  const setup = new Setup({ limits: { connections: 1 } });
  const first = setup.connect();
  const second = setup.connect();
  first.abort();
  const third = setup.exchange(request('GET', '/docs/'));
  t.equal(parseResponses(third.received)[0]!.status, 200);
  second.send(request('GET', '/docs/'));
  t.equal(parseResponses(second.received)[0]!.status, 503, 'who came too early stays refused');
});

t.test('Beyond what may wait for a refusal connections are reset', async (t) => {
  const setup = new Setup({ limits: { connections: 1, refusals: 3 } });
  const flows = Array.from({ length: 10 }, () => setup.connect());
  t.equal(flows.filter((f) => f.closed === 'reset-by-us').length, 6);
  t.equal(setup.server.connections, 4);
  setup.clock.advance(30000);
  t.equal(flows.filter((f) => f.closed === 'reset-by-us').length, 10, 'and those that say nothing too');
  t.equal(setup.server.connections, 0);
});

t.test('One address can be held to a number of connections', async (t) => {
  const setup = new Setup({ limits: { connectionsPerClient: 2 } });
  const status = (address: string): number => {
    const flow = setup.connect(address);
    flow.send(request('GET', '/docs/'));
    return parseResponses(flow.received)[0]!.status;
  };
  t.same(['a', 'a', 'a', 'b', 'b', 'b', 'c'].map(status), [200, 200, 503, 200, 200, 503, 200]);
  setup.clock.advance(200000);
  t.equal(setup.server.connections, 0);
  t.same(['a', 'a', 'a'].map(status), [200, 200, 503]);
});

t.test(
  'Unfinished requests of all connections together have a bound: who goes beyond it is answered 503, and others are served',
  async (t) => {
    const setup = new Setup({ limits: { unfinished: 4096 } });
    const part = `${request('GET', '/docs/').slice(0, -2)}X: ${'a'.repeat(400)}`;
    const slow = Array.from({ length: 10 }, () => setup.exchange(part));
    const refused = slow.filter((flow) => flow.received.length > 0);
    t.equal(refused.length, 2, 'each holds 512 bytes');
    const [answer] = parseResponses(refused[0]!.received);
    t.equal(answer!.status, 503);
    t.match(answer!.fields.get('retry-after'), /^\d+$/);
    t.equal(answer!.fields.get('connection'), 'close');
    t.equal(
      parseResponses(setup.exchange(request('GET', '/docs/')).received)[0]!.status,
      200,
      'whole ones need no room',
    );
    slow[0]!.send('\r\n\r\n');
    t.equal(parseResponses(slow[0]!.received)[0]!.status, 200);
    slow[1]!.abort();
    t.same(
      [0, 1, 2].map(() => setup.exchange(part).received.length > 0),
      [false, false, true],
      'room that is given back is used again',
    );
    setup.clock.advance(200_000);
    t.equal(setup.server.connections, 0);
    t.equal(setup.exchange(part).received.length, 0, 'nothing is counted that is gone');
  },
);

t.test('Heads of requests whose content is awaited, and pipelined requests, count among the unfinished', async (t) => {
  const setup = new Setup({ limits: { unfinished: 4096, turn: 1, queued: 1000 } });
  const awaited = request('GET', '/docs/', `X: ${'a'.repeat(900)}`, 'Content-Length: 5');
  const waiting = Array.from({ length: 6 }, () => setup.exchange(awaited));
  t.same(
    waiting.map((flow) => /^HTTP\/1.1 503/.test(flow.text)),
    [false, false, false, false, true, true],
  );
  waiting[0]!.send('hello');
  t.equal(parseResponses(waiting[0]!.received)[0]!.status, 200);
  for (const flow of waiting) flow.abort();

  const reader = setup.connect();
  reader.reading = false;
  reader.send(request('GET', '/movie.mp4').repeat(120));
  reader.reading = true;
  reader.flush();
  const statuses = parseResponses(reader.received).map((one) => one.status);
  t.equal(statuses.at(-1), 503, 'the next one in order');
  t.ok(statuses.slice(0, -1).every((status) => status === 200));
  reader.finish();
  t.equal(setup.server.connections, 0);
});

t.test(
  'Heads that are made for one request count as its own: who pipelines and does not read holds few of them',
  async (t) => {
    const long = 'x'.repeat(2000);
    const store = await storeOf(t, {
      'index.html': 'home',
      '404.html': 'lost',
      _headers: `/*\n  X-Long: ${long} :splat`,
      _redirects: '/app/* /index.html 200',
    });
    const server = new HttpServer({ store: () => store, clock: new VirtualClock() });
    for (const path of ['/app/7', '/nothing']) {
      const flow = MemoryFlow.connect(server.accept);
      flow.reading = false;
      flow.send(request('GET', path).repeat(64));
      t.ok(flow.queued > 16_384 && flow.queued < 24_576, `${flow.queued} bytes of answers of ${path} wait`);
      flow.reading = true;
      flow.flush();
      t.equal(parseResponses(flow.received).length, 64, 'all of them come');
    }
  },
);
