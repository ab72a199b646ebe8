/**
 * Answers out of content that is not in memory: written as the peer takes them, in order, and never more than two
 * pieces held.
 */
import fc from 'fast-check';
import t from 'tap';
import { PIECE } from '../../src/http/answer/later.js';
import { FRAME } from '../../src/http/h2/frames.js';
import { Memory } from '../../src/memory/memory.js';
import type { ContentSource, Lookup } from '../../src/store/store.js';
import { frame, get, Http2Client, headers, word } from './h2/client.js';
import { siteStore } from './hand-made-store.js';
import type { MemoryFlow } from './memory-flow.js';
import { parseResponses } from './responses.js';
import { request, Setup } from './setup.js';

/** The byte at each place of the content. */
const byteAt = (i: number): number => (i * 31 + Math.floor(i / 251)) & 0xff;

class Film implements ContentSource {
  opened = 0;
  closed = 0;
  read = 0;
  /** From this place on it cannot be read. */
  broken = Number.POSITIVE_INFINITY;

  async open(): ReturnType<ContentSource['open']> {
    this.opened++;
    return {
      read: async (start, end) => {
        if (end > this.broken) return undefined;
        this.read += end - start;
        const bytes = Uint8Array.from({ length: end - start }, (_, i) => byteAt(start + i));
        return { memory: new Memory(bytes), start: 0, end: bytes.length };
      },
      close: () => {
        this.closed++;
      },
    };
  }
}

