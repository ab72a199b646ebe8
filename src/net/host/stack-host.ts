/** A host: our stack with TCP on any device and any clock, as a `Network` and as a library. */
import { ConnectError } from '../connect-error.js';
import { DhcpClient } from '../dhcp/client.js';
import type { LeaseMemory } from '../dhcp/lease.js';
import type { Accept, Adopt, Flow, FlowHandler, Listener, Network } from '../flow.js';
import type { Random } from '../random.js';
import { formatIpv4, type Ipv4 } from '../wire/address.js';
import { checkedAddress, checkedPort, checkedPrefix } from './arguments.js';
import { type DriverOptions, StackDriver } from './driver.js';
import { type DatagramHandler, type UdpSocket, udpSocket } from './udp-socket.js';

export interface HostAddress {
  /** A dotted quad. */
  readonly address: string;
  /** 0..32. */
  readonly prefix: number;
  readonly gateway?: string | undefined;
}

export interface StackHostOptions extends DriverOptions {
  /** Undefined: none until `configure` or `useDhcp`. */
  readonly address?: HostAddress | 'dhcp' | undefined;
  /** The host name in messages to the DHCP server. */
  readonly hostname?: string | undefined;
  /** Remembers the lease from one run to the next. */
  readonly leases?: LeaseMemory | undefined;
}

const silent: FlowHandler = { data() {}, ended() {}, drained() {}, closed() {} };

export class StackHost extends StackDriver implements Network {
  readonly #random: Random;
  readonly #hostname: string | undefined;
  readonly #leases: LeaseMemory | undefined;
  readonly #waiting = new Set<(address: string) => void>();
  readonly #listeners = new Set<Listener>();
  #dhcp: DhcpClient | undefined;

  /** Throws a `TypeError` or `RangeError` that names the argument when an address is none. */
  constructor(options: StackHostOptions) {
    super(options);
    this.#random = options.random;
    this.#hostname = options.hostname;
    this.#leases = options.leases;
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
    this.enter(() => this.stack.configure(config, this.time.now()));
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
    this.enter(() => dhcp.start(this.time.now()));
  }

  /** Gives a leased address back. */
  releaseAddress(): void {
    const dhcp = this.#dhcp;
    this.#dhcp = undefined;
    if (dhcp === undefined) return;
    this.part(dhcp);
    this.enter(() => dhcp.stop(this.time.now()));
  }

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
      const flow = this.tcp.connect(local, remote, port, this.time.now(), opened);
      if (flow === undefined) return;
      flow.handler = handler;
      begun = true;
    });
    return begun;
  }

  /** See `udpSocket`. */
  udp(port: number, handler: DatagramHandler): UdpSocket {
    return udpSocket(this.stack.udp, this.#random, port, handler, (work) => this.enter(work));
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
        const timer = this.time.schedule(drain, () => this.enter(() => this.tcp.abortAll('network-closed')));
        this.onTurned = () => {
          if (this.tcp.connections.size > 0) return;
          this.onTurned = undefined;
          timer.cancel();
          resolve();
        };
      });
    }
    this.releaseAddress();
    this.shutDown();
  }
}
