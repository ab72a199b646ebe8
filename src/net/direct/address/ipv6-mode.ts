/** The way to IPv6 addresses: those given by hand, or those that routers and DHCPv6 servers of the link offer. */

import { Dhcpv6Client } from '../../dhcpv6/client.js';
import type { Stack } from '../../ip/stack.js';
import type { UdpPort } from '../../ip/udp.js';
import type { OwnAddress } from '../../ip/v6/addresses.js';
import { PREFERRED } from '../../ip/v6/addresses.js';
import { PREDECESSOR } from '../../ip/v6/fair-share.js';
import type { StableSecret } from '../../ip/v6/stable-id.js';
import { formatMac } from '../../wire/address.js';
import { ALL_DHCP_SERVERS, DHCPV6_CLIENT_PORT, DHCPV6_SERVER_PORT, type LeasedAddress } from '../../wire/dhcpv6.js';
import { formatIpv6, maskedIpv6 } from '../../wire/ipv6.js';
import { bytesOf, type Ipv6State, knownIpv6, leasesOf, restoreLink, restoreRoutes, timesOf } from './ipv6-state.js';

/** ms without an address of the network, or without a router, before a report of that: three solicitations. */
const PATIENCE = 12_000;
/** Unusable prefixes that are reported. */
const MOST_TOLD = 4;
/** ms between two reports of another host that claims an address of ours (as RFC 5227 2.4 has it for IPv4). */
const CONFLICT_INTERVAL = 10_000;
/** ms between two looks at which router is used, so that a flood of advertisements fills no log. */
const ROUTER_INTERVAL = 1000;

/** Text forms, checked before. */
export interface Ipv6Text {
  /** Given by hand; none: addresses come from the network. */
  readonly addresses: readonly { readonly address: string; readonly prefix: number }[];
  /** Served and never announced. */
  readonly anycast: readonly string[];
  readonly gateway?: string | undefined;
  /** Of identifiers that stay the same (RFC 7217). */
  readonly secret: StableSecret;
}

export interface Ipv6ModeEvents {
  /** These are served now. `settled`: those that were given by hand have been looked for on the link, all of them. */
  addresses6(texts: readonly string[], settled: boolean): void;
  /** In order, for a log: one message. */
  event(sentence: string): void;
  /** For the operator: one message. */
  notice(sentence: string): void;
  /** None of the given addresses can be had: one message. */
  failed6(sentence: string): void;
}

