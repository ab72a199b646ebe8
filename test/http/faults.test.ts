/**
 * A mistake of ours, or of a store, in one flow's turn: it ends that flow, is counted and reported, and nothing else
 * happens.
 */
import t from 'tap';
import { FRAME } from '../../src/http/h2/frames.js';
import type { HttpOptions } from '../../src/http/index.js';
import type { Lookup, Representation, Resource } from '../../src/store/store.js';
import { frame, get, Http2Client, headers } from './h2/client.js';
import { siteStore } from './hand-made-store.js';
import { MemoryFlow } from './memory-flow.js';
import { parseResponses } from './responses.js';
import { request, Setup } from './setup.js';

const boom = (): never => {
  throw new Error('boom');
};

/** `object` with a property that throws when it is read. */
function broken<T extends object>(object: T, property: keyof T): T {
  return Object.defineProperty({ ...object }, property, { get: boom });
}

/** A server whose store gives `answer` for /boom. */
function setup(answer: () => Lookup, options: Partial<HttpOptions> = {}): { setup: Setup; seen: unknown[] } {
  const store = siteStore();
  const lookup = store.lookup.bind(store);
  store.lookup = (bytes, start, end) =>
    Buffer.from(bytes.subarray(start, end)).toString() === '/boom' ? answer() : lookup(bytes, start, end);
  const seen: unknown[] = [];
  const made = new Setup({ store: () => store, onFault: (error) => seen.push(error), ...options });
  return { setup: made, seen };
}

function movie(): Resource {
  const path = new TextEncoder().encode('/movie.mp4');
  const found = siteStore().lookup(path, 0, path.length);
  if (found.kind !== 'resource') throw new Error('no movie');
  return found.resource;
}

function withRepresentation(change: (r: Representation) => Representation): Lookup {
  const resource = movie();
  return { kind: 'resource', resource: { ...resource, representations: [change(resource.representations[0]!)] } };
}

/** Where an answer can go wrong: before any of it is written, or after. */
const before: Readonly<Record<string, () => Lookup>> = {
  'the look-up': boom,
  'the resource': () => broken({ kind: 'resource', resource: movie() } as Lookup & { kind: 'resource' }, 'resource'),
  'the representations': () => ({ kind: 'resource', resource: broken(movie(), 'representations') }),
  'the head': () => withRepresentation((r) => broken(r, 'headOk')),
  'the location': () => broken({ kind: 'redirect', status: 301, location: '/' } as const, 'location'),
};
const after: Readonly<Record<string, () => Lookup>> = {
  'a body that ends behind its memory': () =>
    withRepresentation((r) => ({ ...r, body: { ...r.body, end: r.body.end + 1 } })),
};

for (const [place, answer] of Object.entries(before)) {
  t.test(`a fault before anything is written is answered 500: ${place}`, async (t) => {
    const { setup: s, seen } = setup(answer);
    const other = s.connect();
    const flow = s.connect();
    // The answers before it are not touched.
    flow.send(request('GET', '/docs/') + request('GET', '/boom') + request('GET', '/docs/'));
    const responses = parseResponses(flow.received, ['GET', 'GET']);
    t.same(
      responses.map((one) => one.status),
      [200, 500],
    );
    t.equal(responses[1]!.fields.get('connection'), 'close');
    t.ok(flow.ended, 'the connection ends');
    t.equal(s.server.stats().faults, 1);
    t.match(seen, [{ stack: /boom|Error/ }]);
    other.send(request('GET', '/docs/'));
    t.match(other.text, /^HTTP\/1\.1 200 /, 'others go on');
    const head = s.connect();
    head.send(request('HEAD', '/boom'));
    t.match(head.text, /^HTTP\/1\.1 500 [\s\S]*\r\n\r\n$/, 'without content for HEAD');
  });
}

for (const [place, answer] of Object.entries(after)) {
  t.test(`a fault after something was written resets the flow: ${place}`, async (t) => {
    const { setup: s } = setup(answer);
    const other = s.connect();
    const flow = s.connect();
    flow.send(request('GET', '/boom'));
    t.equal(flow.closed, 'reset-by-us');
    t.equal(s.server.stats().faults, 1);
    t.equal(s.server.connections, 1);
    other.send(request('GET', '/docs/'));
    t.match(other.text, /^HTTP\/1\.1 200 /);
  });
}

