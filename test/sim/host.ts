/** A host of the simulation: our stack with TCP on a device of its own, driven as a loop drives it, in virtual time. */
import { MemoryDevice, NO_OFFLOAD } from '../../src/net/device/memory-link.js';
import { Ipv6Mode } from '../../src/net/direct/ipv6-mode.js';
import { DROP_NAMES, Drops } from '../../src/net/drops.js';
import type { Accept, Adopt, Clock, Flow, FlowHandler, Listener, Network, Timer } from '../../src/net/flow.js';
import { DhcpClient } from '../../src/net/stack/dhcp/client.js';
import { Stack } from '../../src/net/stack/stack.js';
import { type CongestionName, congestionByName } from '../../src/net/tcp/congestion/index.js';
import { TcpLayer, type TcpLimits } from '../../src/net/tcp/index.js';
import { ip, ipText } from './packets.js';
import type { SeededRandom } from './random.js';
import type { Port, World } from './world.js';

/** Frames a turn takes before timers are looked at. */
const BUDGET = 64;

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

export class SimHost implements Port, Network {
  readonly name: string;
  readonly mac: Uint8Array;
  readonly stack: Stack;
  readonly tcp: TcpLayer;
  readonly drops = new Drops();
  /** Virtual time as this host's programs see it: their callbacks run inside an entry of the stack. */
  readonly clock: Clock;
  private readonly device: MemoryDevice;
  private readonly random: SeededRandom;
  private dhcp: DhcpClient | undefined;
  private ipv6Mode: Ipv6Mode | undefined;
  /** Frames that came, those that found the queue full among them. */
  private arrived = 0;
  unplugged = false;
  private overflowed = 0;
  private turnQueued = false;
  private inside = false;
  private timer: Timer | undefined;
  private timerFor = Number.POSITIVE_INFINITY;

  constructor(
    private readonly world: World,
    options: SimHostOptions,
  ) {
    this.name = options.name;
    this.mac = options.mac;
    this.random = world.random.fork(options.mac[5] as number);
    const offload = options.offload ? { checksum: true, segmentation: 65_535 } : NO_OFFLOAD;
    this.device = new MemoryDevice(options.mac, { offload, queue: 4096, mtu: options.mtu ?? 1500 });
    this.stack = new Stack({ device: this.device, random: this.random, drops: this.drops });
    this.tcp = new TcpLayer({
      ip: this.stack,
      random: this.random,
      drops: this.drops,
      congestion: congestionByName(options.congestion ?? 'cubic'),
      limits: options.limits ?? {},
    });
    this.stack.host(this.tcp);
    if (options.wraps === true) this.nearTheWrap();
    this.device.onReadable = () => this.queueTurn();
    const { time } = world;
    this.clock = {
      now: () => time.now(),
      wallClock: () => time.wallClock(),
      schedule: (delay, callback) => time.schedule(delay, () => this.enter(callback)),
    };
  }

