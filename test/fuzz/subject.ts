/**
 * A stack under fuzz: listeners, an owner of connections that reads, writes, pauses and ends as the tape says, time
 * that goes on, and the watch over what must always hold. What does not hold is a `Problem`.
 */
import { Memory } from '../../src/memory/memory.js';
import { MemoryDevice, NO_OFFLOAD } from '../../src/net/device/memory/memory-link.js';
import { DhcpClient } from '../../src/net/dhcp/client.js';
import { Drops } from '../../src/net/drops.js';
import type { CloseReason, Flow, FlowHandler } from '../../src/net/flow.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import { Stack } from '../../src/net/ip/stack.js';
import { type CongestionName, congestionByName } from '../../src/net/tcp/congestion/index.js';
import { TcpLayer } from '../../src/net/tcp/index.js';
import type { Connection } from '../../src/net/tcp/state/connection.js';
import { ip } from '../sim/packets.js';
import { Watch } from '../sim/watch.js';
import { checkAll } from './invariants.js';
import { Outbound } from './outbound.js';
import type { Tape } from './tape.js';
import { Views } from './view.js';

export class Problem extends Error {}

export const OUR_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
export const PEER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 0x77);
export const US = ip('10.0.0.2');
export const GATEWAY = ip('10.0.0.1');
export const PEERS = [ip('10.0.0.77'), ip('10.0.0.78'), ip('192.0.2.7'), GATEWAY] as const;
export const PORTS = [80, 443, 7] as const;

/** Byte of any stream whose sequence number is `seq`: what goes in and out in order can be told from what does not. */
export const PATTERN = new Uint8Array(0x2_0000);
{
  const random = new SeededRandom(0x5eed);
  for (let i = 0; i < 0x1_0000; i++) PATTERN[i] = PATTERN[i + 0x1_0000] = random.random32();
}
const pattern = new Memory(PATTERN);

export const LIMITS = {
  connections: 40,
  synQueue: 16,
  timeWait: 32,
  receiveBuffer: 65_536,
  delayedAck: 40,
  userTimeout: 20_000,
  synRetries: 3,
  synAckRetries: 3,
  finWait2: 10_000,
  memory: 4 << 20,
};

/** Frames that one event may draw from us. */
const BURST = 20_000;

export class Subject implements FlowHandler {
  now: number;
  readonly drops = new Drops();
  readonly device: MemoryDevice;
  readonly stack: Stack;
  readonly tcp: TcpLayer;
  readonly dhcp: DhcpClient | undefined;
  readonly watch: Watch;
  readonly views = new Views();
  readonly outbound: Outbound;
  /** Datagrams and events that were taken from the wire. */
  taken = 0;
  private readonly written = new Map<Flow, number>();
  private readonly got = new Map<Flow, number>();
  private readonly ended_ = new Set<Flow>();

  constructor(private readonly tape: Tape) {
    // Clocks that are about to wrap: 32 bits of milliseconds, and the 4 µs of initial sequence numbers.
    this.now = tape.pick([1000, 2 ** 31 - 20_000, 2 ** 32 - 20_000, 17_179_869 - 3000]);
    const offload = tape.chance(30) ? { checksum: true, segmentation: 65_535 } : NO_OFFLOAD;
    this.device = new MemoryDevice(OUR_MAC, { queue: 100_000, offload });
    this.outbound = new Outbound(this);
    this.device.wire = (frame) => {
      this.outbound.see(frame);
      return true;
    };
    const random = new SeededRandom(tape.word() >>> 0);
    this.stack = new Stack({ device: this.device, random, drops: this.drops });
    this.tcp = new TcpLayer({
      ip: this.stack,
      random,
      drops: this.drops,
      congestion: congestionByName(tape.pick<CongestionName>(['cubic', 'reno', 'bbr'])),
      limits: LIMITS,
    });
    this.watch = new Watch(this.tcp);
    this.stack.host(this.tcp);
    for (const port of PORTS) this.tcp.listen(port, (flow) => this.accepted(flow));
    this.stack.udp.bind(5353, () => {
      this.taken++;
    });
    if (tape.chance(25)) {
      this.dhcp = new DhcpClient({ stack: this.stack, hostname: 'fuzz', probes: 1, probeInterval: 1 });
      this.stack.arp.onConflict = (mac, kept) => {
        if (!kept) this.dhcp?.addressTaken(mac);
      };
      this.dhcp.start(this.now);
    } else this.stack.configure({ address: US, prefix: 24, gateway: GATEWAY }, this.now);
    this.settle();
  }

  get address(): number | undefined {
    return this.stack.config?.address;
  }

  private accepted(flow: Flow): void {
    flow.handler = this;
    flow.lowWater = 4096;
    if (this.tape.chance(20)) flow.pause();
    if (this.tape.chance(20)) this.act(flow as Connection);
  }

