/** The IPv6 layer of a host (RFC 8200, RFC 8504): its parts put together, beside IPv4, below the same transports. */
import { RX_PLAIN } from '../../device/device.js';
import { dropReason } from '../../drops.js';
import { ETHERNET } from '../../wire/ethernet.js';
import {
  MLD_QUERY,
  MLDV1_REPORT,
  NEIGHBOUR_ADVERTISEMENT,
  NEIGHBOUR_SOLICITATION,
  REDIRECT,
  ROUTER_ADVERTISEMENT,
  ROUTER_SOLICITATION,
} from '../../wire/icmpv6.js';
import {
  ALL_NODES,
  DESTINATION_AT,
  HOP_BY_HOP,
  HOP_LIMIT_AT,
  ICMPV6,
  IPV6_HEADER,
  isLinkLocal,
  isMulticast6,
  isUnspecified,
  NEXT_HEADER_AT,
  SOURCE_AT,
  sameIpv6,
} from '../../wire/ipv6.js';
import { ND_HOP_LIMIT } from '../../wire/nd.js';
import type { RouterAdvertisement } from '../../wire/router-advertisement.js';
import type { IcmpError } from '../contracts/datagram.js';
import type { Route } from '../contracts/ip-output.js';
import type { Transport } from '../contracts/transport.js';
import { OwnAddresses } from './addresses.js';
import { Autoconfiguration } from './autoconfiguration.js';
import { Discovery } from './discovery.js';
import { Duplicates } from './duplicates.js';
import { Groups } from './groups.js';
import { Icmpv6 } from './icmp.js';
import { Ipv6Input, type Upper } from './input.js';
import type { Link6, Packet6 } from './link.js';
import { Neighbours6 } from './neighbours.js';
import { Ipv6Output } from './output.js';
import { OwnPackets } from './own-packets.js';
import { RouterDiscovery } from './router-discovery.js';
import { Routers } from './routers.js';
import { StableIds, type StableSecret } from './stable-id.js';

const HOP_LIMIT = dropReason('nd-hop-limit');
const MALFORMED = dropReason('nd-malformed');
const TYPE = dropReason('icmp-type-unknown');

export interface Ipv6Host extends Link6 {
  transport(protocol: number): Transport | undefined;
  transportError(error: IcmpError): boolean;
}

export class Ipv6 implements Upper {
  readonly addresses: OwnAddresses;
  readonly neighbours: Neighbours6;
  readonly routers: Routers;
  readonly output: Ipv6Output;
  readonly icmp: Icmpv6;
  readonly groups: Groups;
  readonly duplicates: Duplicates;
  readonly discovery: Discovery;
  readonly routerDiscovery: RouterDiscovery;
  readonly configuration: Autoconfiguration;
  /** Called when another host says that it has an address of ours that is in use. `mac`: whose. */
  onConflict: ((address: string, mac: Uint8Array) => void) | undefined = undefined;
  /** Gets each valid router advertisement. */
  onAdvertisement: ((advertisement: RouterAdvertisement) => void) | undefined = undefined;
  /** Called when the router may be another one from here on. */
  onWays: (() => void) | undefined = undefined;
  /** Sees each message of neighbour and listener discovery of the link, a frame from `ethernet` on. */
  heard: ((bytes: Uint8Array, ethernet: number, end: number) => void) | undefined = undefined;
  private readonly inputs: Ipv6Input;

  constructor(private readonly host: Ipv6Host) {
    const { peers } = host;
    this.addresses = new OwnAddresses(host);
    this.neighbours = new Neighbours6(host, {
      solicit: (one, mac) => this.discovery.solicit(one, mac),
      release: (frame, mac) => this.output.release(frame, mac),
      unreachable: (one) => {
        if (one.router || this.routers.isRouter(one.handle)) this.waysChanged();
      },
      isRouter: (handle) => this.routers.isRouter(handle),
    });
    this.routers = new Routers(host, this.neighbours, () => this.waysChanged());
    this.output = new Ipv6Output(host, this.neighbours, this.routers);
    this.icmp = new Icmpv6(host, this.addresses, this.output, (error) => host.transportError(error));
    const packets = new OwnPackets(host);
    const nowhere = peers.intern(new Uint8Array(16));
    peers.hold(nowhere);
    this.groups = new Groups(host, this.addresses, packets);
    const retransTimer = (): number => this.neighbours.retransTimer;
    const found = {
      unique: (one: Parameters<Autoconfiguration['assign']>[0]) => this.configuration.assign(one),
      duplicate: (...values: Parameters<Autoconfiguration['taken']>) => this.configuration.taken(...values),
    };
    this.duplicates = new Duplicates(host, packets, nowhere, found, retransTimer);
    const { addresses, neighbours, routers, duplicates, output } = this;
    const parts = { addresses, neighbours, routers, duplicates, output, packets };
    this.discovery = new Discovery(host, parts, {
      conflict: (address, mac) => this.onConflict?.(peers.text(address.handle), mac),
    });
    this.routerDiscovery = new RouterDiscovery(host, parts);
    this.configuration = new Autoconfiguration(host, addresses, this.groups, duplicates, (address) =>
      this.discovery.announce(address),
    );
    this.routerDiscovery.onAdvertisement = (said, who) => {
      if (!this.configuration.advertised(said, who)) this.routerDiscovery.askAgain();
      this.onAdvertisement?.(said);
    };
    this.inputs = new Ipv6Input(host, this.icmp, this);
  }

