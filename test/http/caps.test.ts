import t from 'tap';
import { parseResponses } from './responses.js';
import { request, Setup } from './setup.js';

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
