/**
 * A network on our own stack: a TAP or a network card, the stack with TCP on it, a way to an address, and the real-time loop that drives them.
 * Each turn runs to completion: frames all the way up, answers all the way down, then what is due.
 */
import { performance } from 'node:perf_hooks';
import type { Memories } from '../memory/memories.js';
import { eventLoopDescriptor } from '../native/poll.js';
import { CaptureDevice } from './device/capture.js';
import type { DescriptorDevice } from './device/descriptor-device.js';
import type { Device } from './device/device.js';
import type { Faults } from './device/faults.js';
import { FaultyDevice } from './device/faulty-device.js';
import { type Driven, defaultSpin, type Loop, TURN_BUDGET } from './device/loop.js';
import { PacketDevice } from './device/packet.js';
import type { PacketOptions } from './device/packet-open.js';
import { PollingLoop } from './device/polling-loop.js';
import { TapDevice, type TapDeviceOptions } from './device/tap.js';
import { TimedLoop } from './device/timed-loop.js';
import { WatchedLoop } from './device/watched-loop.js';
import { type AddressEvents, type AddressMode, type AddressState, agedAddress } from './direct/address-mode.js';
import { EntryClock } from './direct/entry-clock.js';
import type { SharedAddress } from './direct/followed-mode.js';
import { LeaseFile } from './direct/lease-file.js';
import { HANDOVER_VERSION, type HandedOver, Predecessors } from './direct/predecessors.js';
import { CryptoRandom } from './direct/random.js';
import { buildMode, buildStack } from './direct/replay/build-stack.js';
import { digestState } from './direct/replay/digest.js';
import {
  ABORT_ALL,
  type Beginning,
  FLUSH,
  LISTEN,
  OUTSIDE,
  POLL,
  POLL_STACK,
  START,
  STOP,
  UNLISTEN,
} from './direct/replay/events.js';
import { FileTape } from './direct/replay/file.js';
import { RecordedDevice } from './direct/replay/recorded-device.js';
import { Owners } from './direct/replay/recorded-flow.js';
import { rememberingLeases } from './direct/replay/recorded-leases.js';
import { Recorder } from './direct/replay/recorder.js';
import { type Owner, Successor } from './direct/successor.js';
import { Worker, type WorkerOptions } from './direct/worker.js';
import { Drops, type DropWatcher } from './drops.js';
import type { Accept, Adopt, Clock, LeaseInfo, Listener, Network } from './flow.js';
import type { Stack } from './stack/stack.js';
import type { CongestionName } from './tcp/congestion/index.js';
import { adoptTimeWait, type Departed, handOver, type TimeWaitState, takeBack, takeOver } from './tcp/hand-over.js';
import type { TcpLayer } from './tcp/index.js';
import { formatMac, parseIpv4 } from './wire/address.js';

/** Frames between two looks at the clock: a round-trip time is wrong by no more than these take. */
const FRAMES_A_LOOK = 8;
/** Milliseconds between two rounds through the timers while frames keep coming. */
const POLL_INTERVAL = 1;
/** Milliseconds that the last packet may wait for its neighbour to be found. */
const LAST_WORD = 100;

