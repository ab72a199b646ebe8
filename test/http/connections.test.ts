import t from 'tap';
import { MOVIE } from './hand-made-store.js';
import { parseResponses } from './responses.js';
import { request, Setup } from './setup.js';

t.test('RFC 9112 9.3: HTTP/1.1 persists, HTTP/1.0 only when asked, and is told so', async (t) => {
  const setup = new Setup();
  const old = setup.exchange('GET /docs/ HTTP/1.0\r\n\r\n');
  t.ok(old.ended);
  t.equal(parseResponses(old.received)[0]!.fields.get('connection'), 'close');
  const kept = setup.exchange('GET /docs/ HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n');
  t.notOk(kept.ended);
  t.equal(parseResponses(kept.received)[0]!.fields.get('connection'), 'keep-alive');
  kept.send('GET /docs/ HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n');
  t.ok(kept.ended);
  t.equal(parseResponses(kept.received).length, 2);
});

t.test(
  'RFC 9112 9.6: Connection: close is honoured and announced, in any list, case and number of lines',
  async (t) => {
    for (const lines of [['Connection: close'], ['Connection: x, CLOSE ,y'], ['Connection: x', 'connection: close']]) {
      const flow = new Setup().exchange(request('GET', '/docs/', ...lines) + request('GET', '/'));
      const answers = parseResponses(flow.received);
      t.equal(answers.length, 1, 'nothing after it is answered');
      t.equal(answers[0]!.fields.get('connection'), 'close');
      t.ok(flow.ended);
    }
    t.notOk(new Setup().exchange(request('GET', '/docs/', 'Connection: closed, x-close')).ended);
  },
);

t.test('A client that has sent FIN is answered in full', async (t) => {
  const setup = new Setup();
  const flow = setup.connect();
  flow.reading = false;
  flow.send(request('GET', '/movie.mp4') + request('GET', '/docs/'));
  flow.finish();
  flow.take(5000);
  t.equal(flow.closed, undefined);
  flow.take(1e9);
  t.same(
    parseResponses(flow.received).map((a) => a.body.length),
    [MOVIE.length, 4],
  );
  t.equal(flow.closed, 'finished');
  t.equal(setup.server.connections, 0);
});

t.test('RFC 9112 8: a request that breaks off is 400; FIN between requests is the end', async (t) => {
  const setup = new Setup();
  for (const [bytes, statuses] of [
    ['', []],
    ['\r\n', []],
    ['\r', []],
    [request('GET', '/docs/'), [200]],
    ['GET / HT', [400]],
    ['GET / HTTP/1.1\r\nHost: a\r\n', [400]],
    [`${request('GET', '/', 'Content-Length: 5')}hell`, [400]],
    [`${request('GET', '/', 'Transfer-Encoding: chunked')}5\r\nhello\r\n`, [400]],
  ] as const) {
    const flow = setup.exchange(bytes);
    flow.finish();
    t.same(
      parseResponses(flow.received).map((a) => a.status),
      statuses,
      JSON.stringify(bytes),
    );
    t.equal(flow.closed, 'finished');
  }
  t.equal(setup.server.connections, 0);
});

t.test('After an error what the client still sends is read and thrown away, up to a bound', async (t) => {
  const setup = new Setup({ limits: { linger: 10000 } });
  const flow = setup.exchange('NONSENSE\r\n');
  t.ok(flow.ended, 'FIN is sent');
  flow.send('x'.repeat(9000));
  t.equal(flow.closed, undefined, 'but the connection is not reset under the answer');
  t.notOk(flow.paused);
  flow.send('x'.repeat(1001));
  t.ok(flow.paused, 'beyond it nothing more is read');
  t.equal(flow.closed, undefined, 'the client may still read the answer');
  setup.clock.advance(5100);
  t.equal(flow.closed, 'reset-by-us', 'for a while');
  t.equal(setup.server.connections, 0);
});

t.test('After the last answer the connection waits a while for FIN', async (t) => {
  const setup = new Setup();
  const flow = setup.exchange(request('GET', '/', 'Connection: close'));
  setup.clock.advance(4900);
  t.equal(flow.closed, undefined);
  setup.clock.advance(200);
  t.equal(flow.closed, 'reset-by-us');
  t.equal(setup.clock.pending, 0);
});

