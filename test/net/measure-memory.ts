/**
 * Run with `--expose-gc`: fills each table of the stack up to its bound, and says as JSON what is counted for it and
 * what it really takes. The peer is made by hand: it costs nothing that would be measured with it.
 */
import { Memory } from '../../src/memory/memory.js';
import { MemoryDevice } from '../../src/net/device/memory/memory-link.js';
import type { Flow, FlowHandler } from '../../src/net/flow.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import { Stack } from '../../src/net/ip/stack.js';
import { congestionByName } from '../../src/net/tcp/congestion/index.js';
import { TcpLayer, type TcpLimits } from '../../src/net/tcp/index.js';
import type { Connection } from '../../src/net/tcp/state/connection.js';
import { ACK, arp, ethernet, FIN, ip, ipv4, SYN, TYPE_ARP, TYPE_IPV4, tcp, UDP, view } from '../sim/packets.js';

export interface Measured {
  readonly what: string;
  /** Bytes: as the budget or the table's bound counts them, and as the heap grew. */
  readonly counted: number;
  readonly measured: number;
}

const US = ip('10.0.0.1');
const OUR_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const PEER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 2);
const ISS = 1000;

class Bench implements FlowHandler {
  now = 0;
  readonly device = new MemoryDevice(OUR_MAC, { queue: 16 });
  readonly stack: Stack;
  readonly layer: TcpLayer;
  readonly flows: Flow[] = [];

  constructor(limits: Partial<TcpLimits> = {}) {
    const random = new SeededRandom(1);
    this.device.wire = () => true;
    this.stack = new Stack({ device: this.device, random });
    const { stack } = this;
    this.layer = new TcpLayer({ ip: stack, random, drops: stack.drops, congestion: congestionByName('cubic'), limits });
    stack.host(this.layer);
    stack.configure({ address: US, prefix: 8 }, 0);
    this.layer.listen(80, (flow) => {
      flow.handler = this;
      this.flows.push(flow);
    });
    for (let i = 0; i < 8; i++) this.learn(ip('10.0.0.2') + i);
  }

  learn(sender: number): void {
    const reply = { operation: 2, senderMac: PEER_MAC, sender, targetMac: OUR_MAC, target: US };
    this.frame(ethernet(OUR_MAC, PEER_MAC, TYPE_ARP, arp(reply)));
  }

  frame(bytes: Uint8Array): void {
    this.device.deliver(bytes);
    this.device.receive((b, start, end, marks) => this.stack.input(b, start, end, marks, this.now), 16);
    this.stack.flush(this.now);
  }

  segment(client: number, flags: number, seq: number, ack: number, bytes = 0, options = new Uint8Array(0)): void {
    const source = ip('10.0.0.2') + Math.floor(client / 50_000);
    const from = 1024 + (client % 50_000);
    const payload = new Uint8Array(bytes);
    const segment = { source, from, destination: US, to: 80, seq, ack, flags, window: 65_535, options, payload };
    this.frame(ethernet(OUR_MAC, PEER_MAC, TYPE_IPV4, tcp(segment)));
  }

  /** `n` connections that were asked something, answered and acknowledged. */
  open(n: number): Connection[] {
    const options = Uint8Array.of(2, 4, 5, 0xb4, 4, 2, 1, 1, 1, 3, 3, 7);
    const answer = new Memory(new Uint8Array(100));
    for (let i = 0; i < n; i++) {
      this.segment(i, SYN, ISS, 0, 0, options);
      const half = [...this.layer.listening.queue][0];
      this.segment(i, ACK, ISS + 1, ((half?.iss ?? 0) + 1) | 0);
      const c = this.flows.at(-1) as Connection;
      this.segment(i, ACK, ISS + 1, c.sndNxt, 10);
      c.write(answer, 0, 100);
      this.stack.flush(this.now);
      this.segment(i, ACK, ISS + 11, c.sndNxt);
    }
    return this.flows as Connection[];
  }

  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end; this.now += 50) this.stack.poll(this.now);
  }

  data(): void {}
  ended(): void {}
  drained(): void {}
  closed(): void {}
}