export interface DirectOptions {
  /** What carries the frames: a TAP, or a network card that the kernel leaves to us. */
  readonly device: ({ readonly kind: 'tap' } & TapDeviceOptions) | ({ readonly kind: 'card' } & PacketOptions);
  /** Undefined: DHCP. Text forms, checked before. */
  readonly static?:
    | { readonly address: string; readonly prefix: number; readonly gateway?: string | undefined }
    | undefined;
  /** DHCP: the name to tell the server. */
  readonly hostname?: string | undefined;
  /** DHCP: the folder where the lease is remembered; undefined: nowhere. */
  readonly state?: string | undefined;
  readonly congestion?: CongestionName | undefined;
  /** Looks before the loop sleeps; what suits the machine by default. */
  readonly spin?: number | undefined;
  /**
   * `watched`: libuv waits for the device too, for a process that does other things beside. Default `polling`, for one that is
   * a server and little else.
   */
  readonly loop?: 'polling' | 'watched' | undefined;
  /** A capture file. */
  readonly pcap?: string | undefined;
  /** A recording that can be played again, and the bytes that it may take. */
  readonly record?: { readonly file: string; readonly bytes: number; readonly version: string } | undefined;
  /** For development: what the link does to frames. The device is to be opened without offloads then. */
  readonly faults?: Faults | undefined;
  /** Something that the operator should know: one sentence. */
  readonly onNotice?: ((sentence: string) => void) | undefined;
  /** An event that is in order: an address came, is renewed, goes. */
  readonly onEvent?: ((sentence: string) => void) | undefined;
  /** The network is at its end: the device is gone. One sentence. */
  readonly onFailure?: ((sentence: string) => void) | undefined;
  readonly onDrop?: DropWatcher | undefined;
  /** Takes no frame and sends none before `begin()` or `takeOver()`. */
  readonly held?: boolean | undefined;
  /** Memories that other programs can open: connections whose answers lie in there move to a successor. Undefined: none are taken over. */
  readonly memories?: Memories | undefined;
  /** A successor has the traffic for good. */
  readonly onGiven?: (() => void) | undefined;
  /** One of several on the same TAP, of which this one has a queue. */
  readonly worker?: WorkerOptions | undefined;
}

export class DirectNetwork implements Network, Driven, Owner {
  readonly clock: Clock;
  readonly stack: Stack;
  readonly tcp: TcpLayer;
  private due = 0;
  /** Entries since `due` was asked for may have brought it nearer. */
  private dueStale = true;
  private polledAt = 0;

  private readonly options: DirectOptions;
  private readonly link: DescriptorDevice;
  /** What the link's frames pass first, and what the stack has. */
  private readonly wire: Device;
  private readonly device: Device;
  private loop: Loop;
  private readonly mode: AddressMode;
  private readonly recorder: Recorder | undefined;
  private readonly owners: Owners | undefined;
  private readonly listeners = new Set<Listener>();
  private readonly waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
  private current: string | undefined = undefined;
  /** The last address that there was. */
  private served: string | undefined = undefined;
  private failure: Error | undefined = undefined;
  private now = 0;
  private framesToLook = 0;
  private inEntry = false;
  private outsideQueued = false;
  private drained: (() => void) | undefined = undefined;
  /** The time to drain is over. */
  private cut = false;
  /** A program with the same address that comes after this one may ask for the traffic here. */
  private successor: Successor | undefined = undefined;
  /** Those before this one that still have connections. */
  private predecessors: Predecessors | undefined = undefined;
  /** The others on the same device. */
  private readonly worker: Worker | undefined = undefined;
  /** The traffic is the successor's: the device is not read any more. */
  private gave: { readonly address: AddressState | undefined; readonly at: number } | undefined = undefined;

  /** Opens the device and starts. Throws a sentence when the device cannot be had. */
  constructor(options: DirectOptions) {
    this.options = options;
    this.link = options.device.kind === 'tap' ? new TapDevice(options.device) : new PacketDevice(options.device);
    const notice = (sentence: string) => options.onNotice?.(sentence);
    const wallClock = () => performance.timeOrigin + performance.now();
    const capture =
      options.pcap === undefined ? undefined : new CaptureDevice(this.link, options.pcap, wallClock, notice);
    const random = new CryptoRandom();
    this.clock = new EntryClock(
      (callback) => this.timer(callback),
      () => (this.inEntry ? this.now : undefined),
    );
    this.wire = capture ?? this.link;
    this.device = options.faults === undefined ? this.wire : this.faulty(this.wire, options.faults, random);
    this.recorder = this.record(notice);
    this.owners = this.recorder === undefined ? undefined : new Owners(this.recorder);
    const drops = new Drops();
    drops.watcher = joinWatchers(capture?.dropped, options.onDrop);
    const { recorder } = this;
    const { stack, tcp } = buildStack(
      recorder === undefined ? this.device : new RecordedDevice(this.device, recorder),
      recorder?.recording(random) ?? random,
      drops,
      options.congestion ?? 'cubic',
    );
    this.stack = stack;
    this.tcp = tcp;
    this.tcp.outside = () => this.enteredFromOutside();
    if (options.worker !== undefined) {
      const clock = monotonic() - performance.now();
      this.worker = new Worker(options.worker, stack, tcp, options.static === undefined, clock, this.enter);
    }
    this.mode = this.addressMode({
      address: (address) => {
        this.addressIs(address);
        this.tellOthers();
      },
      event: (sentence) => options.onEvent?.(sentence),
      notice,
      failed: (sentence) => this.fail(sentence),
    });
    this.loop = this.makeLoop();
    if (options.held !== true) this.begin();
  }