export class Ipv6Mode {
  /** Addresses that were given by hand and have not been looked for yet. */
  private readonly pending = new Set<string>();
  private readonly given: Ipv6Text;
  private refused: string | undefined = undefined;
  /** Prefixes that the operator knows cannot be used. */
  private readonly told = new Set<string>();
  private patientUntil = Number.POSITIVE_INFINITY;
  private readonly dhcp: Dhcpv6Client;
  private port: UdpPort | undefined = undefined;
  /** When it was told last that another host claims an address of ours, ms. */
  private conflictAt = Number.NEGATIVE_INFINITY;
  /** The router that the log names; undefined: none. When it is looked at again, and when it was, ms. */
  private router: string | undefined = undefined;
  private lookAt = Number.POSITIVE_INFINITY;
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly stack: Stack,
    given: Ipv6Text,
    private readonly events: Ipv6ModeEvents,
  ) {
    const { v6, peers } = stack;
    const { addresses, anycast, gateway, secret } = given;
    // Every field by name: one that a recording left out is there as it was.
    this.given = { addresses, anycast, gateway, secret };
    const servers = peers.intern(ALL_DHCP_SERVERS);
    peers.hold(servers);
    this.dhcp = new Dhcpv6Client(stack.device.mac, stack.random, {
      send: (message) => void this.port?.send(message, servers, DHCPV6_SERVER_PORT),
      leased: (addresses) => this.leased(addresses),
      lost: (address) => {
        const one = v6.addresses.get(peers.find(address));
        if (one?.origin === 'dhcp') v6.configuration.remove(one);
      },
      resolvers: (addresses) => v6.routerDiscovery.learnResolvers(addresses),
      event: (sentence) => events.event(sentence),
    });
  }

  /** Asks servers of the link, where routers say that there are some. */
  private useDhcp(): void {
    const { v6, udp } = this.stack;
    if (!this.automatic) return;
    this.port = udp.bind(DHCPV6_CLIENT_PORT, ({ bytes, start, end, now }) => this.dhcp.input(bytes, start, end, now));
    v6.onAdvertisement = ({ managed, other }) => this.dhcp.advertised(managed, other, this.stack.now);
  }

  private leased(addresses: readonly LeasedAddress[]): void {
    const { v6, peers, now } = this.stack;
    for (const { address, valid, preferred } of addresses) {
      const [validUntil, preferredUntil] = [now + valid * 1000, now + preferred * 1000];
      const known = v6.addresses.get(peers.find(address));
      // A server that names an address which we have otherwise says nothing of how long that is ours.
      if (known?.origin === 'dhcp') v6.configuration.refresh(known, validUntil, preferredUntil);
      else if (known === undefined)
        v6.configuration.add(address, 128, 'dhcp', { valid: validUntil, preferred: preferredUntil });
    }
  }

  private get automatic(): boolean {
    return this.given.addresses.length === 0;
  }

  start(now: number): void {
    const { v6 } = this.stack;
    this.watch();
    v6.start(this.given.secret, false);
    this.addGiven(false);
    this.useDhcp();
    v6.routerDiscovery.start();
    this.patientUntil = now + PATIENCE;
    if (this.automatic) this.tell();
  }

  /** Does what is due; returns when it wants to be called again. */
  poll(now: number): number {
    if (this.patientUntil <= now) {
      this.patientUntil = Number.POSITIVE_INFINITY;
      this.withoutRouter();
    }
    if (this.lookAt <= now) this.lookForRouter(now);
    return Math.min(this.dhcp.poll(now), this.patientUntil, this.lookAt);
  }

  private lookForRouter(now: number): void {
    this.lookAt = Number.POSITIVE_INFINITY;
    this.lookedAt = now;
    const { peers, v6 } = this.stack;
    const gateway = v6.routers.gateway();
    const router = gateway && peers.text(gateway.handle);
    if (router === this.router) return;
    this.router = router;
    this.events.event(router === undefined ? 'IPv6: there is no router any more' : `IPv6: the router is ${router}`);
  }

  /** Reports what there is where no router was heard of. */
  private withoutRouter(): void {
    const { served, stack } = this;
    if (!this.automatic) {
      if (served.length === 0 || stack.v6.routers.gateway() !== undefined) return;
      const reach = `hosts of the link alone reach ${served.join(' and ')}`;
      this.events.notice(`IPv6: no router has been heard of; ${reach}; --ipv6-gateway names one`);
      return;
    }
    if (served.length > 0) return;
    const link = stack.v6.addresses.linkLocal;
    const have = link === undefined ? 'no address' : `${formatIpv6(link.bytes)} on the link alone`;
    const sentence = `IPv6: no router has offered an address; we have ${have}, and ask on`;
    // Where there is an IPv4 address, a network without IPv6 is as good as another.
    if (stack.config === undefined) this.events.notice(sentence);
    else this.events.event(sentence);
  }

  private addGiven(known: boolean): void {
    const { given, stack } = this;
    const { configuration, routers } = stack.v6;
    routers.fixed = given.gateway !== undefined;
    configuration.slaac = this.automatic;
    for (const { address, prefix } of given.addresses) {
      const bytes = bytesOf(address);
      this.pending.add(formatIpv6(bytes));
      if (prefix < 128) routers.setPrefix(maskedIpv6(bytes, prefix), prefix, Number.POSITIVE_INFINITY);
    }
    if (given.gateway !== undefined) {
      const gateway = stack.peers.intern(bytesOf(given.gateway));
      routers.setDefault(gateway, Number.POSITIVE_INFINITY, 1);
    }
    for (const address of given.anycast) {
      configuration.add(bytesOf(address), 128, 'static', { anycast: true });
    }
    for (const { address, prefix } of given.addresses) {
      configuration.add(bytesOf(address), prefix, 'static', { known });
    }
  }

  private watch(): void {
    const { v6 } = this.stack;
    v6.configuration.events = {
      assigned: (one) => {
        this.pending.delete(formatIpv6(one.bytes));
        this.events.event(`IPv6: ${this.describe(one)} is ours`);
        this.tell();
      },
      changed: (one) => {
        const what = one.state === PREFERRED ? 'preferred again' : 'deprecated: it serves what is open';
        this.events.event(`IPv6: ${this.describe(one)} is ${what}`);
      },
      lost: (one) => {
        this.events.event(`IPv6: ${this.describe(one)} is not ours any more`);
        this.stack.addressLost(one.handle, this.stack.now);
        this.tell();
      },
      duplicate: (one, mac) => this.duplicate(one, formatMac(mac)),
      unusable: (prefix, length) => this.unusable(`${formatIpv6(prefix)}/${length}`),
    };
    v6.onWays = () => {
      this.lookAt = Math.min(this.lookAt, Math.max(this.stack.now, this.lookedAt + ROUTER_INTERVAL));
    };
    v6.onConflict = (address, mac) => {
      const { now } = this.stack;
      if (now - this.conflictAt < CONFLICT_INTERVAL) return;
      this.conflictAt = now;
      this.events.notice(`another host (${formatMac(mac)}) claims our address ${address}: give one of the two another`);
    };
  }

  private describe({ bytes, prefix, origin }: OwnAddress): string {
    return `${formatIpv6(bytes)}/${origin === 'slaac' || origin === 'dhcp' ? 64 : prefix} (${origin})`;
  }

  private duplicate(one: OwnAddress, mac: string): void {
    const text = formatIpv6(one.bytes);
    const sentence = `the address ${text} is in use by another host (${mac})`;
    if (one.origin === 'dhcp') {
      this.events.notice(`${sentence}; the DHCPv6 server that leased it is told`);
      this.dhcp.taken(one.bytes, this.stack.now);
      return;
    }
    if (one.origin !== 'static') {
      this.events.notice(`${sentence}; another identifier is tried`);
      return;
    }
    this.pending.delete(text);
    this.refused = `${sentence}; give this one another with --ipv6`;
    if (this.pending.size === 0 && this.served.length === 0) this.events.failed6(this.refused);
    else {
      this.events.notice(this.refused);
      this.tell();
    }
  }

  /** Reports a prefix once, and a few prefixes at most. */
  private unusable(prefix: string): void {
    if (this.told.has(prefix) || this.told.size >= MOST_TOLD) return;
    this.told.add(prefix);
    this.events.notice(
      `a router offers the prefix ${prefix}, of which no address can be made: it takes one of 64 bits`,
    );
  }

  private get served(): string[] {
    return this.stack.v6.addresses.served.map((one) => formatIpv6(one.bytes));
  }

  /** Says what is served. */
  tell(): void {
    this.events.addresses6(this.served, this.pending.size === 0);
  }

  /** The link came up, maybe on another network: its routers are asked for anew (RFC 4861 6.3.7). */
  linkUp(now: number): void {
    const { v6 } = this.stack;
    v6.poll(now);
    v6.routerDiscovery.start();
  }

  /** Leaves the link. */
  stop(): void {
    this.dhcp.stop();
    this.port?.close();
    this.stack.v6.stop();
  }

  state(now: number): Ipv6State {
    const known = knownIpv6(this.stack, now);
    const dhcp = this.dhcp.leave(now);
    return { secret: this.given.secret, ...known, ...(dhcp !== undefined && { dhcp }) };
  }

  /** Goes on with what a predecessor had, `elapsed` ms ago: announces it, without duplicate detection. */
  adopt(state: Ipv6State, now: number, elapsed: number): void {
    const { stack } = this;
    const { configuration, routerDiscovery } = stack.v6;
    const at = timesOf(now, elapsed);
    this.watch();
    stack.v6.start(state.secret, true);
    restoreLink(stack, state, now);
    this.addGiven(true);
    restoreRoutes(stack, state, at);
    for (const { address, prefix, origin, anycast, validIn, preferredIn } of state.addresses) {
      // Others than before may be given now.
      if (origin === 'static' || (!this.automatic && origin !== 'link-local')) continue;
      const times = { valid: at(validIn), preferred: at(preferredIn) };
      configuration.add(bytesOf(address), prefix, origin, { known: true, anycast, by: PREDECESSOR, ...times });
    }
    this.useDhcp();
    if (state.dhcp !== undefined) this.dhcp.adopt(state.dhcp, leasesOf(state), now, elapsed);
    routerDiscovery.start();
    this.tell();
  }

  /** Has the addresses that another program of this host has: that one asks, announces and defends. */
  follow(state: Ipv6State, now: number, elapsed: number): void {
    const { stack } = this;
    const { configuration, routers, groups, addresses } = stack.v6;
    const at = timesOf(now, elapsed);
    groups.silent = true;
    configuration.silent = true;
    this.watch();
    stack.v6.start(state.secret, true);
    routers.fixed = this.given.gateway !== undefined;
    restoreLink(stack, state, now);
    restoreRoutes(stack, state, at);
    const wanted = new Set(state.addresses.map((one) => one.address));
    for (const one of [...addresses]) if (!wanted.has(formatIpv6(one.bytes))) configuration.remove(one);
    for (const { address, prefix, origin, anycast, preferredIn } of state.addresses) {
      const preferred = at(preferredIn);
      const bytes = bytesOf(address);
      const known = addresses.get(stack.peers.intern(bytes));
      // When it ends the other one says.
      if (known !== undefined) configuration.refresh(known, Number.POSITIVE_INFINITY, preferred);
      else configuration.add(bytes, prefix, origin, { known: true, anycast, by: PREDECESSOR, preferred });
    }
  }

  /** Gives the link to a program that takes this one's place: nothing is answered from here on. */
  leave(now: number): Ipv6State {
    const state = this.state(now);
    this.stack.v6.routerDiscovery.stop();
    this.stack.v6.onAdvertisement = undefined;
    this.port?.close();
    this.port = undefined;
    return state;
  }
}
