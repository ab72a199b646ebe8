import t from 'tap';
import { DEFAULT_TIMEOUTS } from '../../src/http/contracts/limits.js';
import { MemoryFlow } from './memory-flow.js';
import { parseResponses } from './responses.js';
import { request, Setup } from './setup.js';

const timeouts = { head: 10000, body: 8000, idle: 30000, send: 20000, linger: 5000 };

t.test('RFC 9110 15.5.9: a head that does not end in time is 408, however it trickles in', async (t) => {
  const setup = new Setup({ timeouts });
  const flow = setup.connect();
  for (const c of 'GET / HTT') {
    flow.send(c);
    setup.clock.advance(1000);
  }
  t.equal(flow.ended, false);
  setup.clock.advance(2000);
  const [answer] = parseResponses(flow.received);
  t.equal(answer!.status, 408);
  t.equal(answer!.fields.get('connection'), 'close');
  t.ok(flow.ended);
  setup.clock.advance(6000);
  t.equal(flow.closed, 'reset-by-us');
  t.equal(setup.clock.pending, 0, 'no timer is left');
});

t.test('A connection that sends nothing is closed without a word', async (t) => {
  const setup = new Setup({ timeouts });
  const flow = setup.connect();
  setup.clock.advance(9900);
  t.notOk(flow.ended);
  setup.clock.advance(200);
  t.ok(flow.ended);
  t.equal(flow.text, '');
});

t.test('An idle connection is closed when its time is over, counted from the last request', async (t) => {
  const setup = new Setup({ timeouts });
  const flow = setup.exchange(request('GET', '/docs/'));
  setup.clock.advance(29000);
  flow.send(request('GET', '/docs/'));
  setup.clock.advance(29000);
  t.notOk(flow.ended);
  setup.clock.advance(1100);
  t.ok(flow.ended);
  t.equal(parseResponses(flow.received).length, 2, 'without 408: there is no request');
});

t.test('Content that does not arrive in time is 408', async (t) => {
  const setup = new Setup({ timeouts });
  const flow = setup.exchange(`${request('GET', '/', 'Content-Length: 100')}abc`);
  for (let i = 0; i < 7; i++) {
    setup.clock.advance(1000);
    flow.send('x');
  }
  t.equal(flow.text, '');
  setup.clock.advance(1100);
  t.equal(parseResponses(flow.received)[0]!.status, 408);
});

t.test('Each pipelined request has the whole time for its head and its content', async (t) => {
  const setup = new Setup({ timeouts });
  const flow = setup.connect();
  const one = request('GET', '/docs/', 'Content-Length: 2');
  flow.send(one.slice(0, 10));
  for (let i = 0; i < 20; i++) {
    setup.clock.advance(5000);
    flow.send(`${one.slice(10)}a`);
    setup.clock.advance(5000);
    flow.send(`b${one.slice(0, 10)}`);
  }
  const answers = parseResponses(flow.received);
  t.equal(answers.length, 20);
  t.ok(answers.every((a) => a.status === 200));
});

t.test('A reader that takes nothing is reset; one that takes little is not', async (t) => {
  const setup = new Setup({ timeouts });
  const stuck = setup.connect();
  const slow = setup.connect();
  stuck.reading = slow.reading = false;
  stuck.send(request('GET', '/movie.mp4'));
  slow.send(request('GET', '/movie.mp4'));
  for (let i = 0; i < 100; i++) {
    slow.take(100);
    setup.clock.advance(1000);
  }
  t.equal(stuck.closed, 'reset-by-us');
  t.equal(slow.closed, undefined);
  slow.take(1e9);
  t.equal(parseResponses(slow.received)[0]!.body.length, 10000);
});

t.test(
  'A reader that took a part and then nothing is reset when its time is over, and not in twice of it',
  async (t) => {
    const setup = new Setup({ timeouts });
    const flow = setup.connect();
    flow.reading = false;
    flow.send(request('GET', '/movie.mp4'));
    setup.clock.advance(1000);
    flow.take(5000);
    setup.clock.advance(timeouts.send - 1000);
    t.equal(flow.closed, undefined);
    setup.clock.advance(timeouts.send / 6 + 1100);
    t.equal(flow.closed, 'reset-by-us');
  },
);

t.test(
  'By default a connection may be idle for longer than the minute of load balancers, and a reader still for one',
  (t) => {
    t.equal(DEFAULT_TIMEOUTS.idle, 75_000);
    t.equal(DEFAULT_TIMEOUTS.send, 60_000);
    t.end();
  },
);