t.test('Pipelined requests wait when many answers are queued, and other connections have their turn', async (t) => {
  const setup = new Setup({ limits: { queued: 25000, turn: 1000 } });
  const flow = setup.connect();
  flow.reading = false;
  flow.send(request('GET', '/movie.mp4').repeat(10) + request('HEAD', '/'));
  t.ok(flow.queued < 45000, 'bounded');
  t.ok(flow.paused, 'nothing more is read');
  flow.send(request('GET', '/docs/', 'Connection: close'));
  flow.finish();
  for (let i = 0; i < 1000 && flow.closed === undefined; i++) {
    t.ok(flow.queued < 45000);
    flow.take(1000);
  }
  const answers = parseResponses(flow.received, [...Array(10).fill('GET'), 'HEAD']);
  t.equal(answers.length, 12);
  t.equal(answers[11]!.text, 'docs');
  t.equal(flow.closed, 'finished');
});

t.test('A reader that takes nothing holds little that was made for it alone', async (t) => {
  const setup = new Setup();
  const flow = setup.connect();
  flow.reading = false;
  flow.send(request('GET', `/docs?${'&'.repeat(7000)}`).repeat(20));
  t.ok(flow.queued > 16_384 && flow.queued < 32_768, `${flow.queued} bytes`);
  flow.reading = true;
  flow.flush();
  flow.finish();
  const answers = parseResponses(flow.received);
  t.equal(answers.length, 20);
  for (const { status, fields, body } of answers) {
    t.equal(status, 301);
    t.equal(fields.get('location'), `/docs/?${'&'.repeat(7000)}`);
    t.ok(body.length < 1000, 'the page does not repeat it');
  }
});

t.test('After a number of pipelined requests others have their turn', async (t) => {
  const setup = new Setup({ limits: { turn: 4 } });
  const flow = setup.connect();
  flow.reading = false;
  flow.send(request('GET', '/docs/').repeat(10));
  t.ok(flow.paused);
  const size = parseResponses(setup.exchange(request('GET', '/docs/')).received).length;
  t.equal(size, 1);
  const before = flow.queued;
  flow.take(1e9);
  t.equal(
    flow.chunks.reduce((n, c) => n + c.length, 0),
    before,
    'four answers',
  );
  for (let i = 0; i < 10; i++) flow.take(1e9);
  t.equal(parseResponses(flow.received).length, 10);
  t.notOk(flow.paused);
});

t.test('A connection closes after its last allowed request', async (t) => {
  const flow = new Setup({ limits: { requestsPerConnection: 3 } }).exchange(request('GET', '/docs/').repeat(5));
  const answers = parseResponses(flow.received);
  t.same(
    answers.map((a) => a.fields.get('connection')),
    [undefined, undefined, 'close'],
  );
  t.ok(flow.ended);
});

t.test('Draining ends idle connections at once and busy ones with their answer', async (t) => {
  const setup = new Setup();
  const idle = setup.exchange(request('GET', '/docs/'));
  const fresh = setup.connect();
  const busy = setup.exchange('GET / HTTP/1.1\r\n');
  const slow = setup.connect();
  slow.reading = false;
  slow.send(request('GET', '/movie.mp4'));
  setup.server.drain();
  t.ok(idle.ended);
  t.ok(fresh.ended);
  t.notOk(busy.ended);
  busy.send('Host: a\r\n\r\n');
  t.equal(parseResponses(busy.received)[0]!.fields.get('connection'), 'close');
  t.ok(busy.ended);
  slow.take(1e9);
  t.equal(parseResponses(slow.received)[0]!.body.length, MOVIE.length);
  t.ok(slow.ended);
});

t.test('A store that comes while an answer is on its way takes no part in it', async (t) => {
  const setup = new Setup();
  const other = new Setup().store;
  let current = setup.store;
  const both = new Setup({ store: () => current });
  const flow = both.connect();
  flow.reading = false;
  flow.send(request('GET', '/movie.mp4'));
  current = other;
  flow.send(request('GET', '/docs/'));
  flow.take(1e9);
  t.equal(setup.store.lookups.length, 1);
  t.equal(other.lookups.length, 1);
  t.same(parseResponses(flow.received)[0]!.body, MOVIE);
});
