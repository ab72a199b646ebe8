/**
 * A host: our stack with TCP on any device and any clock, and the one order in which they are driven. Frames are
 * received, taken in, what was held back is flushed, and what is due is done; a program's own calls enter in the same
 * way.
 */
import { ConnectError } from '../connect-error.js';
import { Containment, GuardedPoll, type OnFault } from '../containment.js';
import type { Device } from '../device/device.js';
import { DhcpClient } from '../dhcp/client.js';
import type { LeaseMemory } from '../dhcp/lease.js';
import { Drops } from '../drops.js';
import type { Accept, Adopt, Clock, Flow, FlowHandler, Listener, Network, Timer } from '../flow.js';
import { Stack } from '../ip/stack.js';
import type { UdpPort } from '../ip/udp.js';
import type { Random } from '../random.js';
import { type CongestionName, congestionByName } from '../tcp/congestion/index.js';
import { TcpLayer, type TcpLimits } from '../tcp/index.js';
import { formatIpv4, type Ipv4 } from '../wire/address.js';
import { checkedAddress, checkedPort, checkedPrefix } from './arguments.js';

/** Frames that a turn takes before timers are looked at. */
const BUDGET = 64;
/** ms until a device is read again that failed. */
const REREAD = 10;
/** RFC 6335 6: where a UDP port is chosen when the program names none. */
const FIRST_DYNAMIC_PORT = 49_152;

/** A clock that can also be asked for a moment: a timer then fires at that very number. */
export interface HostClock extends Clock {
  at?(time: number, callback: () => void): Timer;
}

export interface HostAddress {
  /** A dotted quad. */
  readonly address: string;
  /** 0..32. */
  readonly prefix: number;
  readonly gateway?: string | undefined;
}

export interface StackHostOptions {
  readonly device: Device;
  readonly clock: HostClock;
  readonly random: Random;
  /** Undefined: none until `configure` or `useDhcp`. */
  readonly address?: HostAddress | 'dhcp' | undefined;
  /** The host name in messages to the DHCP server. */
  readonly hostname?: string | undefined;
  /** Remembers the lease from one run to the next. */
  readonly leases?: LeaseMemory | undefined;
  /** Default: cubic. */
  readonly congestion?: CongestionName | undefined;
  readonly limits?: Partial<TcpLimits> | undefined;
  readonly drops?: Drops | undefined;
  /**
   * Exceptions in the stack, and in handlers and timers of its flows: each ended a frame, a connection or a timer, and
   * the host goes on. Without it they are thrown.
   */
  readonly onFault?: OnFault | undefined;
}

/** A datagram that came: `bytes[start..end)` is valid during the call. */
export type DatagramHandler = (
  bytes: Uint8Array,
  start: number,
  end: number,
  from: { readonly address: string; readonly port: number },
) => void;

export interface UdpSocket {
  readonly port: number;
  /**
   * Sends at most 65,507 bytes. False: there is no route, or the payload is larger. Throws when `to` is no endpoint.
   */
  send(payload: Uint8Array, to: { readonly address: string; readonly port: number }): boolean;
  close(): void;
}

/** What is polled with a stack. */
export interface Companion {
  /** Does what is due; returns when it wants to be called again (`Infinity`: never). */
  poll(now: number): number;
}

const silent: FlowHandler = { data() {}, ended() {}, drained() {}, closed() {} };

export class StackHost implements Network {
  readonly stack: Stack;
  readonly tcp: TcpLayer;
  readonly drops: Drops;
  readonly faults: Containment;
  readonly device: Device;
  /** Time as this host's programs see it: their callbacks run inside an entry of the stack. */
  readonly clock: Clock;
  /** Called when frames may wait; the default asks the clock for a turn. A loop that polls the device replaces it. */
  onReadable: () => void = () => this.#queueTurn();
  readonly #time: HostClock;
  readonly #random: Random;
  readonly #hostname: string | undefined;
  readonly #leases: LeaseMemory | undefined;
  readonly #waiting = new Set<(address: string) => void>();
  readonly #listeners = new Set<Listener>();
  #dhcp: DhcpClient | undefined;
  /** What is polled with the stack. */
  readonly #companions = new Map<Companion, GuardedPoll>();
  #closed = false;
  #turnQueued = false;
  #inside = false;
  #timer: Timer | undefined;
  #timerFor = Number.POSITIVE_INFINITY;
  #onTurned: (() => void) | undefined;

