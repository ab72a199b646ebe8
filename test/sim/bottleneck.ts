/**
 * Downloads that share a bottleneck, in virtual time: each server a host of its own behind a switch, one client behind
 * a link with rate, delay, queue and loss. What arrived is counted at the client.
 */
import { Memory } from '../../src/memory/memory.js';
import { type Faults, NO_FAULTS } from '../../src/net/device/wrap/faults.js';
import type { Flow, FlowHandler } from '../../src/net/flow.js';
import type { CongestionName } from '../../src/net/tcp/congestion/index.js';
import { SimHost } from './host.js';
import { Switch } from './switch.js';
import { World } from './world.js';

export interface Bottleneck {
  /** Bytes a millisecond; ms each way; bytes; 0..1 each way. */
  readonly rate: number;
  readonly delay: number;
  readonly queue: number;
  readonly loss: number;
  /**
   * ms that a frame may be under way longer, uniform; without `reorder` the order is kept, with it that share (0..1)
   * passes others.
   */
  readonly jitter?: number;
  readonly reorder?: number;
}

/** 100 Mbit/s, a round trip of 20 ms, a queue of 50 ms. */
export const LINK: Bottleneck = { rate: 12_500, delay: 10, queue: 625_000, loss: 0 };

export interface Download {
  readonly congestion: CongestionName;
  /** Virtual ms after the beginning of the run. */
  readonly start?: number;
}

const body = new Memory(new Uint8Array(1 << 20));
const quiet = { data() {}, ended() {}, drained() {}, closed() {} };

function network(seed: number, link: Bottleneck, servers: readonly CongestionName[], offload: boolean) {
  const world = new World(seed);
  const middle = new Switch(world, 'switch');
  const { rate, delay, queue, loss, jitter = 0, reorder = 0 } = link;
  const way: Faults = { ...NO_FAULTS, rate, delay, queue, loss, jitter, reorder, reorderDelay: 4 };
  const host = (i: number, congestion: CongestionName, faults: Faults): SimHost => {
    const made = new SimHost(world, {
      name: `host${i}`,
      mac: Uint8Array.of(2, 0, 0, 0, 0, 10 + i),
      offload,
      congestion,
      // The client's window shall not be what limits.
      limits: { receiveBuffer: 8 << 20 },
    });
    made.connectTo(middle.plug(made.name, made, faults, faults));
    made.place(`10.0.0.${10 + i}`, 24);
    return made;
  };
  const client = host(0, 'cubic', way);
  return { world, client, servers: servers.map((congestion, i) => host(i + 1, congestion, NO_FAULTS)) };
}

/** Mbit/s of each download, between `from` and `until` (virtual ms). */
export function goodput(
  seed: number,
  link: Bottleneck,
  downloads: readonly Download[],
  { from = 0, until = 10_000, offload = true } = {},
): number[] {
  const { world, client, servers } = network(
    seed,
    link,
    downloads.map((one) => one.congestion),
    offload,
  );
  const received = downloads.map(() => 0);
  const before = downloads.map(() => 0);
  servers.forEach((server, i) => {
    void server.listen(80, (flow: Flow) => {
      flow.handler = quiet;
      const pieces = Math.ceil((link.rate * until) / body.bytes.length) + 1;
      for (let n = 0; n < pieces; n++) flow.write(body, 0, body.bytes.length);
    });
    const handler: FlowHandler = {
      ...quiet,
      data(_flow, _bytes, start, end) {
        received[i] = (received[i] as number) + end - start;
      },
    };
    world.time.schedule(downloads[i]?.start ?? 0, () => {
      client.dial(server.ipv4() as number, 80, handler, () => {});
    });
  });
  world.time.run(from);
  received.forEach((bytes, i) => {
    before[i] = bytes;
  });
  world.time.run(until);
  return received.map((bytes, i) => ((bytes - (before[i] as number)) * 8) / (until - from) / 1000);
}

/**
 * Mean virtual ms from SYN to the last byte, of `count` new connections one after the other that ask for `size` bytes.
 */
export function fetches(
  seed: number,
  link: Bottleneck,
  congestion: CongestionName,
  count: number,
  size = 1024,
): number {
  const { world, client, servers } = network(seed, link, [congestion], true);
  const server = servers[0] as SimHost;
  const request = Memory.of('GET / HTTP/1.1\r\nHost: example.org\r\n\r\n');
  void server.listen(80, (flow: Flow) => {
    flow.handler = {
      ...quiet,
      data(asked) {
        asked.write(body, 0, size);
        asked.end();
      },
    };
  });
  let total = 0;
  for (let i = 0; i < count; i++) {
    const began = world.time.now();
    let got = 0;
    let over = false;
    const handler: FlowHandler = {
      ...quiet,
      data(_flow, _bytes, start, end) {
        got += end - start;
      },
      ended(flow) {
        flow.end();
      },
      closed() {
        over = true;
      },
    };
    client.dial(server.ipv4() as number, 80, handler, (flow) => flow.write(request, 0, request.bytes.length));
    world.time.run(began + 60_000, () => got >= size || over);
    total += world.time.now() - began;
    world.time.run(world.time.now() + 1000);
  }
  return total / count;
}

/** Jain's index of fairness: 1 when all have the same, 1/n when one has all. */
export function jain(shares: readonly number[]): number {
  const sum = shares.reduce((a, b) => a + b, 0);
  const squares = shares.reduce((a, b) => a + b * b, 0);
  return squares === 0 ? 0 : (sum * sum) / (shares.length * squares);
}
