/**
 * `npm run bench:stack [-- --ipv6]`: what TCP, HTTP and the store cost above the device, which here takes every frame
 * and does nothing. A client made of templates plays the peers. Two loads (64 connections that stay, a new connection
 * for each request) give nanoseconds and bytes of garbage a request; connections that idle, each after one request,
 * give the bytes of heap that each holds.
 */
import { parseArgs } from 'node:util';
import { HttpServer } from '../src/http/index.js';
import { Memory } from '../src/memory/memory.js';
import { RX_CHECKSUM_OK } from '../src/net/device/device.js';
import { CryptoRandom } from '../src/net/direct/host/random.js';
import { Stack } from '../src/net/ip/stack.js';
import { RealClock } from '../src/net/real-clock.js';
import { congestionByName } from '../src/net/tcp/congestion/index.js';
import { TcpLayer } from '../src/net/tcp/index.js';
import type { Extent, Lookup, Store } from '../src/store/store.js';
import { ACK, FIN, NoDevice, PSH, SYN, Template4, Template6 } from './stack-peers.js';

function text(value: string): Extent {
  const memory = Memory.of(value);
  return { memory, start: 0, end: memory.bytes.length };
}

const head = text('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1024\r\nETag: "5f1494977bbccc1f"\r\n');
const page = {
  coding: 'identity' as const,
  body: text('x'.repeat(1024)),
  etag: '"5f1494977bbccc1f"',
  headOk: head,
  headNotModified: head,
  headPartial: head,
  headFailed: head,
};
const answer: Lookup = {
  kind: 'resource',
  resource: { path: '/1k.html', contentType: 'text/html', representations: [page] },
};
const store: Store = { id: 'one page', size: 1, lookup: () => answer, resources: () => [], close: () => undefined };

const device = new NoDevice();
const random = new CryptoRandom();
const stack = new Stack({ device, random });
// Here connections come faster than over any device, and nobody sends a SYN again.
const limits = { synAcks: 1_000_000_000 };
const tcp = new TcpLayer({ ip: stack, random, drops: stack.drops, congestion: congestionByName('cubic'), limits });
stack.host(tcp);
const { positionals, values } = parseArgs({ options: { ipv6: { type: 'boolean' } }, allowPositionals: true });
const template = values.ipv6 ? new Template6() : new Template4();
if (values.ipv6) {
  const { v6 } = stack;
  v6.start([1, 2, 3, 4], true);
  v6.configuration.add(Template6.ours, 64, 'static', { known: true });
  v6.routers.setPrefix(Template6.ours, 64, Number.POSITIVE_INFINITY);
} else {
  stack.configure({ address: Template4.ours, prefix: 8, gateways: [], routes: [] } as never, 0);
}
const http = new HttpServer({ store: () => store, clock: new RealClock(), limits: { connections: 1_000_000 } });
tcp.listen(80, http.accept);

const request = (close: boolean) =>
  new TextEncoder().encode(
    `GET /1k.html HTTP/1.1\r\nHost: 10.0.0.1\r\n${close ? 'Connection: close\r\n' : ''}User-Agent: bench\r\n\r\n`,
  );

let now = performance.now();

class Peer {
  seq = 0;
  ack = 0;
  constructor(
    readonly remote: number,
    readonly port: number,
  ) {}
  private send(flags: number, data?: Uint8Array): void {
    const end = template.segment(this, flags, data, now);
    stack.input(template.bytes, 0, end, RX_CHECKSUM_OK, now);
  }
  open(): void {
    this.send(SYN);
    this.seq = 1;
    this.ack = device.next;
    this.send(ACK);
  }
  ask(data: Uint8Array): void {
    this.send(ACK | PSH, data);
    this.seq += data.length;
  }
  acknowledge(): void {
    this.send(ACK);
  }
  finish(): void {
    this.send(ACK | FIN);
    this.seq += 1;
    stack.flush(now);
  }
  /** Closes first. */
  leave(): void {
    this.finish();
    this.ack = device.next;
    this.acknowledge();
  }
}

let polled = 0;
/** Ms that the stack's clock was put forward. */
let ahead = 0;
function settle(): void {
  stack.flush(now);
  now = performance.now() + ahead;
  if (now - polled < 1) return;
  polled = now;
  stack.poll(now);
}

let port = 0;

function keepAlive(rounds: number): number {
  const data = request(false);
  const peers = Array.from({ length: 64 }, () => new Peer(2, 1024 + (port++ % 60_000)));
  for (const peer of peers) peer.open();
  for (let round = 0; round < rounds; round++) {
    for (const peer of peers) {
      peer.ask(data);
      stack.flush(now);
      peer.ack = device.next;
    }
    settle();
  }
  for (const peer of peers) peer.leave();
  return rounds * peers.length;
}

function close(requests: number): number {
  const data = request(true);
  for (let i = 0; i < requests; i++) {
    const peer = new Peer(1, 1024 + (port++ % 60_000));
    peer.open();
    peer.ask(data);
    stack.flush(now);
    peer.ack = device.next;
    peer.finish();
    if (i % 16 === 0) settle();
  }
  return requests;
}

function report(name: string, run: (size: number) => number, size: number): void {
  run(size >> 2);
  for (let round = 0; round < 3; round++) {
    const heap = process.memoryUsage().heapUsed;
    const collections = collected;
    const before = process.cpuUsage();
    const requests = run(size);
    const used = process.cpuUsage(before);
    const garbage = (process.memoryUsage().heapUsed - heap) / requests;
    const cost = ((used.user + used.system) * 1000) / requests;
    const bytes = collected === collections ? `, ${garbage.toFixed(0)} bytes of heap` : '';
    console.log(`${name}: ${cost.toFixed(0)} ns a request${bytes}`);
  }
}

let collected = 0;
new PerformanceObserver(() => collected++).observe({ entryTypes: ['gc'] });

/** `host`: the first of the peers' numbers that nobody else has. */
function idle(host: number, count: number): void {
  const data = request(false);
  globalThis.gc?.();
  const before = process.memoryUsage();
  for (let i = 0; i < count; i++) {
    const peer = new Peer(host + ((i / 50_000) | 0), 1024 + (i % 50_000));
    peer.open();
    peer.ask(data);
    stack.flush(now);
    peer.ack = device.next;
    peer.acknowledge();
    if (i % 64 === 0) settle();
  }
  // Timers that were armed for the answers come up, and are put away.
  for (let i = 0; i < 5; i++) {
    ahead += 1000;
    now += 1000;
    stack.flush(now);
    stack.poll(now);
  }
  globalThis.gc?.();
  const after = process.memoryUsage();
  const bytes = (after.heapUsed + after.external - before.heapUsed - before.external) / count;
  console.log(`${tcp.connections.size} idle connections: ${bytes.toFixed(0)} bytes of heap each`);
}

const [what = 'all', amount] = positionals;
for (let i = 1; i < 8; i++) {
  const bytes = template.introduction(i);
  stack.input(bytes, 0, bytes.length, RX_CHECKSUM_OK, now);
}
if (what === 'all' || what === 'keep-alive') report('64 connections that stay', keepAlive, Number(amount ?? 4000));
if (what === 'all' || what === 'close') report('a new connection a request', close, Number(amount ?? 20_000));
if (what === 'all' || what === 'idle') idle(3, Number(amount ?? 10_000));
if (what === 'all') idle(4, 100_000);

const strays = Object.entries(stack.drops.toJSON());
if (strays.length > 0) {
  console.error(`bench: the peers' templates did not fit: ${JSON.stringify(strays)}`);
  process.exitCode = 1;
}
