/**
 * A network on our own stack: a TAP or a network card, the stack with TCP on it, a way to an address, and the real-time
 * loop that drives them.
 */
import { uptime } from 'node:os';
import { performance } from 'node:perf_hooks';
import { Containment } from '../containment.js';
import type { Datagrams } from '../datagrams.js';
import { type LinkState, linkState } from '../device/linux/link-state.js';
import { Drops } from '../drops.js';
import type { Accept, Adopt, Clock, Flow, LeaseInfo, Listener, Network } from '../flow.js';
import type { Stack } from '../ip/stack.js';
import { formatIp } from '../ip-text.js';
import type { Loop } from '../loop/loop.js';
import type { TcpLayer } from '../tcp/index.js';
import { formatIpv4, formatMac } from '../wire/address.js';
import type { AddressEvents, AddressMode } from './address/address-mode.js';
import type { SharedAddress } from './address/followed-mode.js';
import type { Ipv6Text } from './address/ipv6-mode.js';
import { LeaseFile } from './address/lease-file.js';
import { ServedAddress } from './address/served-address.js';
import { LinkWatch, LOOK_EVERY } from './host/link-watch.js';
import { machineMemory, memoryBudget } from './host/memory-budget.js';
import { monotonic } from './host/monotonic.js';
import { type OpenDevice, openDevice } from './host/open-device.js';
import type { DirectOptions } from './host/options.js';
import { openFlow } from './host/outgoing.js';
import { CryptoRandom } from './host/random.js';
import { realLoop } from './host/real-loop.js';
import { StackDatagrams } from './host/stack-datagrams.js';
import { awaitedFamilies, wantedIpv6 } from './host/wanted-addresses.js';
import { buildMode, buildStack } from './replay/build-stack.js';
import { digestState } from './replay/digest.js';
import { type Beginning, LINK_UP, START, STOP } from './replay/events.js';
import { Listeners } from './replay/listeners.js';
import { RecordedDevice } from './replay/recorded-device.js';
import { Owners } from './replay/recorded-flow.js';
import { rememberingLeases } from './replay/recorded-leases.js';
import type { Recorder } from './replay/recorder.js';
import { beginningOf, record } from './replay/recording.js';
import { Succession } from './succession/succession.js';
import { EntryClock } from './turns/entry-clock.js';
import { lastConnection } from './turns/last-connection.js';
import { Turns } from './turns/turns.js';
import { Worker } from './workers/worker.js';

export type { DirectOptions } from './host/options.js';

/** Milliseconds that the last packet may wait for its neighbour to be found. */
const LAST_WORD = 100;

export class DirectNetwork implements Network {
  readonly clock: Clock;
  readonly stack: Stack;
  readonly tcp: TcpLayer;
  private readonly options: DirectOptions;
  private readonly opened: OpenDevice;
  private readonly turns: Turns;
  private readonly mode: AddressMode;
  private readonly served: ServedAddress;
  private readonly succession: Succession;
  private readonly recorder: Recorder | undefined;
  private readonly owners: Owners | undefined;
  /** The others on the same device. */
  private readonly worker: Worker | undefined = undefined;
  /** Opened before the process is sealed. Undefined: another worker looks after the link. */
  private readonly link: LinkState | undefined;
  /** Ends the watch over the link, while there is one. */
  private unwatch: (() => void) | undefined = undefined;
  private readonly listeners: Listeners;
  /** For what each worker does for itself. */
  private readonly ownEvent: DirectOptions['onEvent'];
  /** UDP of the same host. */
  readonly datagrams: Datagrams;