  /** The owner does something with a connection. */
  act(c: Connection): void {
    const kind = this.tape.below(16);
    if (kind < 9) this.write(c, this.tape.below(this.tape.chance(20) ? 200_000 : 3000));
    else if (kind < 11) c.pause();
    else if (kind < 14) c.resume();
    else if (kind === 14) c.end();
    else if (this.tape.chance(40)) c.reset();
  }

  private write(c: Connection, length: number): void {
    if (c.queued > 400_000) return;
    let from = this.written.get(c) ?? 0;
    for (let left = length; left > 0; ) {
      const at = (c.iss + 1 + from) & 0xffff;
      const size = Math.min(left, 0x1_0000);
      const before = c.queued;
      c.write(pattern, at, at + size);
      if (c.queued === before) return;
      from += size;
      left -= size;
      this.written.set(c, from);
    }
  }

  open(peer: number, port: number): void {
    if (this.address === undefined || this.tcp.connections.size >= LIMITS.connections) return;
    const c = this.tcp.connect(this.address, peer, port, this.now, () => {});
    if (c !== undefined) c.handler = this;
  }

  // FlowHandler

  data(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    const c = flow as Connection;
    if (this.ended_.has(flow)) throw new Problem('data after the end');
    let offset = this.got.get(flow) ?? 0;
    for (let i = start; i < end; i++, offset++) {
      if (bytes[i] !== PATTERN[(c.irs + 1 + offset) & 0xffff]) throw new Problem(`byte ${offset} of a stream is wrong`);
    }
    this.got.set(flow, offset);
    if (this.tape.chance(30)) this.act(c);
  }

  ended(flow: Flow): void {
    if (this.ended_.has(flow)) throw new Problem('the end came twice');
    this.ended_.add(flow);
    if (this.tape.chance(70)) flow.end();
  }

  drained(flow: Flow): void {
    if (this.tape.chance(30)) this.write(flow as Connection, this.tape.below(5000));
  }

  closed(flow: Flow, _reason: CloseReason): void {
    this.written.delete(flow);
    this.got.delete(flow);
    this.ended_.delete(flow);
  }

  // Time

  private settle(): number {
    this.stack.flush(this.now);
    const { stack, dhcp, now } = this;
    return Math.min(stack.poll(now), dhcp?.poll(now) ?? Number.POSITIVE_INFINITY, stack.pollNeighbours(now));
  }

  /** Lets `ms` pass, stopping at each deadline. */
  advance(ms: number): void {
    const end = this.now + ms;
    let still = 0;
    for (;;) {
      const next = this.settle();
      if (Number.isNaN(next)) throw new Problem('the next deadline is no number');
      if (next > end) break;
      if (next <= this.now && ++still > 1000) throw new Problem(`the stack asks for a turn at ${next} again and again`);
      if (next > this.now) still = 0;
      this.now = Math.max(next, this.now);
      this.paid();
      this.outbound.limit(BURST);
    }
    this.now = end;
    this.settle();
  }

  /** One frame; `drawn`: what it drew from the stack at once is checked against it. */
  input(frame: Uint8Array): void {
    const { stack, drops, tcp, outbound } = this;
    const before = total(drops.counts) + stack.counters.framesOut + tcp.counters.segmentsIn + this.taken;
    const pieces = outbound.pieces();
    const lease = `${this.dhcp?.state} ${this.dhcp?.lease?.expiresAt}`;
    outbound.begin(frame);
    this.device.deliver(frame);
    this.device.receive(
      (b, start, end, marks) => this.watch.packet(() => stack.input(b, start, end, marks, this.now)),
      1,
    );
    const after = total(drops.counts) + stack.counters.framesOut + tcp.counters.segmentsIn + this.taken;
    if (
      after === before &&
      !outbound.mayBeSilent(frame) &&
      outbound.pieces() === pieces &&
      `${this.dhcp?.state} ${this.dhcp?.lease?.expiresAt}` === lease
    ) {
      throw new Problem('a frame was neither taken nor dropped under a name');
    }
    stack.flush(this.now);
    this.paid();
    outbound.end(BURST);
  }

  /** Steps for each packet, and bytes sent <= cwnd + acknowledged + SACKed. */
  private paid(): void {
    this.watch.check();
    if (this.watch.problem !== undefined) throw new Problem(this.watch.problem);
  }

  check(): void {
    checkAll(this);
  }

  /** Everybody leaves: nothing may be left. */
  finish(): void {
    this.check();
    this.tcp.abortAll('network-closed');
    this.dhcp?.stop(this.now);
    this.advance(200_000);
    this.check();
    const { tcp } = this;
    const left = [
      [tcp.connections.size, 'connections'],
      [tcp.waiting.size, 'in TIME-WAIT'],
      [tcp.listening.halfOpen, 'half-open'],
      [this.outbound.pieces(), 'datagrams in pieces'],
      [this.written.size + this.got.size + this.ended_.size, 'owners who were not told'],
      [(tcp.schedule as unknown as { timers: { items: unknown[] } }).timers.items.length, 'timers'],
    ] as const;
    for (const [count, what] of left) if (count !== 0) throw new Problem(`${count} ${what} are left`);
  }
}

function total(counts: Float64Array): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}