function setup(size: number, film = new Film()): { s: Setup; film: Film; faults: unknown[] } {
  const store = siteStore();
  const lookup = store.lookup.bind(store);
  const path = new TextEncoder().encode('/movie.mp4');
  const movie = lookup(path, 0, path.length) as Lookup & { kind: 'resource' };
  const [one] = movie.resource.representations;
  const body = { memory: new Memory(new Uint8Array(0)), start: 0, end: size, source: film };
  const head = Memory.of(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n`);
  const headOk = { memory: head, start: 0, end: head.bytes.length };
  const resource = { ...movie.resource, representations: [{ ...one!, body, headOk }] };
  store.lookup = (bytes, start, end) =>
    Buffer.from(bytes.subarray(start, end)).toString() === '/film'
      ? { kind: 'resource', resource }
      : lookup(bytes, start, end);
  const faults: unknown[] = [];
  return { s: new Setup({ store: () => store, onFault: (error) => faults.push(error) }), film, faults };
}

/** Lets what was read arrive, until nothing more comes; `take` is what the client takes each time. */
async function settle(flow: MemoryFlow, film: Film, take = Number.POSITIVE_INFINITY): Promise<number> {
  let held = 0;
  for (let idle = 0, rounds = 0; idle < 4 && rounds < 100; rounds++) {
    const before = film.read + flow.chunks.length;
    for (let i = 0; i < 8; i++) await Promise.resolve();
    await new Promise((done) => setImmediate(done));
    held = Math.max(held, flow.queued);
    flow.take(take);
    idle = film.read + flow.chunks.length === before ? idle + 1 : 0;
  }
  return held;
}

const expected = (start: number, end: number): Uint8Array =>
  Uint8Array.from({ length: end - start }, (_, i) => byteAt(start + i));

t.test('the whole content, a range, several ranges, and the request behind them, in order', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: PIECE * 3 }),
      fc.nat(PIECE * 3),
      fc.nat(PIECE * 3),
      async (size, a, b) => {
        const { s, film, faults } = setup(size);
        const start = Math.min(a, size - 1);
        const end = Math.min(size, start + b + 1);
        const flow = s.connect();
        flow.send(
          request('GET', '/film') +
            request('GET', '/film', `Range: bytes=${start}-${end - 1}`) +
            request('HEAD', '/film') +
            request('GET', '/docs/'),
        );
        await settle(flow, film);
        const answers = parseResponses(flow.received, ['GET', 'GET', 'HEAD', 'GET']);
        if (answers.map((one) => one.status).join() !== '200,206,200,200')
          throw new Error(answers.map((one) => one.status).join());
        if (Buffer.compare(answers[0]!.body, expected(0, size)) !== 0) throw new Error('the whole differs');
        if (Buffer.compare(answers[1]!.body, expected(start, end)) !== 0) throw new Error('the range differs');
        if (answers[3]!.text !== 'docs' || faults.length > 0) throw new Error('the last one');
        if (film.opened !== film.closed) throw new Error(`${film.opened} opened, ${film.closed} closed`);
      },
    ),
    { numRuns: 8 },
  );
  const { s, film } = setup(PIECE * 2);
  const flow = s.connect();
  flow.send(request('GET', '/film', `Range: bytes=0-3,${PIECE + 5}-${PIECE + 9}`));
  await settle(flow, film);
  const [parts] = parseResponses(flow.received, ['GET']);
  t.equal(parts!.status, 206);
  t.equal(parts!.body.length, Number(parts!.fields.get('content-length')));
  t.ok(Buffer.from(parts!.body).includes(Buffer.from(expected(PIECE + 5, PIECE + 10))));
});

t.test('a connection holds two pieces at most, and reads no more than its client takes', async (t) => {
  const { s, film } = setup(PIECE * 40);
  const flow = s.connect();
  flow.reading = false;
  flow.send(request('GET', '/film'));
  const held = await settle(flow, film, 1);
  t.ok(held <= PIECE * 2 + 1000, `${held} bytes held`);
  t.ok(film.read <= PIECE * 2, `${film.read} bytes read for a client that takes next to nothing`);
  flow.abort();
  t.equal(film.closed, film.opened, 'what it had open is closed with it');
});

t.test('content that is no longer what it was ends the connection, not the answer', async (t) => {
  const film = new Film();
  film.broken = PIECE * 2;
  const { s } = setup(PIECE * 4, film);
  const flow = s.connect();
  flow.send(request('GET', '/film') + request('GET', '/docs/'));
  await settle(flow, film);
  t.equal(flow.closed, 'reset-by-us');
  t.equal(film.closed, film.opened);
  t.equal(s.server.connections, 0);
  t.equal(s.get('/docs/').status, 200);
});

t.test('a client that is slow but takes something is never given up; one that takes nothing is', async (t) => {
  const { s, film } = setup(PIECE * 6);
  const flow = s.connect();
  flow.reading = false;
  flow.send(request('GET', '/film'));
  for (let i = 0; i < 20; i++) {
    flow.take(PIECE / 2);
    await settle(flow, film, 0);
    if (flow.closed !== undefined || flow.queued === 0) break;
    s.clock.advance(50_000);
  }
  t.not(flow.closed, 'reset-by-us');
  t.equal(film.read, PIECE * 6, 'all of it has come');
  const other = s.connect();
  other.reading = false;
  other.send(request('GET', '/film'));
  await settle(other, film, 0);
  s.clock.advance(130_000);
  t.equal(other.closed, 'reset-by-us');
});

t.test(
  'a connection that is being sent such content does not move to another program, and ends with it when the server drains',
  async (t) => {
    const { s, film } = setup(PIECE * 3);
    const flow = s.connect();
    flow.reading = false;
    flow.send(request('GET', '/film'));
    await settle(flow, film, 0);
    t.equal(s.server.freeze(flow), undefined);
    s.server.drain();
    await settle(flow, film);
    t.ok(flow.ended);
    t.equal(film.read, PIECE * 3);
  },
);

/** As `settle`, for a client of HTTP/2, which opens its windows again for what came. */
async function settle2(client: Http2Client, film: Film): Promise<void> {
  for (let idle = 0, rounds = 0; idle < 4 && rounds < 400; rounds++) {
    const before = film.read + client.frames.length;
    for (let i = 0; i < 8; i++) await Promise.resolve();
    await new Promise((done) => setImmediate(done));
    client.flow.take(Number.POSITIVE_INFINITY);
    client.read();
    idle = film.read + client.frames.length === before ? idle + 1 : 0;
  }
}

t.test('HTTP/2: the whole content, a range, several ranges, and requests beside them', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: PIECE * 2 }),
      fc.nat(PIECE * 2),
      fc.nat(PIECE * 2),
      fc.boolean(),
      async (size, a, b, incremental) => {
        const { s, film, faults } = setup(size);
        const start = Math.min(a, size - 1);
        const end = Math.min(size, start + b + 1);
        const client = new Http2Client(s.connect());
        const priority = incremental ? 'i' : 'u=2';
        client.send(
          headers(1, get('/film', ['priority', priority])),
          headers(3, get('/film', ['range', `bytes=${start}-${end - 1}`], ['priority', priority])),
          headers(5, [[':method', 'HEAD'], ...get('/film').slice(1)]),
          headers(7, get('/docs/')),
        );
        t.equal(client.response(7).text, 'docs', 'what is in memory does not wait for what is not');
        await settle2(client, film);
        const answers = [1, 3, 5].map((stream) => client.response(stream));
        if (answers.map((one) => one.status).join() !== '200,206,200') throw new Error('status');
        if (Buffer.compare(answers[0]!.body, expected(0, size)) !== 0) throw new Error('the whole differs');
        if (Buffer.compare(answers[1]!.body, expected(start, end)) !== 0) throw new Error('the range differs');
        if (answers[2]!.body.length > 0 || faults.length > 0) throw new Error('HEAD');
        if (film.opened !== film.closed) throw new Error(`${film.opened} opened, ${film.closed} closed`);
        client.flow.abort();
      },
    ),
    { numRuns: 8 },
  );
  const { s, film } = setup(PIECE * 2);
  const client = new Http2Client(s.connect());
  const stream = client.request(get('/film', ['range', `bytes=0-3,${PIECE + 5}-${PIECE + 9}`]));
  await settle2(client, film);
  const parts = client.response(stream);
  t.equal(parts.status, 206);
  t.equal(parts.body.length, Number(parts.fields.get('content-length')));
  t.ok(Buffer.from(parts.body).includes(Buffer.from(expected(PIECE + 5, PIECE + 10))));
  t.equal(film.closed, film.opened);
});

t.test(
  'HTTP/2: a connection reads no more than its windows let through, and 1 MiB at most for all of its streams',
  async (t) => {
    const { s, film } = setup(PIECE * 40);
    const flow = s.connect();
    const client = new Http2Client(flow);
    client.opens = false;
    client.request(get('/film', ['priority', 'i']));
    client.request(get('/film', ['priority', 'i']));
    await settle2(client, film);
    t.equal(film.read, 65535, 'the window that there is at first');
    t.equal(client.window, 0);
    flow.reading = false;
    // Windows without end, and a client that takes nothing.
    client.opens = true;
    const most = 2 ** 31 - 1 - 65535;
    const more = [...Array(20).keys()].map((i) => headers(5 + 2 * i, get('/film', ['priority', 'i'])));
    const wide = [...Array(22).keys()].map((i) => frame(FRAME.windowUpdate, 0, 1 + 2 * i, word(most)));
    flow.send(Buffer.concat([...more, frame(FRAME.windowUpdate, 0, 0, word(most)), ...wide]));
    for (let i = 0; i < 50; i++) await new Promise((done) => setImmediate(done));
    t.ok(flow.queued <= 524_288 + 32_768, `${flow.queued} bytes queued`);
    t.ok(film.read - 65535 <= 524_288 + 2 ** 20 + 32_768, `${film.read} bytes read for a client that takes nothing`);
    flow.abort();
    t.equal(film.closed, film.opened, 'what it had open is closed with it');
  },
);

t.test(
  'HTTP/2: content that is no longer what it was ends its stream, and a stream that is reset reads no more',
  async (t) => {
    const film = new Film();
    film.broken = PIECE;
    const { s } = setup(PIECE * 4, film);
    const client = new Http2Client(s.connect());
    const stream = client.request(get('/film'));
    await settle2(client, film);
    t.equal(client.streams.get(stream)!.reset, 2, 'INTERNAL_ERROR');
    t.notOk(client.streams.get(stream)!.ended);
    t.equal(film.closed, film.opened);
    t.equal(client.response(client.request(get('/docs/'))).text, 'docs');
    const { read } = film;
    const other = client.request(get('/film'));
    client.send(frame(FRAME.rstStream, 0, other, word(8)));
    await settle2(client, film);
    t.ok(film.read - read <= PIECE);
    t.equal(film.closed, film.opened);
    t.equal(client.response(client.request(get('/docs/'))).text, 'docs');
    t.equal(s.server.connections, 1);
  },
);
