/**
 * A host of the simulation: a `StackHost` on a device of its own in virtual time, with what the simulation counts and
 * spoils.
 */
import { MemoryDevice, NO_OFFLOAD } from '../../src/net/device/memory/memory-link.js';
import { Ipv6Mode } from '../../src/net/direct/address/ipv6-mode.js';
import { DROP_NAMES } from '../../src/net/drops.js';
import type { Flow, FlowHandler } from '../../src/net/flow.js';
import { StackHost } from '../../src/net/host/stack-host.js';
import type { CongestionName } from '../../src/net/tcp/congestion/index.js';
import type { TcpLimits } from '../../src/net/tcp/index.js';

import { Watch } from './watch.js';
import type { Port, World } from './world.js';

export interface SimHostOptions {
  readonly name: string;
  readonly mac: Uint8Array;
  readonly offload?: boolean;
  readonly congestion?: CongestionName;
  readonly limits?: Partial<TcpLimits>;
  readonly mtu?: number;
  /** Sequence numbers and timestamps begin just before they wrap. */
  readonly wraps?: boolean;
}

export class SimHost extends StackHost implements Port {
  readonly name: string;
  readonly mac: Uint8Array;
  declare readonly device: MemoryDevice;

  /** Frames that came, those that found the queue full among them. */
  private arrived = 0;
  /** Work for each packet, and bytes that are paid for. */
  readonly watch: Watch;
  unplugged = false;
  private overflowed = 0;

  constructor(
    private readonly world: World,
    options: SimHostOptions,
  ) {
    const offload = options.offload ? { checksum: true, segmentation: 65_535 } : NO_OFFLOAD;
    const random = world.random.fork(options.mac[5] as number);
    super({
      device: new MemoryDevice(options.mac, { offload, queue: 4096, mtu: options.mtu ?? 1500 }),
      clock: world.time,
      random,
      hostname: options.name,
      congestion: options.congestion,
      limits: options.limits,
    });
    this.name = options.name;
    this.mac = options.mac;
    this.watch = new Watch(this.tcp);
    if (options.wraps === true) this.nearTheWrap();
  }

  /** Initial sequence numbers a few thousand bytes, timestamps a second before they wrap. */
  private nearTheWrap(): void {
    const { tcp } = this;
    const { clocks } = tcp;
    const clock = clocks.timestamp.bind(clocks);
    clocks.initialSequence = (local, remote, ports) => -1 - ((tcp.hash.of(local, remote, ports, 1) >>> 0) % 5000);
    clocks.timestamp = (c, now) => {
      // Whatever the offset says: -1000 when the simulation begins.
      return (clock({ ...c, tsOffset: 0 }, now) - 1000) | 0;
    };
    clocks.stamp = (c) => clocks.timestamp(c, tcp.now);
  }

  /** The cable is pulled: nothing comes and nothing goes. */
  unplug(): void {
    this.unplugged = true;
    this.device.wire = () => true;
  }

  /** The host's cable: what it sends goes in there. */
  connectTo(send: (frame: Uint8Array) => void): void {
    this.device.wire = (frame) => {
      send(frame);
      return true;
    };
  }

  /** Takes a static address. */
  place(address: string, prefix: number, gateway?: string): void {
    this.configure({ address, prefix, gateway });
  }

  /** Speaks IPv6, with addresses as the network offers them. */
  useIpv6(): void {
    const quiet = { addresses6() {}, event() {}, notice() {}, failed6() {} };
    const secret = [this.mac[5] as number, 2, 3, 4] as const;
    const mode = new Ipv6Mode(this.stack, { addresses: [], anycast: [], secret }, quiet);
    this.accompany(mode);
    this.enter(() => mode.start(this.world.time.now()));
  }

  /** IPv6 addresses that are served now, deprecated ones included, in text. */
  ipv6(): string[] {
    const { v6, peers } = this.stack;
    return v6.addresses.served.map((one) => peers.text(one.handle));
  }

  /** Gives the address back, if it was leased. */
  stop(): void {
    this.releaseAddress();
  }

  take(frame: Uint8Array): void {
    if (this.unplugged) return;
    this.arrived += 1;
    if (!this.device.deliver(frame)) this.overflowed += 1;
  }

  protected override input(bytes: Uint8Array, start: number, end: number, marks: number, now: number): void {
    this.watch.packet(() => super.input(bytes, start, end, marks, now));
  }

  protected override flushed(): void {
    this.watch.check();
  }

  ipv4(): number | undefined {
    return this.stack.config?.address;
  }

  /** An active open; `begin` is called when the connection stands. */
  dial(remote: number, port: number, handler: FlowHandler, begin: (flow: Flow) => void, from?: number): void {
    this.enter(() => {
      const opening = this.tcp.opening as unknown as { choosePort: unknown };
      const own = opening.choosePort;
      // Like a program that binds its socket: from that port, unless it is in use.
      if (from !== undefined && this.isFree(remote, port, from)) opening.choosePort = () => (port << 16) | from;
      const flow = this.tcp.connect(this.sourceFor(remote), remote, port, this.world.time.now(), begin);
      if (opening.choosePort !== own) delete (opening as { choosePort?: unknown }).choosePort;
      if (flow === undefined) throw new Error(`${this.name}: no way to ${this.stack.peers.text(remote)}`);
      flow.handler = handler;
    });
  }

  private sourceFor(remote: number): number {
    const route = this.stack.route(remote);
    return route === undefined ? (this.ipv4() ?? 0) : this.stack.sourceFor(route);
  }

  private isFree(remote: number, port: number, from: number): boolean {
    const ports = (port << 16) | from;
    const local = this.sourceFor(remote);
    const { connections, waiting } = this.tcp;
    return connections.get(remote, local, ports) === undefined && waiting.find(remote, local, ports) < 0;
  }

  /** What should not be there when everything is over. */
  leftovers(): string[] {
    const left: string[] = [];
    if (this.tcp.connections.size > 0) {
      const states = [...this.tcp.connections].map((one) => `${one.info().state} to port ${one.remotePort}`);
      left.push(`${this.name}: ${states.length} connections are left: ${states.slice(0, 5).join(', ')}`);
    }
    if (this.tcp.waiting.size > 0) left.push(`${this.name}: ${this.tcp.waiting.size} in TIME-WAIT are left`);
    if (this.tcp.listening.halfOpen > 0) left.push(`${this.name}: ${this.tcp.listening.halfOpen} half-open are left`);
    const { framesIn } = this.stack.counters;
    if (framesIn + this.overflowed + this.device.backlog !== this.arrived) {
      left.push(`${this.name}: ${this.arrived} frames came, ${framesIn} were counted, ${this.overflowed} overflowed`);
    }
    if (this.watch.problem !== undefined) left.push(`${this.name}: ${this.watch.problem}`);
    const unknown = this.drops.counts.findIndex((count, i) => count > 0 && DROP_NAMES[i] === undefined);
    if (unknown >= 0) left.push(`${this.name}: a drop without a name (${unknown})`);
    return left;
  }
}