for (const [place, answer] of Object.entries(before)) {
  t.test(`in HTTP/2 such a fault is the end of one answer, not of the connection: ${place}`, async (t) => {
    const { setup: s, seen } = setup(answer);
    const client = new Http2Client(s.connect());
    client.send(headers(1, get('/docs/')), headers(3, get('/boom')), headers(5, get('/docs/')));
    t.same(
      [1, 3, 5].map((stream) => client.response(stream).status),
      [200, 500, 200],
    );
    t.equal(s.server.stats().faults, 1);
    t.match(seen, [{ stack: /boom|Error/ }]);
    t.equal(client.response(client.request(get('/docs/'))).text, 'docs');
  });
}

t.test('in HTTP/2 a fault elsewhere resets the flow, and nothing of it reaches the next one', async (t) => {
  for (const options of [{ log: boom }, { log: boom, onFault: boom }]) {
    const { setup: s } = setup(boom, options);
    const other = new Http2Client(s.connect());
    const flow = s.connect();
    const client = new Http2Client(flow);
    t.throws(() => client.send(headers(1, get('/docs/')), headers(3, get('/'))) && client.response(1));
    t.equal(flow.closed, 'reset-by-us');
    t.equal(s.server.stats().faults, 1);
    t.equal(s.server.connections, 1);
    const frames = other.frames.length;
    other.send(frame(FRAME.ping, 0, 0, new Uint8Array(8)));
    t.same(
      other.frames.slice(frames).map(({ type, stream }) => [type, stream]),
      [[FRAME.ping, 0]],
    );
  }
});

t.test('a fault in a timer of HTTP/2 ends the connection that is due', async (t) => {
  const { setup: s } = setup(boom);
  class Broken extends MemoryFlow {
    override end(): void {
      boom();
    }
  }
  const one = new Broken();
  s.server.accept(one);
  const client = new Http2Client(one);
  client.send(headers(1, get('/docs/'), false));
  const two = new Http2Client(s.connect());
  two.request(get('/docs/'));
  s.clock.advance(200_000);
  t.equal(one.closed, 'reset-by-us');
  t.ok(two.flow.ended);
  t.equal(s.server.connections, 0);
});

t.test('a log that throws ends the flow it tells of, not the server', async (t) => {
  const { setup: s } = setup(boom, { log: boom });
  for (const path of ['/docs/', '/boom', '/none']) {
    const flow = s.connect();
    flow.send(request('GET', path));
    t.equal(flow.closed, 'reset-by-us', path);
  }
  t.equal(s.server.connections, 0);
});

t.test('a live page that throws is answered 500', async (t) => {
  const { setup: s } = setup(boom, { livePages: [{ path: '/live', render: boom }] });
  t.equal(s.get('/live').status, 500);
  t.equal(s.get('/docs/').status, 200);
});

t.test('a report that throws ends one flow', async (t) => {
  const { setup: s } = setup(boom, { onFault: boom });
  const flow = s.connect();
  flow.send(request('GET', '/boom'));
  t.equal(flow.closed, 'reset-by-us');
  t.equal(s.get('/docs/').status, 200);
});

t.test('a fault in a timer ends the connection that is due; the next in the list has its turn', async (t) => {
  const { setup: s } = setup(boom, { timeouts: { head: 1000 } });
  class Broken extends MemoryFlow {
    override end(): void {
      boom();
    }
  }
  const one = new Broken();
  s.server.accept(one);
  const two = s.connect();
  s.clock.advance(2000);
  t.equal(one.closed, 'reset-by-us');
  t.ok(two.ended);
  t.equal(s.server.stats().faults, 1);
});

t.test('faults are counted each and reported once a second', async (t) => {
  const { setup: s, seen } = setup(boom);
  const ask = (): void => {
    const flow = s.connect();
    flow.send(request('GET', '/boom'));
  };
  for (let i = 0; i < 1000; i++) ask();
  t.equal(s.server.stats().faults, 1000);
  t.equal(seen.length, 1);
  s.clock.advance(1000);
  ask();
  t.equal(seen.length, 2);
});
