/**
 * `npm run bench:micro`: what single operations cost, in nanoseconds: checksum, parsing, look-up, a whole answer, and
 * segments from stack to stack. Medians, with the middle of what was seen; nothing waits for a device or a clock.
 */
import { join } from 'node:path';
import { Bench } from 'tinybench';
import { DEFAULT_LIMITS } from '../src/http/contracts/limits.js';
import { FRAME } from '../src/http/h2/frames.js';
import { HttpServer } from '../src/http/index.js';
import { Fields } from '../src/http/parse/fields.js';
import { RequestLine } from '../src/http/parse/request-line.js';
import { FieldsCache } from '../src/http/repeat/fields-cache.js';
import { Memory } from '../src/memory/memory.js';
import type { Flow, FlowHandler } from '../src/net/flow.js';
import { addWords, fold } from '../src/net/wire/checksum.js';
import { openStore } from '../src/store/index.js';
import { block, frame, get as getFields, PREFACE, settings, word } from '../test/http/h2/client.js';
import { type FieldLine, indexing } from '../test/http/h2/hpack.js';
import { MemoryFlow } from '../test/http/memory-flow.js';
import { VirtualClock } from '../test/http/virtual-clock.js';
import { SimHost } from '../test/sim/host.js';
import { ip } from '../test/sim/packets.js';
import { World } from '../test/sim/world.js';
import { browserRequests } from './workloads.js';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const bench = new Bench({ time: Number(process.env['MICRO_MS'] ?? 500), warmupTime: 200 });

// Checksum
const segment = Uint8Array.from({ length: 1460 }, (_, i) => (i * 7) & 0xff);
const large = Uint8Array.from({ length: 65_536 }, (_, i) => (i * 7) & 0xff);
let sink = 0;
bench.add('checksum, 1,460 bytes', () => {
  sink += fold(addWords(0, segment, 0, segment.length));
});
bench.add('checksum, 64 KiB', () => {
  sink += fold(addWords(0, large, 0, large.length));
});

// Parsing: what wrk sends, and what a browser sends
const requests: Readonly<Record<string, Uint8Array>> = {
  'a request of two lines': encode('GET /guide/ HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n'),
  "a browser's request": encode((browserRequests()[0] as string).replaceAll('HOST', '10.0.0.1')),
};
const line = new RequestLine();
const fields = new Fields();
for (const [name, bytes] of Object.entries(requests)) {
  bench.add(`parse ${name} (${bytes.length} bytes)`, () => {
    const at = line.parse(bytes, 0, bytes.length, DEFAULT_LIMITS);
    sink += fields.parse(bytes, at, bytes.length, 0, DEFAULT_LIMITS) + fields.judge(line.minor);
  });
  const cache = new FieldsCache(DEFAULT_LIMITS);
  const after = line.parse(bytes, 0, bytes.length, DEFAULT_LIMITS);
  cache.note(bytes, after, bytes.length);
  const slot = cache.note(bytes, after, bytes.length);
  if (cache.match(slot, bytes, after, bytes.length) === undefined) throw new Error('the cache does not know its block');
  bench.add(`know ${name} again`, () => {
    const at = line.parse(bytes, 0, bytes.length, DEFAULT_LIMITS);
    if (cache.match(slot, bytes, at, bytes.length) !== undefined) sink += at;
  });
}

// Look-up in the project's site
const store = await openStore(join('site', '_site'), { cache: false });
for (const path of ['/', '/guide/', '/stack/tcp/', '/nothing/here']) {
  const bytes = encode(path);
  bench.add(`look up ${path}`, () => {
    sink += store.lookup(bytes, 0, bytes.length).kind.length;
  });
}

// A whole answer: bytes in, references out
const countBytes = (_memory: Memory, start: number, end: number): void => {
  sink += end - start;
};
const server = new HttpServer({ store: () => store, clock: new VirtualClock() });
for (const [name, bytes] of Object.entries(requests)) {
  const flow = MemoryFlow.connect(server.accept);
  Object.defineProperty(flow, 'write', {
    value: countBytes,
  });
  Object.defineProperty(flow, 'flush', { value: () => undefined });
  const owner: FlowHandler = flow.handler;
  bench.add(`answer ${name}`, () => owner.data(flow as Flow, bytes, 0, bytes.length));
}

