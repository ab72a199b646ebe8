import t from 'tap';
import { HttpServer } from '../../src/http/index.js';
import { Memory } from '../../src/memory/memory.js';
import { type Faults, NO_FAULTS } from '../../src/net/device/wrap/faults.js';
import type { CloseReason, Flow } from '../../src/net/flow.js';
import { SimHost } from '../sim/host.js';
import { ip } from '../sim/packets.js';
import { World } from '../sim/world.js';
import { HandMadeStore, siteStore } from './hand-made-store.js';
import { MemoryFlow } from './memory-flow.js';
import { parseResponses } from './responses.js';
import { request } from './setup.js';
import { VirtualClock } from './virtual-clock.js';

interface Result {
  readonly bytes: Buffer;
  readonly closed: CloseReason | undefined;
  /** Virtual milliseconds. */
  readonly took: number;
}

/** Two stacks of ours with a cable between them: the client writes the pieces, one after the other, and FIN. */
async function overOurStack(
  store: HandMadeStore,
  pieces: readonly string[],
  faults: Faults = NO_FAULTS,
): Promise<Result> {
  const world = new World(7);
  const mac = (n: number): Uint8Array => Uint8Array.of(2, 0, 0, 0, 0, n);
  const server = new SimHost(world, { name: 'server', mac: mac(1), offload: true });
  const client = new SimHost(world, { name: 'client', mac: mac(2) });
  server.connectTo(world.wire('down', client, faults));
  client.connectTo(world.wire('up', server, faults));
  server.place('192.0.2.1', 24);
  client.place('192.0.2.2', 24);
  const http = new HttpServer({ store: () => store, clock: server.clock });
  await server.listen(80, http.accept);
  const chunks: Buffer[] = [];
  let closed: CloseReason | undefined;
  let endedAt = 0;
  const handler = {
    data: (_flow: Flow, bytes: Uint8Array, start: number, end: number) =>
      chunks.push(Buffer.from(bytes.slice(start, end))),
    ended: () => {
      endedAt = world.time.now();
    },
    drained: () => undefined,
    closed: (_flow: Flow, reason: CloseReason) => {
      closed = reason;
    },
  };
  const begin = world.time.now();
  client.dial(ip('192.0.2.1'), 80, handler, (flow) => {
    const next = (i: number): void => {
      if (i === pieces.length) flow.end();
      else {
        const memory = Memory.of(pieces[i]!);
        flow.write(memory, 0, memory.bytes.length);
        client.clock.schedule(1, () => next(i + 1));
      }
    };
    next(0);
  });
  world.time.run(begin + 600_000);
  return { bytes: Buffer.concat(chunks), closed, took: endedAt - begin };
}

function undated(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replaceAll(/Date: [^\r]*/g, 'Date');
}

t.test('Over our own stack the same requests are answered with the same bytes', async (t) => {
  const cases: Record<string, string[]> = {
    pages: [request('GET', '/'), request('HEAD', '/movie.mp4'), request('GET', '/docs?x'), request('GET', '/nothing')],
    'cut into octets': [...(request('GET', '/docs/') + request('GET', '/docs/', 'Range: bytes=0-1'))],
    content: [`${request('POST', '/', 'Content-Length: 3')}ab`, `c${request('GET', '/')}`],
    errors: ['NONSENSE\r\n', 'more', 'and more'],
    'breaking off': ['GET / HT'],
  };
  for (const [name, pieces] of Object.entries(cases)) {
    const store = siteStore();
    const flow = MemoryFlow.connect(new HttpServer({ store: () => store, clock: new VirtualClock() }).accept);
    for (const piece of pieces) flow.send(piece);
    flow.finish();
    const result = await overOurStack(store, pieces);
    t.equal(undated(result.bytes), undated(flow.received), name);
    t.equal(result.closed, 'finished', name);
  }
});

t.test('Over our own stack FIN never overtakes answers that are too many pieces for one frame', async (t) => {
  for (let n = 1; n < 40; n++) {
    const result = await overOurStack(siteStore(), [
      `${request('GET', '/movie.mp4', 'Range: bytes=0-0').repeat(n)}x\r\n`,
    ]);
    t.equal(parseResponses(result.bytes).length, n + 1);
  }
});

t.test('Over our own stack 500 pipelined requests are answered without waiting for time-outs', async (t) => {
  const result = await overOurStack(siteStore(), [request('GET', '/docs/').repeat(500)]);
  t.equal(parseResponses(result.bytes).length, 500);
  t.ok(result.took < 1000, `${result.took} ms`);
});

t.test(
  'Over our own stack big answers behind each other arrive whole, on a cable that loses and reorders',
  async (t) => {
    const content = Uint8Array.from({ length: 700_000 }, (_, i) => (i * 31) >> 3);
    const store = new HandMadeStore({ '/big': { type: 'application/octet-stream', content } });
    const faults = { ...NO_FAULTS, loss: 0.01, delay: 5 };
    const result = await overOurStack(
      store,
      [request('GET', '/big').repeat(3) + request('GET', '/big', 'Range: bytes=5-9')],
      faults,
    );
    const answers = parseResponses(result.bytes);
    t.same(
      answers.map((a) => [a.status, a.body.length]),
      [
        [200, 700_000],
        [200, 700_000],
        [200, 700_000],
        [206, 5],
      ],
    );
    t.equal(Buffer.compare(answers[2]!.body, content), 0);
  },
);