  /** Initial sequence numbers a few thousand bytes, timestamps a second before they wrap. */
  private nearTheWrap(): void {
    const { tcp } = this;
    const clock = tcp.timestamp.bind(tcp);
    tcp.initialSequence = (local, remote, ports) => -1 - ((tcp.hash.of(local, remote, ports, 1) >>> 0) % 5000);
    tcp.timestamp = (c, now) => {
      // Whatever the offset says: -1000 when the simulation begins.
      return (clock({ ...c, tsOffset: 0 }, now) - 1000) | 0;
    };
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

  configure(address: string, prefix: number, gateway?: string): void {
    const config = { address: ip(address), prefix, gateway: gateway === undefined ? undefined : ip(gateway) };
    this.enter(() => this.stack.configure(config, this.world.time.now()));
  }

  /** Asks for an address and keeps it. */
  useDhcp(): void {
    const { stack } = this;
    const dhcp = new DhcpClient({
      stack,
      hostname: this.name,
      onLease: () => {},
      onEvent: () => {},
      onTrouble: () => {},
    });
    this.dhcp = dhcp;
    stack.arp.onConflict = (mac, kept) => {
      if (!kept) dhcp.addressTaken(mac);
    };
    this.enter(() => dhcp.start(this.world.time.now()));
  }

  /** Speaks IPv6, with addresses as the network offers them. */
  useIpv6(): void {
    const quiet = { addresses6() {}, event() {}, notice() {}, failed6() {} };
    const secret = [this.mac[5] as number, 2, 3, 4] as const;
    const mode = new Ipv6Mode(this.stack, { addresses: [], anycast: [], secret }, quiet);
    this.ipv6Mode = mode;
    this.enter(() => mode.start(this.world.time.now()));
  }

  /** IPv6 addresses that are served now, deprecated ones included, in text. */
  ipv6(): string[] {
    const { v6, peers } = this.stack;
    return v6.addresses.served.map((one) => peers.text(one.handle));
  }

  /** Gives the address back, if it was leased. */
  stop(): void {
    const { dhcp } = this;
    this.dhcp = undefined;
    if (dhcp !== undefined) this.enter(() => dhcp.stop(this.world.time.now()));
  }

  take(frame: Uint8Array): void {
    if (this.unplugged) return;
    this.arrived += 1;
    if (!this.device.deliver(frame)) this.overflowed += 1;
  }

  private queueTurn(): void {
    if (this.turnQueued) return;
    this.turnQueued = true;
    this.world.time.schedule(0, () => {
      this.turnQueued = false;
      this.turn();
    });
  }

  private turn(): void {
    const { stack, device, world } = this;
    const now = world.time.now();
    this.inside = true;
    const taken = device.receive((bytes, start, end, marks) => stack.input(bytes, start, end, marks, now), BUDGET);
    stack.flush(now);
    this.inside = false;
    if (taken === BUDGET) this.queueTurn();
    this.poll();
  }

  /** What a program does outside the stack's callbacks: the stack learns the time first, and sends afterwards. */
  enter(what: () => void): void {
    if (this.inside) {
      what();
      return;
    }
    const now = this.world.time.now();
    this.inside = true;
    this.stack.poll(now);
    this.dhcp?.poll(now);
    this.ipv6Mode?.poll(now);
    what();
    this.stack.flush(now);
    this.inside = false;
    this.poll();
  }

  private poll(): void {
    const { time } = this.world;
    this.inside = true;
    const now = time.now();
    const { stack, dhcp, ipv6Mode } = this;
    const never = Number.POSITIVE_INFINITY;
    const ways = Math.min(dhcp?.poll(now) ?? never, ipv6Mode?.poll(now) ?? never);
    const due = Math.min(stack.poll(now), ways, stack.pollNeighbours(now));
    this.inside = false;
    if (due === this.timerFor) return;
    this.timer?.cancel();
    this.timerFor = due;
    if (due === Number.POSITIVE_INFINITY) return;
    // A deadline in the past asks for another turn, but time must not stand still.
    this.timer = time.at(Math.max(due, time.now()), () => {
      this.timerFor = Number.POSITIVE_INFINITY;
      this.poll();
    });
  }

  ipv4(): number | undefined {
    return this.stack.config?.address;
  }

  get address(): string | undefined {
    const address = this.ipv4();
    return address === undefined ? undefined : ipText(address);
  }

  listen(port: number, accept: Accept, adopt?: Adopt): Promise<Listener> {
    const listening = this.tcp.listen(port, accept, adopt);
    return Promise.resolve({
      endpoint: { address: this.address ?? '0.0.0.0', port: listening.port },
      close: () => listening.close(),
    });
  }

  /** An active open; `begin` is called when the connection stands. */
  connect(remote: number, port: number, handler: FlowHandler, begin: (flow: Flow) => void, from?: number): void {
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

  counters(): Readonly<Record<string, number>> {
    return { ...this.tcp.counters, ...this.drops.toJSON() };
  }

  async close(): Promise<void> {}

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
    const unknown = this.drops.counts.findIndex((count, i) => count > 0 && DROP_NAMES[i] === undefined);
    if (unknown >= 0) left.push(`${this.name}: a drop without a name (${unknown})`);
    return left;
  }
}
