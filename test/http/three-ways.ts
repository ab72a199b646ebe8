/**
 * The same bytes to the same server three ways: in memory, over the kernel's sockets (Node's, and by our own calls),
 * and over two stacks of ours with a cable between them. Time is virtual in all three: a step may let some of it pass.
 */
import { connect } from 'node:net';
import { type HttpOptions, HttpServer } from '../../src/http/index.js';
import { Memory } from '../../src/memory/memory.js';
import { NO_FAULTS } from '../../src/net/device/wrap/faults.js';
import type { Accept, Clock, Flow, FlowHandler, Network } from '../../src/net/flow.js';
import { openSocketNetwork, type SocketKind } from '../../src/net/sockets/open.js';
import type { Store } from '../../src/store/index.js';
import { SimHost } from '../sim/host.js';
import { ip } from '../sim/packets.js';
import { World } from '../sim/world.js';
import { MemoryFlow } from './memory-flow.js';
import { VirtualClock } from './virtual-clock.js';

/** Bytes (a string is Latin-1), milliseconds that pass, or that the client says no FIN and waits for the server's. */
export type Step = string | { readonly wait: number } | 'stay';

/** Options of a server, or what makes them for each server anew. */
export type Options = Partial<HttpOptions> | ((server: () => HttpServer) => Partial<HttpOptions>);

export interface Exchange {
  readonly store: () => Store;
  readonly options?: Options | undefined;
  readonly steps: readonly Step[];
}

const STAY = 'stay';
/** What stands in every `Date` that is compared. */
export const NOW = 'Sun, 06 Nov 1994 08:49:37 GMT';

function octets(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

function isBytes(step: Step): step is string {
  return typeof step === 'string' && step !== STAY;
}

/** What came back, as Latin-1, without the time in `Date`. */
function undated(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replaceAll(/Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/g, `Date: ${NOW}`);
}

function serverOf({ store, options }: Exchange, clock: Clock): HttpServer {
  const own = typeof options === 'function' ? options(() => server) : options;
  const server: HttpServer = new HttpServer({ store, clock, ...own });
  return server;
}

export function inMemory(exchange: Exchange): string {
  const { steps } = exchange;
  const clock = new VirtualClock();
  const server = serverOf(exchange, clock);
  const flow = MemoryFlow.connect(server.accept);
  for (const step of steps) {
    if (isBytes(step)) flow.send(octets(step));
    else if (typeof step === 'object') clock.advance(step.wait);
  }
  if (!steps.includes(STAY)) flow.finish();
  return undated(flow.received);
}

export async function overSockets(exchange: Exchange, kind?: SocketKind): Promise<string> {
  const { steps } = exchange;
  const clock = new VirtualClock();
  const server = serverOf(exchange, clock);
  const network = await networkOf(kind);
  const seen = new Seen(server.accept);
  const listener = await network.listen(0, seen.accept);
  const { port } = listener.endpoint;
  try {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    const over = new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('end', () => {
        socket.end();
        resolve();
      });
    });
    await new Promise<void>((resolve) => socket.on('connect', resolve));
    await seen.accepted;
    let sent = 0;
    for (const step of steps) {
      if (isBytes(step)) {
        if (step.length === 0) continue;
        sent += step.length;
        await new Promise<unknown>((resolve) => socket.write(octets(step), resolve));
        await seen.bytes(sent);
      } else if (typeof step === 'object') clock.advance(step.wait);
    }
    if (!steps.includes(STAY)) socket.end();
    await over;
    return undated(Buffer.concat(chunks));
  } finally {
    listener.close();
  }
}

const networks = new Map<SocketKind | undefined, Promise<Network>>();

/** One for all exchanges of a process: its descriptors are few, and `closeNetworks` gives them back. */
function networkOf(kind: SocketKind | undefined): Promise<Network> {
  const network = networks.get(kind) ?? openSocketNetwork({}, kind);
  networks.set(kind, network);
  return network;
}

export async function closeNetworks(): Promise<void> {
  for (const network of networks.values()) await (await network).close(0);
  networks.clear();
}

/** Stands between a network and the server, to know when the server has been given what was sent. */
class Seen {
  private count = 0;
  private closed = false;
  private wanted: { readonly count: number; readonly resolve: () => void } | undefined;
  private resolveAccepted: () => void = () => undefined;
  readonly accepted = new Promise<void>((resolve) => {
    this.resolveAccepted = resolve;
  });
  readonly accept: Accept;

  constructor(accept: Accept) {
    this.accept = (flow) => {
      accept(flow);
      const inner = flow.handler;
      const outer: FlowHandler = {
        data: (f, bytes, start, end) => {
          inner.data(f, bytes, start, end);
          this.count += end - start;
          this.tell();
        },
        ended: (f) => inner.ended(f),
        drained: (f) => inner.drained(f),
        closed: (f, reason) => {
          this.closed = true;
          inner.closed(f, reason);
          this.tell();
        },
      };
      flow.handler = outer;
      this.resolveAccepted();
    };
  }

  /** Until so many bytes have been seen, or the connection is over. */
  bytes(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.wanted = { count, resolve };
      this.tell();
    });
  }

  private tell(): void {
    if (this.wanted === undefined || (this.count < this.wanted.count && !this.closed)) return;
    this.wanted.resolve();
    this.wanted = undefined;
  }
}

export async function overOurStack(exchange: Exchange): Promise<string> {
  const { steps } = exchange;
  const world = new World(7);
  const mac = (n: number): Uint8Array => Uint8Array.of(2, 0, 0, 0, 0, n);
  const server = new SimHost(world, { name: 'server', mac: mac(1), offload: true });
  const client = new SimHost(world, { name: 'client', mac: mac(2) });
  server.connectTo(world.wire('down', client, NO_FAULTS));
  client.connectTo(world.wire('up', server, NO_FAULTS));
  server.place('192.0.2.1', 24);
  client.place('192.0.2.2', 24);
  const http = serverOf(exchange, server.clock);
  await server.listen(80, http.accept);
  const chunks: Buffer[] = [];
  const handler: FlowHandler = {
    data: (_flow, bytes, start, end) => chunks.push(Buffer.from(bytes.slice(start, end))),
    ended: (flow) => flow.end(),
    drained: () => undefined,
    closed: () => undefined,
  };
  client.dial(ip('192.0.2.1'), 80, handler, (flow) => run(flow, 0));
  const run = (flow: Flow, i: number): void => {
    const step = steps[i];
    if (step === undefined) {
      if (!steps.includes(STAY)) flow.end();
    } else if (isBytes(step)) {
      const memory = new Memory(octets(step));
      if (step.length > 0) flow.write(memory, 0, memory.bytes.length);
      client.clock.schedule(1, () => run(flow, i + 1));
    } else client.clock.schedule(typeof step === 'object' ? step.wait : 0, () => run(flow, i + 1));
    flow.flush();
  };
  world.time.run(world.time.now() + 600_000);
  return undated(Buffer.concat(chunks));
}
