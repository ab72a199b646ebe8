/**
 * What a stack needs beside its queue to be one of several on a device: keys in common, the address of the lead, ways
 * to the others.
 */
import type { Stack } from '../../ip/stack.js';
import type { TcpLayer } from '../../tcp/layer.js';
import { parseIpv4 } from '../../wire/address.js';
import type { AddressEvents } from '../address/address-mode.js';
import type { Addressing } from '../address/addressing.js';
import { FollowedMode, type SharedAddress } from '../address/followed-mode.js';
import { Ipv6Mode } from '../address/ipv6-mode.js';
import { Astray, LEAD } from './astray.js';
import { WorkerLinks } from './worker-links.js';

export interface WorkerOptions {
  /** From 1 to `count`; the first one has the address. */
  readonly number: number;
  /** 2 to 255. */
  readonly count: number;
  /** A folder for the ways between them, for this user alone. */
  readonly folder: string;
  /** For sequence numbers, cookies and timestamps: the same for all. */
  readonly keys: readonly [number, number];
  /** The lead's last report before this worker began. Undefined: none yet. */
  readonly address?: SharedAddress | undefined;
  /** The lead reports its address, when it comes, is renewed, changes or goes. */
  readonly onAddress?: ((shared: SharedAddress) => void) | undefined;
}

export class Worker {
  readonly astray: Astray;
  private readonly links: WorkerLinks;
  private followed: FollowedMode | undefined = undefined;

  /** `enter` runs a callback as an entry of the stack. */
  constructor(
    readonly options: WorkerOptions,
    private readonly stack: Stack,
    tcp: TcpLayer,
    dhcp: boolean,
    private readonly enter: (callback: () => void) => void,
  ) {
    const { number, count, folder, keys, address } = options;
    tcp.hash.rekey(keys);
    // The one before this may have sent cookies.
    if (address !== undefined) tcp.listening.cookieWas(stack.now);
    this.astray = new Astray(stack, tcp, number, count, dhcp);
    const take = (kind: number, content: Uint8Array): void => enter(() => this.astray.take(kind, content));
    this.links = new WorkerLinks(folder, number, take, (error) => stack.faults.note(error, 'program', stack.now));
  }

  get leads(): boolean {
    return this.options.number === LEAD;
  }

  /** The others may connect. Rejects when they never can. */
  get listening(): Promise<void> {
    return this.links.listening;
  }

  /** The way to the addresses of a worker that is not the lead. */
  mode(addressing: Addressing, events: AddressEvents): FollowedMode {
    const { stack } = this;
    const { static: given, anycast = [], ipv6 } = addressing;
    const further = (now: number): string[] => {
      const announced = given?.further ?? [];
      for (const { address, prefix } of announced)
        stack.addAddress({ address: parseIpv4(address)!, prefix, anycast: false }, now);
      for (const one of anycast) stack.addAddress({ address: parseIpv4(one)!, prefix: 32, anycast: true }, now);
      return announced.map(({ address }) => address);
    };
    this.followed = new FollowedMode(stack, events, further, ipv6 && new Ipv6Mode(stack, ipv6, events));
    return this.followed;
  }

  /** `elapsed`: ms since it held. */
  follow(shared: SharedAddress, elapsed: number): void {
    this.enter(() => this.followed?.follow(shared, this.stack.now, elapsed));
  }

  /** Another worker listens: what is its own goes there from now on. */
  async connect(number: number): Promise<void> {
    const link = await this.links.to(number);
    if (link !== undefined) this.astray.links[number] = link;
  }

  close(): void {
    this.astray.close();
    this.links.close();
  }
}