  /** Opens the device and starts. Throws a `UserError` when the device cannot be had. */
  constructor(options: DirectOptions) {
    this.ownEvent = options.onEvent;
    // Of several workers the first one has the address, and speaks of it: one voice.
    const leads = options.worker === undefined || options.worker.number === 1;
    this.options = leads ? options : { ...options, onNotice: undefined, onEvent: undefined };
    const random = new CryptoRandom();
    this.clock = new EntryClock(
      (callback) => this.turns.timer(callback),
      () => this.turns.look,
    );
    this.opened = openDevice(options, this.clock, random, () => this.turns.readHeld());
    const { link, wire, device, onDrop } = this.opened;
    const bridge = options.device.kind === 'tap' ? options.device.bridge : undefined;
    this.link = leads ? linkState(options.device.name, bridge) : undefined;
    const memory = options.memory ?? memoryBudget(machineMemory(), options.worker?.count ?? 1);
    const ipv6 = wantedIpv6(this.options);
    this.recorder = record(options, device, { memory, ipv6 }, () => this.beginning());
    this.owners = this.recorder === undefined ? undefined : new Owners(this.recorder);
    const drops = new Drops();
    drops.watcher = onDrop;
    const { recorder, owners } = this;
    const { stack, tcp } = buildStack({
      device: recorder === undefined ? device : new RecordedDevice(device, recorder),
      random: recorder?.recording(random) ?? random,
      drops,
      congestion: options.congestion ?? 'cubic',
      memory,
      faults: new Containment(options.onFault),
    });
    this.stack = stack;
    this.tcp = tcp;
    this.listeners = new Listeners(tcp, recorder, owners);
    this.turns = new Turns({ link, wire, device, stack, tcp, recorder, owners }, () => this.deviceGone());
    if (options.worker !== undefined) {
      // For cookies: the machine's clock is the same for all workers.
      tcp.clocks.offset = monotonic() - performance.now();
      this.worker = new Worker(options.worker, stack, tcp, options.static === undefined, this.enter);
    }
    this.served = new ServedAddress(this.options, awaitedFamilies(options), options.anycast ?? [], (address) =>
      this.succession.addressLost(address),
    );
    this.mode = this.addressMode(ipv6, {
      address: (address, further) => {
        this.served.is(address, further);
        this.tellOthers();
      },
      event: (sentence) => this.options.onEvent?.(sentence),
      notice: (sentence) => this.options.onNotice?.(sentence),
      failed: (sentence) => this.served.fail(sentence, 4),
      addresses6: (texts, settled) => {
        this.served.are(texts, settled);
        this.tellOthers();
      },
      failed6: (sentence) => this.served.fail(sentence, 6),
    });
    const makeLoop = (): Loop => realLoop(link, this.turns, options);
    this.turns.address(this.mode);
    this.turns.loop = makeLoop();
    // A recording begins with a connection's first segment: what another program began is not for it.
    const memories = recorder === undefined ? options.memories : undefined;
    this.succession = new Succession({ stack, tcp, memories, mode: this.mode, turns: this.turns }, makeLoop, options);
    this.datagrams = new StackDatagrams(stack, random, this.enter, () => this.address);
    if (options.held !== true) this.begin();
  }

  private addressMode(ipv6: Ipv6Text | undefined, events: AddressEvents): AddressMode {
    if (this.worker !== undefined && !this.worker.leads) return this.worker.mode({ ...this.options, ipv6 }, events);
    const { state, static: given } = this.options;
    const name = `${this.deviceName}-${formatMac(this.mac).replaceAll(':', '')}`;
    const file = state === undefined || given !== undefined ? undefined : new LeaseFile(state, name, events.notice);
    const leases = this.recorder === undefined ? file : rememberingLeases(this.recorder, file);
    return buildMode(this.stack, { ...this.options, ipv6 }, leases, events);
  }

  /** Looks for its address, and takes frames. */
  begin(): void {
    const { turns, mode } = this;
    turns.enter(() => {
      this.recorder?.turn(START, turns.now);
      const before = this.options.worker?.address;
      if (before?.state === undefined) mode.start(turns.now);
      else mode.adopt(before.state, turns.now, monotonic() - before.at);
    });
    turns.loop.start();
    this.watchLink();
  }

  private watchLink(): void {
    const { options, turns, mode, recorder, link } = this;
    if (this.unwatch !== undefined || link === undefined) return;
    const bridge = options.device.kind === 'tap' ? options.device.bridge : undefined;
    const clocks = { monotonic: () => performance.now(), boot: () => uptime() * 1000 };
    const watch = new LinkWatch(options.device.name, bridge, link, clocks, {
      linkUp: () =>
        turns.event(() => {
          recorder?.turn(LINK_UP, turns.now);
          mode.linkUp?.(turns.now);
        }),
      slept: (milliseconds) =>
        turns.event(() => {
          recorder?.slept(milliseconds, turns.now);
          mode.slept?.(milliseconds, turns.now);
        }),
      mtu: (bytes) => this.resize(bytes),
      notice: (sentence) => options.onNotice?.(sentence),
    });
    this.resize(link.mtu());
    // Whose traffic another program has looks at nothing.
    const timer = setInterval(() => turns.reading && watch.look(), LOOK_EVERY).unref();
    this.unwatch = () => {
      clearInterval(timer);
      this.unwatch = undefined;
    };
  }

  /** The link takes packets of `mtu` bytes: since it was opened, or from now on. */
  private resize(mtu = this.stack.device.mtu): void {
    if (mtu === this.stack.device.mtu) return;
    this.turns.event(() => {
      this.recorder?.resized(mtu, this.turns.now);
      this.stack.resize(mtu, this.turns.now);
    });
    this.ownEvent?.(`the largest packet of ${this.opened.link.title} has ${mtu} bytes now`);
    this.tellOthers();
  }

  /** Runs `callback` as an entry of the stack, at the present time. */
  readonly enter = (callback: () => void): void => this.turns.enter(callback);

  /** What a replay must know that begins here. */
  private beginning(): Beginning {
    const listening = this.listeners.ports;
    const { stack, tcp, turns, mode, owners } = this;
    const known = { accepted: owners?.accepted ?? 0, ipv6: mode.state(turns.now)?.ipv6 };
    return beginningOf(stack, tcp, turns.now, listening, known);
  }