  /** Looks for its address, and takes frames. */
  begin(): void {
    this.enter(() => {
      this.recorder?.turn(START, this.now);
      const before = this.options.worker?.address;
      if (before?.state === undefined) this.mode.start(this.now);
      else this.mode.adopt(before.state, this.now, monotonic() - before.at);
    });
    this.loop.start();
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

  /** What the lead tells of the address. */
  follow(shared: SharedAddress): void {
    this.worker?.follow(shared, monotonic() - shared.at);
  }

  private tellOthers(): void {
    const { worker, options, stack, mode, now } = this;
    if (worker === undefined || !worker.leads) return;
    const { config } = stack;
    const shared = { config, state: mode.state(now), lease: mode.lease?.(now), at: monotonic() };
    options.worker?.onAddress?.(shared);
  }

  /** Gives its traffic to whoever asks for it at the UNIX socket `path`, and finishes what is open. */
  offer(path: string): void {
    this.successor = new Successor(path, this);
  }

  /**
   * Takes the traffic of the programs that listen at `paths`, the one that has it first; begins anew when none is there any more.
   * Rejects with a sentence when it cannot be had; it stays where it is then.
   */
  async takeOver(paths: readonly string[]): Promise<void> {
    const found = await Predecessors.ask(paths, this.stack, this.tcp, this.enter, this.memories);
    if (found === undefined) return this.begin();
    const { state, predecessors } = found;
    this.predecessors = predecessors;
    this.enter(() => this.adopt(state, false, []));
    predecessors.taken();
    this.loop.start();
    // Another machine's clock tells no gap.
    const gap = monotonic() - state.at;
    this.options.onEvent?.(
      `took over${gap < 0 ? '' : ` in ${gap.toFixed(1)} ms`}; ${predecessors.count} before us have ${predecessors.connections} connections`,
    );
  }

  /** What another program handed over, or what we had handed over and `back` is ours again. */
  private adopt(state: HandedOver, back: boolean, waiting: readonly TimeWaitState[]): void {
    const { now, tcp } = this;
    const elapsed = Math.max(0, monotonic() - state.at);
    if (state.address === undefined) this.mode.start(now);
    else this.mode.adopt(state.address, now, elapsed);
    const { neighbours } = this.stack.arp;
    for (const [address, mac, age] of state.neighbours) {
      neighbours.learn(address, Uint8Array.from(mac), 0, true, now - elapsed - age);
    }
    if (back) takeBack(tcp, state.tcp, now, elapsed);
    else takeOver(tcp, state.tcp, now, elapsed);
    for (const one of waiting) adoptTimeWait(tcp, one, now, elapsed);
  }

  // As a predecessor (Owner)

  give(departed: Departed): HandedOver {
    const { tcp, stack } = this;
    let state: HandedOver | undefined;
    this.enter(() => {
      const { now } = this;
      if (this.gave === undefined) {
        this.gave = { address: this.mode.leave(now), at: now };
        this.changeLoop(new TimedLoop(this));
      }
      const address = this.gave.address && agedAddress(this.gave.address, now - this.gave.at);
      const neighbours = stack.arp.neighbours
        .known()
        .map(([one, mac, at]): [number, number[], number] => [one, mac, now - at]);
      state = { version: HANDOVER_VERSION, at: monotonic(), tcp: handOver(tcp, departed, now), address, neighbours };
    });
    return state!;
  }

  takeBack(state: HandedOver, waiting: readonly TimeWaitState[]): void {
    this.gave = undefined;
    this.enter(() => this.adopt(state, true, waiting));
    this.changeLoop(this.makeLoop());
    this.options.onNotice?.('the program that took over is gone before it had; serving on');
  }

  given(): void {
    this.options.onGiven?.();
  }

  get memories(): Memories | undefined {
    // A recording begins with a connection's first segment: what another program began is not for it.
    return this.recorder === undefined ? this.options.memories : undefined;
  }

  get settled(): boolean {
    return (this.predecessors?.undecided ?? 0) === 0;
  }

  /** Whether connections go to the program that has the traffic, as they can. */
  get moving(): boolean {
    return this.successor?.moving ?? false;
  }

  /** Connections that are ours, or may be again. */
  private get open(): number {
    return this.tcp.connections.size + (this.successor?.undecided ?? 0);
  }

  private changeLoop(loop: Loop): void {
    this.loop.stop();
    this.loop = loop;
    loop.start();
  }

  /** Frames that it held back are taken when it says so; the clock's callbacks are entries of the stack. */
  private faulty(wire: Device, faults: Faults, random: CryptoRandom): FaultyDevice {
    const device = new FaultyDevice(wire, faults, random, this.clock);
    device.onReadable = () => {
      if (this.gave === undefined) device.receive(this.sink, TURN_BUDGET);
    };
    return device;
  }

  /** What goes into the stack is written down from here on, where that was asked for. */
  private record(notice: (sentence: string) => void): Recorder | undefined {
    const { record, static: given, hostname, congestion = 'cubic' } = this.options;
    if (record === undefined) return undefined;
    const { mac, mtu, offload } = this.device;
    const clock = performance.now();
    const config = {
      version: record.version,
      ...{ mac: formatMac(mac), mtu, checksum: offload.checksum, segmentation: offload.segmentation },
      ...{ static: given, hostname, congestion, clock, wallClock: performance.timeOrigin + clock },
    };
    return new Recorder(new FileTape(record.file, record.bytes, config, notice), () => this.beginning());
  }

  /** What a replay must know that begins here. */
  private beginning(): Beginning {
    const { config } = this.stack;
    const address = config && { address: config.address, prefix: config.prefix, gateway: config.gateway };
    const { k0, k1 } = this.tcp.hash as unknown as { k0: number; k1: number };
    const listening = [...this.listeners].map((one) => one.endpoint.port);
    const neighbours = this.stack.arp.neighbours.known();
    return { now: this.now, address, neighbours, keys: [k0, k1], listening, accepted: this.owners?.accepted ?? 0 };
  }

  private addressMode(events: AddressEvents): AddressMode {
    if (this.worker !== undefined && !this.worker.leads) return this.worker.mode(events);
    const { state, hostname, static: given } = this.options;
    const name = `${this.link.name}-${formatMac(this.link.mac).replaceAll(':', '')}`;
    const file = state === undefined || given !== undefined ? undefined : new LeaseFile(state, name, events.notice);
    const leases = this.recorder === undefined ? file : rememberingLeases(this.recorder, file);
    return buildMode(this.stack, given, hostname, leases, events);
  }

  private makeLoop(): Loop {
    const spin = this.options.spin ?? defaultSpin();
    const libuv = this.options.loop === 'watched' ? undefined : eventLoopDescriptor();
    if (libuv !== undefined) return new PollingLoop(this.link.fd, libuv, this, spin);
    return new WatchedLoop(this.link.fd, this.link.buffer, this, spin);
  }

  /** The interface: `tap0`, `eth0`. */
  get deviceName(): string {
    return this.link.name;
  }

  /** Our address on the link, six bytes. */
  get mac(): Uint8Array {
    return this.link.mac;
  }

  get address(): string | undefined {
    return this.current;
  }

  private addressIs(address: string | undefined): void {
    const old = this.current;
    if (address === old) return;
    this.current = address;
    if (address === undefined) {
      this.predecessors?.addressLost(parseIpv4(old!)!);
      this.options.onNotice?.(`the address ${old} is not ours any more; connections on it ended`);
      return;
    }
    // Another one than that which was printed: clients must learn of it.
    if (this.served !== undefined && this.served !== address) this.options.onNotice?.(`our address is ${address} now`);
    this.served = address;
    for (const { resolve } of this.waiting.splice(0)) resolve();
  }

  private fail(sentence: string): void {
    this.failure = new Error(sentence);
    const waiting = this.waiting.splice(0);
    for (const { reject } of waiting) reject(this.failure);
    if (waiting.length === 0) this.options.onFailure?.(sentence);
  }

  // Turns

  private readonly sink = (bytes: Uint8Array, start: number, end: number, marks: number): void => {
    if (this.framesToLook === 0) {
      this.now = performance.now();
      this.framesToLook = FRAMES_A_LOOK;
    }
    this.framesToLook -= 1;
    this.recorder?.frame(bytes, start, end, marks, this.now);
    if (this.predecessors !== undefined && isArpReply(bytes, start, end)) {
      this.predecessors.arpReply(bytes, start, end);
    }
    this.stack.input(bytes, start, end, marks, this.now);
  };

  turn(): number {
    this.inEntry = true;
    this.framesToLook = 0;
    const taken = this.gave === undefined ? this.device.receive(this.sink, TURN_BUDGET) : 0;
    if (taken > 0) {
      this.flush();
      this.dueStale = true;
      if (this.now - this.polledAt >= POLL_INTERVAL) this.poll();
    } else if (performance.now() >= (this.dueStale ? this.polledAt + POLL_INTERVAL : this.due)) this.settle();
    this.inEntry = false;
    if (this.link.gone) this.deviceGone();
    this.checkDrained();
    return taken;
  }

  private checkDrained(): void {
    if (this.drained === undefined) return;
    // What comes back after the end of its time has none any more.
    if (this.cut && this.tcp.connections.size > 0) this.tcp.abortAll('network-closed');
    if (this.open === 0) this.drained();
  }

  arrived(length: number): void {
    if (length === 0) {
      this.link.gone = true;
      return;
    }
    this.inEntry = true;
    this.framesToLook = 0;
    const { device, wire } = this;
    const sink = device instanceof FaultyDevice ? device.handing(this.sink) : this.sink;
    this.link.deliver(length, wire instanceof CaptureDevice ? wire.handing(sink) : sink);
    this.settle();
    this.inEntry = false;
  }

  /** When the stack wants its next turn. Asked before a sleep, not after each turn. */
  get deadline(): number {
    if (this.dueStale && !this.inEntry) {
      this.inEntry = true;
      this.settle();
      this.inEntry = false;
    }
    return this.due;
  }

  /** What was held back leaves, and what is due is done. */
  private settle(): void {
    this.now = performance.now();
    this.flush();
    this.poll();
  }

  private flush(): void {
    this.recorder?.turn(FLUSH, this.now);
    this.stack.flush(this.now);
  }

  private poll(): void {
    this.recorder?.turn(POLL, this.now);
    const next = this.stack.poll(this.now);
    // A renewal may begin to ask for the server's MAC address.
    this.due = Math.min(next, this.mode.poll(this.now), this.stack.arp.poll(this.now));
    this.polledAt = this.now;
    this.dueStale = false;
  }

  /** A timer of somebody who owns connections. */
  private timer(callback: () => void): void {
    this.enter(() => (this.owners === undefined ? callback() : this.owners.entry(callback)));
  }

  /** Runs `callback` as an entry of the stack, at the present time. */
  readonly enter = (callback: () => void): void => {
    if (this.inEntry) {
      callback();
      return;
    }
    this.inEntry = true;
    this.now = performance.now();
    this.recorder?.turn(POLL_STACK, this.now);
    this.stack.poll(this.now);
    callback();
    this.settle();
    this.inEntry = false;
    this.loop.wake();
    this.checkDrained();
  };

  /** A connection was asked for something outside an entry: the stack learns the time, and settles when the caller is done. */
  private enteredFromOutside(): void {
    if (this.inEntry) return;
    this.now = performance.now();
    this.recorder?.turn(OUTSIDE, this.now);
    this.stack.now = this.now;
    this.tcp.now = this.now;
    if (this.outsideQueued) return;
    this.outsideQueued = true;
    setImmediate(() => {
      this.outsideQueued = false;
      this.enter(() => undefined);
    });
  }

  private deviceGone(): void {
    this.loop.stop();
    this.fail(`${this.link.title} is gone: it was removed while we served on it`);
  }

  // Network

  /** Resolves when there is an address: with DHCP that may take until a server appears. */
  async listen(port: number, accept: Accept, adopt?: Adopt): Promise<Listener> {
    if (this.failure !== undefined) throw this.failure;
    this.recorder?.port(LISTEN, port);
    const { owners } = this;
    const listening =
      owners === undefined ? this.tcp.listen(port, accept, adopt) : this.tcp.listen(port, owners.accepting(accept));
    if (this.current === undefined) {
      await new Promise<void>((resolve, reject) => this.waiting.push({ resolve, reject }));
    }
    const listener: Listener = {
      endpoint: { address: this.current!, port: listening.port },
      close: () => {
        this.recorder?.port(UNLISTEN, port);
        listening.close();
        this.listeners.delete(listener);
      },
    };
    this.listeners.add(listener);
    return listener;
  }

  counters(): Readonly<Record<string, number>> {
    return {
      ...this.stack.counters,
      ...this.tcp.counters,
      connectionsOpen: this.tcp.connections.size,
      connectionsOfPredecessors: this.predecessors?.connections ?? 0,
      transmitFailures: this.link.transmitFailures,
      ...this.worker?.astray.counters,
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
    for (const listener of [...this.listeners]) listener.close();
    if (this.open > 0 && !this.link.gone) await this.drain(drain);
    await over?.();
    this.enter(() => {
      this.recorder?.turn(STOP, this.now);
      this.mode.stop(this.now);
    });
    // The DHCP server hears that the address is free once it is known where on the link it is.
    if (this.stack.arp.neighbours.holdsBack && !this.link.gone) {
      await new Promise<void>((resolve) => this.clock.schedule(LAST_WORD, resolve));
    }
    this.loop.stop();
    this.recorder?.finish(digestState([this.stack, this.mode]), this.now);
    this.successor?.close();
    this.worker?.close();
    this.device.close();
  }

  /** Waits until the last connection is over; resets what is left after `milliseconds`. */
  private async drain(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.clock.schedule(milliseconds, () => {
        this.recorder?.bare(ABORT_ALL);
        this.cut = true;
        this.tcp.abortAll('network-closed');
      });
      this.drained = () => {
        timer.cancel();
        this.drained = undefined;
        resolve();
      };
      this.loop.wake();
    });
  }
}

/** CLOCK_MONOTONIC, ms: the same in every process of this machine. */
function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

function isArpReply(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start >= 42 && bytes[start + 12] === 8 && bytes[start + 13] === 6 && bytes[start + 21] === 2;
}

function joinWatchers(first: DropWatcher | undefined, second: DropWatcher | undefined): DropWatcher | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return (reason, bytes, start, end) => {
    first(reason, bytes, start, end);
    second(reason, bytes, start, end);
  };
}
