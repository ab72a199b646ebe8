/**
 * `npm run bench:stack`: what TCP, HTTP and the store cost above the device, which here takes every frame and does
 * nothing. A client made of templates plays the peers. Two loads (64 connections that stay, a new connection for each
 * request) give nanoseconds and bytes of garbage a request; connections that idle, each after one request, give the
 * bytes of heap that each holds.
 */
import { HttpServer } from '../src/http/index.js';
import { Memory } from '../src/memory/memory.js';
import type { Device, FrameSink } from '../src/net/device/device.js';
import { RX_CHECKSUM_OK } from '../src/net/device/device.js';
import { HEADROOM, TxFrame } from '../src/net/device/tx-frame.js';
import { CryptoRandom } from '../src/net/direct/host/random.js';
import { Stack } from '../src/net/ip/stack.js';
import { RealClock } from '../src/net/real-clock.js';
import { congestionByName } from '../src/net/tcp/congestion/index.js';
import { TcpLayer } from '../src/net/tcp/index.js';
import type { Extent, Lookup, Store } from '../src/store/store.js';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const OURS = 0x0a00_0001;
const IP = 14;
const TCP = 34;
const [SYN, PSH, ACK, FIN] = [2, 8, 16, 1] as const;

/** Takes everything; keeps the numbers of the last segment, for the peer to answer. */
class NoDevice implements Device {
  readonly mtu = 1500;
  readonly mac = MAC;
  readonly offload = { checksum: true, segmentation: 65_535 };
  readonly tx = new TxFrame();
  onReadable: (() => void) | undefined = undefined;
  /** Sequence number behind the newest segment: what an ACK of it says. */
  next = 0;
  receive(_sink: FrameSink, _budget: number): number {
    return 0;
  }
  transmit(): boolean {
    const { view, head } = this.tx;
    const at = HEADROOM + TCP;
    const flags = head[at + 13] as number;
    const payload = this.tx.total - TCP - ((head[at + 12] as number) >> 4) * 4;
    this.next = (view.getInt32(at + 4) + payload + ((flags & (SYN | FIN)) !== 0 ? 1 : 0)) | 0;
    return true;
  }
  close(): void {}
}

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
const tcp = new TcpLayer({ ip: stack, random, drops: stack.drops, congestion: congestionByName('cubic') });
stack.host(tcp);
stack.configure({ address: OURS, prefix: 8, gateways: [], routes: [] } as never, 0);
const http = new HttpServer({ store: () => store, clock: new RealClock(), limits: { connections: 1_000_000 } });
tcp.listen(80, http.accept);

/** One frame of the peers, used again and again. */
const frame = new Uint8Array(2048);
const view = new DataView(frame.buffer);
frame.set(MAC, 0);
frame.set([2, 0, 0, 0, 0, 2], 6);
const request = (close: boolean) =>
  new TextEncoder().encode(
    `GET /1k.html HTTP/1.1\r\nHost: 10.0.0.1\r\n${close ? 'Connection: close\r\n' : ''}User-Agent: bench\r\n\r\n`,
  );

let now = performance.now();

function send(
  remote: number,
  port: number,
  seq: number,
  ack: number,
  flags: number,
  data: Uint8Array | undefined,
): void {
  const options = (flags & SYN) !== 0 ? 20 : 12;
  const length = data === undefined ? 0 : data.length;
  view.setUint16(12, 0x0800);
  view.setUint16(IP, 0x4500);
  view.setUint16(IP + 2, 40 + options + length);
  view.setUint32(IP + 4, 0x4000);
  view.setUint32(IP + 8, 0x40060000);
  view.setInt32(IP + 12, remote);
  view.setInt32(IP + 16, OURS);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += view.getUint16(IP + i);
  sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(IP + 10, ~((sum & 0xffff) + (sum >>> 16)));
  view.setUint16(TCP, port);
  view.setUint16(TCP + 2, 80);
  view.setInt32(TCP + 4, seq);
  view.setInt32(TCP + 8, ack);
  view.setUint16(TCP + 12, ((5 + options / 4) << 12) | flags);
  view.setUint16(TCP + 14, 65_535);
  let at = TCP + 20;
  if ((flags & SYN) !== 0) {
    // MSS 1460, SACK permitted, timestamps, window scale 7.
    view.setUint32(at, 0x020405b4);
    view.setUint16(at + 4, 0x0402);
    view.setUint16(at + 6, 0x080a);
    view.setUint32(at + 8, now | 0);
    view.setUint32(at + 12, 0);
    view.setUint32(at + 16, 0x01030307);
  } else {
    view.setUint32(at, 0x0101080a);
    view.setUint32(at + 4, now | 0);
    view.setUint32(at + 8, 1);
  }
  at += options;
  if (data !== undefined) frame.set(data, at);
  stack.input(frame, 0, at + length, RX_CHECKSUM_OK, now);
}

/** The neighbour answers once: all peers are behind one MAC. */
function learn(remote: number): void {
  const arp = new Uint8Array(42);
  const a = new DataView(arp.buffer);
  arp.set(MAC, 0);
  arp.set([2, 0, 0, 0, 0, 2], 6);
  a.setUint16(12, 0x0806);
  a.setUint32(14, 0x00010800);
  a.setUint32(18, 0x06040002);
  arp.set([2, 0, 0, 0, 0, 2], 22);
  a.setInt32(28, remote);
  arp.set(MAC, 32);
  a.setInt32(38, OURS);
  stack.input(arp, 0, 42, RX_CHECKSUM_OK, now);
}

class Peer {
  seq = 1;
  ack = 0;
  constructor(
    readonly remote: number,
    readonly port: number,
  ) {}
  open(): void {
    send(this.remote, this.port, 0, 0, SYN, undefined);
    this.ack = device.next;
    send(this.remote, this.port, 1, this.ack, ACK, undefined);
  }
  ask(data: Uint8Array): void {
    send(this.remote, this.port, this.seq, this.ack, ACK | PSH, data);
    this.seq += data.length;
  }
  finish(): void {
    send(this.remote, this.port, this.seq, this.ack, ACK | FIN, undefined);
    this.seq += 1;
    stack.flush(now);
  }
  /** Closes first. */
  leave(): void {
    this.finish();
    this.ack = device.next;
    send(this.remote, this.port, this.seq, this.ack, ACK, undefined);
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
  const peers = Array.from({ length: 64 }, () => new Peer(OURS + 2, 1024 + (port++ % 60_000)));
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
    const peer = new Peer(OURS + 1, 1024 + (port++ % 60_000));
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

/** `host`: the first of addresses that nobody else has. */
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
    send(peer.remote, peer.port, peer.seq, peer.ack, ACK, undefined);
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

const [what = 'all', amount] = process.argv.slice(2);
for (let i = 1; i < 8; i++) learn(OURS + i);
if (what === 'all' || what === 'keep-alive') report('64 connections that stay', keepAlive, Number(amount ?? 4000));
if (what === 'all' || what === 'close') report('a new connection a request', close, Number(amount ?? 20_000));
if (what === 'all' || what === 'idle') idle(OURS + 3, Number(amount ?? 10_000));
if (what === 'all') idle(OURS + 4, 100_000);

const strays = Object.entries(stack.drops.toJSON());
if (strays.length > 0) {
  console.error(`bench: the peers' templates did not fit: ${JSON.stringify(strays)}`);
  process.exitCode = 1;
}