  /** Throws a `TypeError` or `RangeError` that names the argument when an address is none. */
  constructor(options: StackHostOptions) {
    this.device = options.device;
    this.drops = options.drops ?? new Drops();
    this.#time = options.clock;
    this.#random = options.random;
    this.#hostname = options.hostname;
    this.#leases = options.leases;
    this.faults = new Containment(options.onFault);
    const { drops, faults } = this;
    this.stack = new Stack({ device: options.device, random: options.random, drops, faults });
    this.tcp = new TcpLayer({
      ip: this.stack,
      random: options.random,
      drops,
      faults,
      congestion: congestionByName(options.congestion ?? 'cubic'),
      limits: options.limits ?? {},
    });
    this.stack.host(this.tcp);
    this.tcp.outside = () => this.#enteredFromOutside();
    this.device.onReadable = () => this.onReadable();
    const time = this.#time;
    this.clock = {
      now: () => time.now(),
      wallClock: () => time.wallClock(),
      schedule: (delay, callback) => time.schedule(delay, () => this.enter(() => this.#timerFired(callback))),
    };
    if (options.address === 'dhcp') this.useDhcp();
    else if (options.address !== undefined) this.configure(options.address);
  }

  /** Takes a static address. Throws when one of its parts is none. */
  configure({ address, prefix, gateway }: HostAddress): void {
    const config = {
      address: checkedAddress(address),
      prefix: checkedPrefix(prefix),
      gateway: gateway === undefined ? undefined : checkedAddress(gateway, 'gateway'),
    };
    this.enter(() => this.stack.configure(config, this.#time.now()));
    this.#addressKnown();
  }

  /** Asks for an address and keeps it. */
  useDhcp(): void {
    const { stack } = this;
    const dhcp = new DhcpClient({
      stack,
      hostname: this.#hostname,
      memory: this.#leases,
      onLease: () => this.#addressKnown(),
      onEvent: () => undefined,
      onTrouble: () => undefined,
    });
    this.#dhcp = dhcp;
    this.accompany(dhcp);
    stack.arp.onConflict = (mac, kept) => {
      if (!kept) dhcp.addressTaken(mac);
    };
    this.enter(() => dhcp.start(this.#time.now()));
  }

  /** Gives a leased address back. */
  releaseAddress(): void {
    const dhcp = this.#dhcp;
    this.#dhcp = undefined;
    if (dhcp === undefined) return;
    this.#companions.delete(dhcp);
    this.enter(() => dhcp.stop(this.#time.now()));
  }

  /** Polls `companion` with the stack from now on: what asks for addresses of another kind, for instance. */
  accompany(companion: Companion): void {
    this.#companions.set(companion, new GuardedPoll(this.faults, companion));
  }

  // Driving

  /** One turn: receive, input, flush, then what is due. Returns the number of frames that it took. */
  turn(budget = BUDGET): number {
    const { stack, device } = this;
    const now = this.#time.now();
    this.#inside = true;
    let taken = 0;
    try {
      try {
        taken = device.receive((bytes, start, end, marks) => this.input(bytes, start, end, marks, now), budget);
      } catch (error) {
        // Frames may still wait, and no event would report them again.
        this.#time.schedule(REREAD, () => this.#queueTurn());
        this.faults.note(error, 'device', now);
      }
      stack.flush(now);
      this.flushed();
    } finally {
      this.#inside = false;
    }
    if (taken === budget) this.#queueTurn();
    this.#poll();
    return taken;
  }

  /** One frame. A host that counts or measures overrides it. */
  protected input(bytes: Uint8Array, start: number, end: number, marks: number, now: number): void {
    this.stack.input(bytes, start, end, marks, now);
  }

  /** A turn's batch is through. */
  protected flushed(): void {}

  /** Runs `work` as an entry of the stack: the stack learns the time first, and sends afterwards. */
  enter(work: () => void): void {
    if (this.#inside) {
      work();
      return;
    }
    const now = this.#time.now();
    this.#inside = true;
    try {
      this.stack.poll(now);
      for (const one of this.#companions.values()) one.poll(now);
      work();
    } finally {
      // What `work` throws is its caller's; what was asked before that leaves.
      try {
        this.stack.flush(now);
      } finally {
        this.#inside = false;
      }
      this.#poll();
    }
  }

  #timerFired(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.faults.note(error, 'timer', this.#time.now());
    }
  }

  /**
   * When the stack wants its next turn; ms of the clock, `Infinity`: never. The host asks the clock for it by itself.
   */
  get deadline(): number {
    return this.#timerFor;
  }

  #queueTurn(): void {
    if (this.#turnQueued || this.#closed) return;
    this.#turnQueued = true;
    this.#time.schedule(0, () => {
      this.#turnQueued = false;
      if (!this.#closed) this.turn();
    });
  }

  #poll(): void {
    const time = this.#time;
    const { stack } = this;
    const now = time.now();
    this.#inside = true;
    let due = Number.POSITIVE_INFINITY;
    try {
      for (const one of this.#companions.values()) due = Math.min(due, one.poll(now));
      due = Math.min(due, stack.poll(now), stack.pollNeighbours(now));
    } finally {
      this.#inside = false;
    }
    this.#onTurned?.();
    if (due === this.#timerFor) return;
    this.#timer?.cancel();
    this.#timerFor = due;
    if (due === Number.POSITIVE_INFINITY || this.#closed) return;
    const fired = (): void => {
      this.#timerFor = Number.POSITIVE_INFINITY;
      this.#poll();
    };
    // A deadline in the past asks for another turn, but time must not stand still.
    const at = Math.max(due, time.now());
    this.#timer = time.at === undefined ? time.schedule(at - time.now(), fired) : time.at(at, fired);
  }

  /**
   * A program wrote to a flow between two entries: the stack learns the time, and sends when the program has returned.
   */
  #enteredFromOutside(): void {
    if (this.#inside) return;
    const now = this.#time.now();
    this.stack.now = now;
    this.tcp.now = now;
    this.#queueTurn();
  }

  // Network

  get address(): string | undefined {
    const address = this.stack.config?.address;
    return address === undefined ? undefined : formatIpv4(address);
  }

  /** Resolves with the address once there is one. */
  addressed(): Promise<string> {
    const { address } = this;
    if (address !== undefined) return Promise.resolve(address);
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #addressKnown(): void {
    const { address } = this;
    if (address === undefined) return;
    for (const resolve of this.#waiting) resolve(address);
    this.#waiting.clear();
  }

  /** Listens; `port` 0: one is chosen. Throws a `RangeError` when `port` is none, an `Error` when it is in use. */
  async listen(port: number, accept: Accept, adopt?: Adopt): Promise<Listener> {
    checkedPort(port, 'port', 0);
    const listening = this.tcp.listen(port, accept, adopt);
    const listener: Listener = {
      endpoint: { address: this.address ?? '0.0.0.0', port: listening.port },
      close: () => {
        listening.close();
        this.#listeners.delete(listener);
      },
    };
    this.#listeners.add(listener);
    return listener;
  }

  /**
   * Opens a connection. Resolves when it stands; rejects with a `ConnectError`. `handler` is the flow's owner from the
   * beginning: no event is lost before the caller goes on. Throws a `TypeError` or `RangeError` when `address` or
   * `port` is none.
   */
  connect(address: string, port: number, handler: FlowHandler = silent): Promise<Flow> {
    const remote = checkedAddress(address);
    checkedPort(port);
    return new Promise((resolve, reject) => {
      let open = false;
      const watching: FlowHandler = {
        data: (flow, bytes, start, end) => handler.data(flow, bytes, start, end),
        ended: (flow) => handler.ended(flow),
        drained: (flow) => handler.drained(flow),
        closed: (flow, reason) => {
          if (open) handler.closed(flow, reason);
          else reject(new ConnectError(reason, address, port));
        },
      };
      this.open(remote, port, watching, (flow) => {
        open = true;
        flow.handler = handler;
        resolve(flow);
      }) || reject(new ConnectError('no-route', address, port));
    });
  }

  /** The same without a promise, for code that runs to completion. False: there is no route. */
  open(remote: Ipv4, port: number, handler: FlowHandler, opened: (flow: Flow) => void): boolean {
    let begun = false;
    this.enter(() => {
      const local = this.stack.config?.address;
      if (local === undefined) return;
      const flow = this.tcp.connect(local, remote, port, this.#time.now(), opened);
      if (flow === undefined) return;
      flow.handler = handler;
      begun = true;
    });
    return begun;
  }

  /**
   * Binds a UDP port; 0: a free one of the dynamic range. Throws a `RangeError` when `port` is none, an `Error` when it
   * is bound.
   */
  udp(port: number, handler: DatagramHandler): UdpSocket {
    checkedPort(port, 'port', 0);
    const bound = this.#bind(port, handler);
    return {
      port: bound.port,
      send: (payload, to) => {
        const address = checkedAddress(to.address);
        checkedPort(to.port);
        let sent = false;
        this.enter(() => {
          sent = bound.send(payload, address, to.port);
        });
        return sent;
      },
      close: () => bound.close(),
    };
  }

  #bind(port: number, handler: DatagramHandler): UdpPort {
    const { udp } = this.stack;
    const bind = (number: number): UdpPort =>
      udp.bind(number, (bytes, start, end, source, sourcePort) =>
        handler(bytes, start, end, { address: formatIpv4(source), port: sourcePort }),
      );
    if (port !== 0) return bind(port);
    const size = 65_536 - FIRST_DYNAMIC_PORT;
    // RFC 6056 3.3.1: begins anywhere, and takes the next that is free.
    const first = (this.#random.random32() >>> 0) % size;
    for (let i = 0; i < size; i++) {
      const number = FIRST_DYNAMIC_PORT + ((first + i) % size);
      if (!udp.isBound(number)) return bind(number);
    }
    throw new Error('no UDP port is free');
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.stack.counters, ...this.tcp.counters, ...this.faults.counters(), ...this.drops.toJSON() };
  }

  dropped(): Readonly<Record<string, number>> {
    return this.drops.toJSON();
  }

  /**
   * Closes the listeners, lets open flows finish for at most `drain` ms, gives the address back and closes the device.
   */
  async close(drain: number): Promise<void> {
    for (const listener of [...this.#listeners]) listener.close();
    if (this.tcp.connections.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#time.schedule(drain, () => this.enter(() => this.tcp.abortAll('network-closed')));
        this.#onTurned = () => {
          if (this.tcp.connections.size > 0) return;
          this.#onTurned = undefined;
          timer.cancel();
          resolve();
        };
      });
    }
    this.releaseAddress();
    this.#closed = true;
    this.#timer?.cancel();
    this.device.close();
  }
}