// The same in HTTP/2, as a client repeats itself: one request, and a hundred in one piece
const endless = new HttpServer({
  store: () => store,
  clock: new VirtualClock(),
  limits: { requestsPerConnection: 0x7fffffff },
});
for (const count of [1, 100]) {
  const flow = MemoryFlow.connect(endless.accept);
  let window = 65535;
  const take = (_memory: Memory, start: number, end: number): void => {
    window -= end - start;
  };
  Object.defineProperty(flow, 'write', { value: take });
  Object.defineProperty(flow, 'flush', { value: () => undefined });
  const owner: FlowHandler = flow.handler;
  const give = (bytes: Uint8Array): void => owner.data(flow as Flow, bytes, 0, bytes.length);
  const fields: readonly FieldLine[] = [...getFields('/favicon.svg'), ['user-agent', 'bench']];
  give(Buffer.concat([PREFACE, settings([[0x4, 0x7fffffff]]), block(1, indexing(fields))]));
  // By their places in the table: the field that was put in last is 62.
  const one = block(
    3,
    Uint8Array.from(fields, (_, i) => 0x80 + 61 + fields.length - i),
  );
  const many = Buffer.concat(Array.from({ length: count }, () => one));
  const opens = frame(FRAME.windowUpdate, 0, 0, word(0x20000000));
  let next = 3;
  bench.add(`answer ${count === 1 ? 'a request' : `${count} requests at once`} in HTTP/2`, () => {
    for (let i = 0; i < count; i++, next += 2) many.writeUInt32BE(next, i * one.length + 5);
    if (window < 0x10000000) {
      give(opens);
      window += 0x20000000;
    }
    give(many);
    if (flow.ended) throw new Error('the connection is over');
  });
}

// Segments: from one stack to another, checksums made and verified, acknowledged
const MEBIBYTE = new Memory(new Uint8Array(2 ** 20).fill(120));
const mac = (n: number): Uint8Array => Uint8Array.of(2, 0, 0, 0, 0, n);
async function transfer(offload: boolean): Promise<() => void> {
  const world = new World(7);
  const from = new SimHost(world, { name: 'from', mac: mac(1), offload });
  const to = new SimHost(world, { name: 'to', mac: mac(2), offload });
  from.connectTo(world.wire('there', to));
  to.connectTo(world.wire('back', from));
  from.place('192.0.2.1', 24);
  to.place('192.0.2.2', 24);
  let sender: Flow | undefined;
  let received = 0;
  const handler: FlowHandler = { data() {}, ended() {}, drained() {}, closed() {} };
  await from.listen(80, (flow) => {
    flow.handler = handler;
    sender = flow;
  });
  const count = (_flow: Flow, _bytes: Uint8Array, start: number, end: number): void => {
    received += end - start;
  };
  to.dial(ip('192.0.2.1'), 80, { ...handler, data: count }, () => undefined);
  world.time.run(world.time.now() + 10_000);
  return () => {
    const until = received + MEBIBYTE.bytes.length;
    sender!.write(MEBIBYTE, 0, MEBIBYTE.bytes.length);
    sender!.flush();
    world.time.run(world.time.now() + 10_000);
    if (received !== until) throw new Error('not all arrived');
  };
}
bench.add('1 MiB from stack to stack, segments of 1,460 bytes', await transfer(false));
bench.add('1 MiB from stack to stack, super-segments', await transfer(true));

await bench.run();
console.log('| operation | ns, median | ± | a second |\n|---|---|---|---|');
for (const task of bench.tasks) {
  const { result } = task;
  if (result.state !== 'completed') throw new Error(`${task.name}: ${result.state}`);
  const { latency, throughput } = result;
  const ns = (latency.p50 * 1e6).toFixed(latency.p50 < 0.001 ? 1 : 0);
  console.log(
    `| ${task.name} | ${ns} | ${latency.rme.toFixed(1)} % | ${Math.round(throughput.p50).toLocaleString('en')} |`,
  );
}
if (sink === 0.5) console.log(sink);
process.exit(0);