  private waysChanged(): void {
    this.output.forget();
    this.onWays?.();
  }

  /** The packet of a frame that begins at `ethernet`. `group`: the frame came to a group. */
  input(bytes: Uint8Array, ethernet: number, end: number, marks: number, group: boolean): void {
    this.inputs.input(bytes, ethernet, end, marks, group);
  }

  /** A frame that another program of this host has answered, if it is to be answered: its content is learnt. */
  learn(frame: Uint8Array, start: number): void {
    this.discovery.copy = true;
    try {
      this.inputs.input(frame, start, frame.length, RX_PLAIN, (frame[start] & 1) !== 0);
    } finally {
      this.discovery.copy = false;
    }
  }

  /** IPv6 begins on this host. `known`: its link-local address was in use before, and needs no duplicate detection. */
  start(secret: StableSecret, known: boolean): void {
    // A program that takes its traffic back has what it had.
    if (this.configuration.ids !== undefined) return;
    const { host } = this;
    host.peers.rekey(host.random);
    this.output.start();
    this.neighbours.start();
    this.configuration.start(new StableIds(secret, host.device.mac), known);
  }

  /** IPv6 ends: no address is left. */
  stop(): void {
    this.routerDiscovery.stop();
    this.configuration.stop();
  }

  transport(protocol: number): Transport | undefined {
    return this.host.transport(protocol);
  }

  /** A message of ICMPv6, its checksum right. */
  message(packet: Packet6, start: number, source: number): void {
    const { drops, now } = this.host;
    const { bytes, ip, end, fragmented } = packet;
    const type = bytes[start];
    if (type === MLD_QUERY || type === MLDV1_REPORT) {
      // RFC 3810 6.2, RFC 2710 5: of the link, one hop, with a router alert.
      const fit =
        isLinkLocal(bytes, ip + SOURCE_AT) &&
        bytes[ip + HOP_LIMIT_AT] === 1 &&
        bytes[ip + NEXT_HEADER_AT] === HOP_BY_HOP;
      if (!fit) return drops.count(MALFORMED, bytes, ip, end);
      this.heard?.(bytes, ip - ETHERNET, end);
      if (type === MLD_QUERY) this.groups.query(bytes, start, end, now);
      else this.groups.reported(bytes, start, end);
      return;
    }
    if (type < ROUTER_SOLICITATION || type > REDIRECT) {
      if (end - start < 8) return drops.count(MALFORMED, bytes, ip, end);
      return this.icmp.input(packet, start, source);
    }
    // RFC 4861 6.1, 7.1: it has crossed no router; RFC 6980 5: nor came in pieces, which would hide it from switches
    // that look.
    if (bytes[ip + HOP_LIMIT_AT] !== ND_HOP_LIMIT) return drops.count(HOP_LIMIT, bytes, ip, end);
    if (fragmented || bytes[start + 1] !== 0) return drops.count(MALFORMED, bytes, ip, end);
    this.heard?.(bytes, ip - ETHERNET, end);
    if (type === NEIGHBOUR_SOLICITATION || type === NEIGHBOUR_ADVERTISEMENT || type === REDIRECT) {
      this.discovery.input(bytes, ip, start, end, source);
    } else if (type === ROUTER_ADVERTISEMENT) this.routerDiscovery.input(bytes, ip, start, end, source);
    else drops.count(TYPE, bytes, ip, end);
  }

  /**
   * Another program of this host may look for an address of which this one does not know yet: what another host says
   * of it goes to all nodes, and that it looks for the same address to the group of that (RFC 4862 5.4.3, 5.4.4).
   */
  passedBy(bytes: Uint8Array, ethernet: number, end: number): void {
    const ip = ethernet + ETHERNET;
    if (this.heard === undefined || bytes[ip + NEXT_HEADER_AT] !== ICMPV6 || bytes[ip + HOP_LIMIT_AT] !== ND_HOP_LIMIT)
      return;
    const type = bytes[ip + IPV6_HEADER];
    const destination = ip + DESTINATION_AT;
    const told = type === NEIGHBOUR_ADVERTISEMENT || type === ROUTER_ADVERTISEMENT;
    const looks = type === NEIGHBOUR_SOLICITATION && isUnspecified(bytes, ip + SOURCE_AT);
    if ((told && sameIpv6(bytes, destination, ALL_NODES)) || (looks && isMulticast6(bytes, destination)))
      this.heard(bytes, ethernet, end);
  }

  /** The source of what goes there; 0: there is none. */
  sourceFor(route: Route): number {
    return this.addresses.sourceFor(this.host.peers.bytes(route.destination))?.handle ?? 0;
  }

  poll(now: number): number {
    const next = Math.min(this.inputs.poll(now), this.duplicates.poll(now), this.configuration.poll(now));
    return Math.min(next, this.routers.poll(now), this.routerDiscovery.poll(now), this.groups.poll(now));
  }
}