  private deviceGone(): void {
    this.unwatch?.();
    this.turns.loop.stop();
    this.served.fail(`${this.opened.link.title} is gone: it was removed while we served on it`);
  }

  /** Opens a connection to an address in text; see `openFlow`. */
  connect(address: string, port: number): Promise<Flow> {
    return openFlow(this, address, port);
  }

  /** Addresses of recursive name servers that DHCP and routers advertise, in text; those of IPv6 last. */
  get nameServers(): readonly string[] {
    const { stack, turns } = this;
    const ipv4 = this.mode.state(turns.now)?.lease?.dnsServers ?? [];
    const ipv6 = stack.v6.routerDiscovery.resolvers.filter(({ until }) => until > turns.now);
    return [...ipv4.map((one) => formatIpv4(one)), ...ipv6.map(({ address }) => formatIp(address))];
  }

  // One of several workers

  /** The other workers can reach this one. */
  get reachable(): Promise<void> {
    return this.worker?.listening ?? Promise.resolve();
  }

  /** Another worker can be reached. */
  async meet(number: number): Promise<void> {
    await this.worker?.connect(number);
  }

  /** Takes the lead's report of the address. */
  follow(shared: SharedAddress): void {
    this.resize(shared.mtu);
    this.worker?.follow(shared, monotonic() - shared.at);
  }

  private tellOthers(): void {
    const { worker, options, stack, mode } = this;
    if (worker === undefined || !worker.leads) return;
    const [config, mtu] = [stack.config, stack.device.mtu];
    const { now } = this.turns;
    const { settled } = this.served;
    const shared = { config, state: mode.state(now), lease: mode.lease?.(now), mtu, settled, at: monotonic() };
    options.worker?.onAddress?.(shared);
  }

  // One of several programs, one after the other

  /** Gives its traffic to a program that asks for it at the UNIX socket `path`, and finishes what is open. */
  offer(path: string): void {
    this.succession.offer(path);
  }

  /**
   * Takes the traffic of the programs that listen at `paths`, the one that has it first; begins anew when none is there
   * any more. Rejects with a `UserError` when it cannot be had; it stays where it is then.
   */
  async takeOver(paths: readonly string[]): Promise<void> {
    if (await this.succession.takeOver(paths)) this.watchLink();
    else this.begin();
  }

  /** Whether connections go to the program that has the traffic, as they can. */
  get moving(): boolean {
    return this.succession.moving;
  }

  // Network

  /** The interface: `tap0`, `eth0`. */
  get deviceName(): string {
    return this.opened.link.name;
  }

  /** Our address on the link, six bytes. */
  get mac(): Uint8Array {
    return this.opened.link.mac;
  }

  get address(): string | undefined {
    return this.served.current;
  }

  get addresses(): readonly string[] {
    return this.served.all;
  }

  set onAddress(listener: (address: string) => void) {
    this.served.listened();
    this.served.onFurther = listener;
  }

  /** Resolves when there is an address: with DHCP that may take until a server appears. */
  async listen(port: number, accept: Accept, adopt?: Adopt): Promise<Listener> {
    if (this.served.failure !== undefined) throw this.served.failure;
    const listening = this.listeners.open(port, accept, adopt);
    if (!this.served.settled) await this.served.known();
    return this.listeners.keep(listening, { address: this.served.current!, port: listening.port });
  }

  counters(): Readonly<Record<string, number>> {
    return {
      ...this.stack.counters,
      ...this.tcp.counters,
      connectionsOpen: this.tcp.connections.size,
      connectionsOfPredecessors: this.succession.connectionsOfPredecessors,
      transmitFailures: this.opened.link.transmitFailures,
      ...this.worker?.astray.counters,
      ...this.stack.faults.counters(),
      ...this.stack.drops.toJSON(),
    };
  }

  dropped(): Readonly<Record<string, number>> {
    return this.stack.drops.toJSON();
  }

  lease(): LeaseInfo | undefined {
    return this.mode.lease?.(performance.now());
  }

  /** `over`: what to wait for before the address is given back and the device closed. */
  async close(drain: number, over?: () => Promise<void>): Promise<void> {
    const { turns, mode, stack } = this;
    const { link, device } = this.opened;
    this.unwatch?.();
    this.link?.close();
    this.listeners.close();
    if (this.succession.open > 0 && !link.gone) {
      const { clock, tcp, succession, recorder } = this;
      await lastConnection({ clock, turns, tcp, succession, recorder }, drain);
    }
    await over?.();
    turns.enter(() => {
      this.recorder?.turn(STOP, turns.now);
      mode.stop(turns.now);
    });
    // The message that the address is free leaves for the DHCP server once the server's place on the link is known.
    if (stack.holdsBack && !link.gone) {
      await new Promise<void>((resolve) => this.clock.schedule(LAST_WORD, resolve));
    }
    turns.loop.stop();
    this.recorder?.finish(digestState([stack, mode]), turns.now);
    this.succession.close();
    this.worker?.close();
    device.close();
  }
}