/** `made`: what is to be kept alive until it was measured. */
function measure(
  what: string,
  counted: (made: Bench) => number,
  make: () => Bench,
  fill: (made: Bench) => void,
): Measured {
  const bench = make();
  const size = (): number => {
    for (let i = 0; i < 3; i++) globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const countedBefore = counted(bench);
  const before = size();
  fill(bench);
  const measured = size() - before;
  return { what, counted: counted(bench) - countedBefore, measured };
}

const budget = ({ layer }: Bench): number => layer.budget.used;
const plain = (): Bench => new Bench({ synQueue: 50_000, synAcks: 1_000_000 });

const results: Measured[] = [
  measure('idle connections', budget, plain, (b) => {
    b.open(20_000);
    b.pass(2000);
  }),
  measure('half-open connections', budget, plain, (b) => {
    const options = Uint8Array.of(2, 4, 5, 0xb4, 4, 2, 1, 1, 1, 3, 3, 7);
    for (let i = 0; i < 30_000; i++) b.segment(i, SYN, ISS, 0, 0, options);
  }),
  measure('TIME-WAIT', budget, plain, (b) => {
    const all = b.open(60_000).slice();
    b.flows.length = 0;
    for (const [i, c] of all.entries()) {
      c.end();
      b.stack.flush(b.now);
      b.segment(i, ACK | FIN, ISS + 11, c.sndNxt);
    }
  }),
  measure('transmissions in flight, a segment each', budget, plain, (b) => {
    const large = new Memory(new Uint8Array(1 << 16));
    for (const [i, c] of b.open(200).entries()) {
      for (let k = 0; k < 64; k++) c.write(large, 0, 1 << 16);
      for (let k = 0; k < 8; k++) {
        b.stack.flush(b.now);
        b.segment(i, ACK, ISS + 11, c.sndMax);
      }
    }
  }),
  measure(
    'crumbs out of order',
    budget,
    () => {
      const b = plain();
      b.open(1000);
      return b;
    },
    (b) => {
      for (const [i, c] of (b.flows as Connection[]).entries())
        for (let k = 0; k < 300; k++) b.segment(i, ACK, ISS + 12 + 2 * k, c.sndNxt, 1);
    },
  ),
  measure(
    'crumbs here and there',
    budget,
    () => {
      const b = plain();
      b.open(200);
      return b;
    },
    (b) => {
      for (const [i, c] of (b.flows as Connection[]).entries())
        for (let k = 0; k < 60; k++) b.segment(i, ACK, ISS + 12 + 4096 * k, c.sndNxt, 1);
    },
  ),
  measure(
    'segments out of order, a hole before them',
    budget,
    () => {
      const b = plain();
      b.open(200);
      return b;
    },
    (b) => {
      for (const [i, c] of (b.flows as Connection[]).entries())
        for (let k = 0; k < 100; k++) b.segment(i, ACK, ISS + 12 + 1460 * k, c.sndNxt, 1460);
    },
  ),
  measure(
    'data that its owner does not read, byte by byte',
    budget,
    () => {
      const b = plain();
      for (const c of b.open(1000)) c.pause();
      return b;
    },
    (b) => {
      for (const [i, c] of (b.flows as Connection[]).entries())
        for (let k = 0; k < 200; k++) b.segment(i, ACK, ISS + 11 + k, c.sndNxt, 1);
    },
  ),
  measure(
    'fragments, of eight bytes each',
    ({ stack }) => (stack.ipv4 as unknown as { reassembly: { memory: number } }).reassembly.memory,
    plain,
    (b) => {
      for (let i = 0; i < 30_000; i++) {
        const fields = { source: ip('10.0.0.2'), destination: US, protocol: UDP, id: i % 64 };
        const packet = ipv4({ ...fields, payload: new Uint8Array(8) });
        view(packet).setUint16(6, 0x2000 | (1 + 2 * (i >> 6)));
        view(packet).setUint16(10, 0);
        let sum = 0;
        for (let at = 0; at < 20; at += 2) sum += view(packet).getUint16(at);
        view(packet).setUint16(10, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
        b.frame(ethernet(OUR_MAC, PEER_MAC, TYPE_IPV4, packet));
      }
    },
  ),
];

process.stdout.write(JSON.stringify(results));
