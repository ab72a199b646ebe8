/** One download between two stacks, in virtual time, over a bad cable. */
import { Memory } from '../../../src/memory/memory.js';
import { memoryLink } from '../../../src/net/device/memory/memory-link.js';
import type { Flow, FlowHandler } from '../../../src/net/flow.js';
import { Stack } from '../../../src/net/ip/stack.js';
import { type CongestionName, congestionByName } from '../../../src/net/tcp/congestion/index.js';
import { TcpLayer } from '../../../src/net/tcp/index.js';
import { parseIpv4 } from '../../../src/net/wire/address.js';

/** xorshift: the same numbers from the same seed. */
function dice(seed: number): { random32(): number; chance(): number } {
  let x = seed | 1;
  const random32 = (): number => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x | 0;
  };
  return { random32, chance: () => (random32() >>> 0) / 0x1_0000_0000 };
}

export interface Fetched {
  readonly bytes: Buffer;
  readonly reason: string;
  readonly ms: number;
  readonly retransmissions: number;
  readonly left: number;
}

/** Two hosts, 10 ms apart, over a cable that loses, repeats and reorders; the client asks, the server sends `body`. */
export function fetchOnce(
  body: Uint8Array,
  seed: number,
  loss: number,
  congestion: CongestionName,
  seen?: (frame: Uint8Array, ms: number) => void,
): Fetched {
  const random = dice(seed);
  const [left, right] = memoryLink({ queue: 100_000 });
  const address = (text: string): number => parseIpv4(text) as number;
  const stacks = [left, right].map((device, i) => {
    const stack = new Stack({ device, random });
    stack.configure({ address: address(`10.0.0.${i + 1}`), prefix: 24 }, 0);
    const tcp = new TcpLayer({ ip: stack, random, drops: stack.drops, congestion: congestionByName(congestion) });
    stack.host(tcp);
    return { stack, tcp, device };
  });
  // Frames in the air: [arrives, order, frame, to].
  let air: { at: number; frame: Uint8Array; to: number }[] = [];
  let now = 0;
  [left, right].forEach((device, i) => {
    device.wire = (frame) => {
      if (i === 0) seen?.(frame, now);
      if (random.chance() < loss) return true;
      const extra = random.chance() < loss ? random.chance() * 8 : 0;
      air.push({ at: now + 10 + extra, frame, to: 1 - i });
      if (random.chance() < loss) air.push({ at: now + 10.5, frame, to: 1 - i });
      return true;
    };
  });
  const memory = new Memory(body);
  const parts: Buffer[] = [];
  let reason = '';
  const quiet = { drained() {}, closed() {} };
  const server: FlowHandler = {
    ...quiet,
    data(flow: Flow) {
      flow.write(memory, 0, body.length);
      flow.end();
    },
    ended() {},
  };
  const client: FlowHandler = {
    ...quiet,
    data(_flow, bytes, start, end) {
      parts.push(Buffer.from(bytes.subarray(start, end)));
    },
    ended(flow) {
      flow.end();
    },
    closed(_flow, why) {
      reason = why;
    },
  };
  stacks[0].tcp.listen(80, (flow) => {
    flow.handler = server;
  });
  const connection = stacks[1].tcp.connect(address('10.0.0.2'), address('10.0.0.1'), 80, now, (flow) => {
    flow.handler = client;
    const request = Memory.of('go');
    flow.write(request, 0, request.bytes.length);
  });
  if (connection === undefined) throw new Error('no connection');
  connection.handler = client;
  let steps = 0;
  while (reason === '' && steps++ < 2_000_000) {
    for (const { stack } of stacks) stack.flush(now);
    let next = Math.min(...stacks.map(({ stack }) => stack.poll(now)));
    for (const one of air) next = Math.min(next, one.at);
    if (next === Number.POSITIVE_INFINITY) break;
    now = Math.max(now, next);
    const arrived = air.filter((one) => one.at <= now);
    air = air.filter((one) => one.at > now);
    for (const one of arrived.sort((a, b) => a.at - b.at)) stacks[one.to].device.deliver(one.frame);
    for (const { stack, device } of stacks) {
      device.receive((bytes, start, end, marks) => {
        if (device === left) seen?.(bytes, now);
        stack.input(bytes, start, end, marks, now);
      }, 100_000);
    }
  }
  return {
    bytes: Buffer.concat(parts),
    reason,
    ms: now,
    retransmissions: stacks[0].tcp.counters.retransmissions,
    left: stacks[0].tcp.connections.size + stacks[1].tcp.connections.size,
  };
}