t.test('A slow reader is not cut off by the wait for its FIN', async (t) => {
  const setup = new Setup({ timeouts });
  const flow = setup.connect();
  flow.reading = false;
  flow.send(request('GET', '/movie.mp4', 'Connection: close'));
  for (let i = 0; i < 40; i++) {
    setup.clock.advance(1000);
    flow.take(250);
  }
  flow.take(1e9);
  t.equal(parseResponses(flow.received)[0]!.body.length, 10000);
  setup.clock.advance(60000);
  t.equal(flow.closed, 'reset-by-us', 'in the end it is');
});

/** The connection goes to a program of the same kind, as it does at a deployment; answers its other end there. */
function move(
  from: Setup,
  flow: MemoryFlow,
  to: Setup,
  spoil: (record: { left?: unknown }) => void = () => {},
): MemoryFlow {
  const record = JSON.parse(JSON.stringify(from.server.freeze(flow))) as { left?: unknown };
  spoil(record);
  const there = new MemoryFlow();
  if (!to.server.adopt(there, record)) throw new Error('not adopted');
  from.server.moved(flow);
  to.server.thaw(there);
  return there;
}

t.test('A head has no more time because the program is replaced meanwhile, once or ten times', async (t) => {
  let setup = new Setup({ timeouts });
  let flow = setup.connect();
  flow.send('GET / HTT');
  for (let i = 0; i < 10; i++) {
    setup.clock.advance(900);
    const next = new Setup({ timeouts });
    flow = move(setup, flow, next);
    t.equal(setup.clock.pending, 0, 'the old one waits for nothing');
    setup = next;
  }
  flow.send('P/1.1');
  t.notOk(flow.ended);
  setup.clock.advance(1700);
  t.equal(parseResponses(flow.received)[0]?.status, 408);
});

t.test('An idle connection that moved ends when its time is over, one that asks waits anew', async (t) => {
  const old = new Setup({ timeouts });
  const flows = [1000, 14_000, 14_500].map((pause) => {
    const flow = old.exchange(request('GET', '/docs/'));
    old.clock.advance(pause);
    return flow;
  });
  const setup = new Setup({ timeouts });
  const [first, second, third] = flows
    .reverse()
    .map((flow) => move(old, flow, setup))
    .reverse() as [MemoryFlow, MemoryFlow, MemoryFlow];
  second.send(request('GET', '/docs/'));
  setup.clock.advance(600 + 1875);
  t.ok(first.ended, 'after 30 s, and at most a sixteenth more');
  t.notOk(third.ended);
  setup.clock.advance(14_000);
  t.ok(third.ended);
  t.notOk(second.ended);
  setup.clock.advance(14_000);
  t.ok(second.ended);
});

t.test(
  'A connection from a program that says nothing of its time has the whole of it; nonsense is refused',
  async (t) => {
    const old = new Setup({ timeouts });
    const setup = new Setup({ timeouts });
    const flow = old.exchange(request('GET', '/docs/'));
    old.clock.advance(29_000);
    const moved = move(old, flow, setup, (record) => {
      record.left = undefined;
    });
    setup.clock.advance(29_000);
    t.notOk(moved.ended);
    setup.clock.advance(3000);
    t.ok(moved.ended);
    t.throws(() =>
      move(old, old.exchange(request('GET', '/')), setup, (record) => {
        record.left = 'soon';
      }),
    );
  },
);

t.test('An idle connection that moved is ended when the server drains', async (t) => {
  const old = new Setup({ timeouts });
  const flow = old.exchange(request('GET', '/docs/'));
  old.clock.advance(9000);
  const setup = new Setup({ timeouts });
  const moved = move(old, flow, setup);
  setup.server.drain();
  t.ok(moved.ended);
});

t.test('The order of time-outs is kept among many connections', async (t) => {
  const setup = new Setup({ timeouts });
  const flows = Array.from({ length: 50 }, () => {
    const flow = setup.exchange(request('GET', '/docs/'));
    setup.clock.advance(100);
    return flow;
  });
  for (let i = 0; i < 50; i += 7) flows[i]!.send(request('GET', '/docs/'));
  for (let i = 1; i < 50; i += 7) flows[i]!.abort();
  setup.clock.advance(27600);
  t.same(
    flows.filter((f) => f.ended).length,
    flows.filter((_, i) => i % 7 !== 0 && i % 7 !== 1 && i < 26).length,
    'those whose time is over, and no others',
  );
  setup.clock.advance(60000);
  t.equal(setup.server.connections, 0);
  t.equal(setup.clock.pending, 0);
});
