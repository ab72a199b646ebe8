/**
 * The stack: Ethernet, IPv4 and IPv6 in and out, and the host of everything above (RFC 791, 1122 3). It is fed frames
 * and the time, and asked when it wants to be called again; it reads no clock.
 */
import { Containment, GuardedPoll } from '../containment.js';
import type { Device } from '../device/device.js';
import type { TxFrame } from '../device/tx-frame.js';
import { Drops, dropReason } from '../drops.js';
import type { Random } from '../random.js';
import { isMulticast } from '../wire/address.js';
import { pseudoHeader } from '../wire/checksum.js';
import { copyMac } from '../wire/ethernet.js';
import { FRAGMENTATION_NEEDED, PORT_UNREACHABLE, UNREACHABLE } from '../wire/icmp.js';
import { DESTINATION_UNREACHABLE, PORT_UNREACHABLE_CODE } from '../wire/icmpv6.js';
import { DESTINATION_AT, SOURCE_AT } from '../wire/ipv6.js';
import { int32At, PROTOCOL_TCP, uint16At } from '../wire/tcp.js';
import { type AddressConfig, broadcastOf, type FurtherAddress, onLink } from './address-config.js';
import { Arp } from './arp.js';
import type { IpContext } from './context.js';
import type { Datagram, IcmpError } from './contracts/datagram.js';
import { type Handle, type Ipv4, isIpv6, type Route } from './contracts/ip-output.js';
import type { Transport } from './contracts/transport.js';
import { ethernetInput } from './ethernet-input.js';
import { Icmp } from './icmp.js';
import { Ipv4Input } from './ipv4-input.js';
import { Ipv4Output } from './ipv4-output.js';
import { Udp } from './udp.js';
import { upperLayer } from './v6/extension-headers.js';
import { Ipv6 } from './v6/ipv6.js';
import { PeerTable } from './v6/peer-table.js';

const FAULT = dropReason('fault');

export interface StackOptions {
  readonly device: Device;
  readonly random: Random;
  readonly drops?: Drops;
  /** Where exceptions go. Without it they are thrown, once they are contained. */
  readonly faults?: Containment | undefined;
  /** Time to live of what we send, 1..255 (RFC 1122 3.2.1.7); 64 by default. */
  readonly ttl?: number;
}

export class Stack implements IpContext {
  readonly device: Device;
  readonly random: Random;
  readonly drops: Drops;
  readonly faults: Containment;
  readonly tx: TxFrame;
  readonly arp: Arp;
  readonly icmp: Icmp;
  readonly udp: Udp;
  readonly ipv4: Ipv4Input;
  readonly output: Ipv4Output;
  readonly peers: PeerTable;
  readonly v6: Ipv6;
  readonly counters = { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 };
  /** The `now` of the entry that runs. */
  now = 0;
  /** Undefined while we have no address. */
  config: AddressConfig | undefined = undefined;
  broadcast: Ipv4 | undefined = undefined;
  /** Addresses beside that of `config`, whatever that is. */
  further: readonly FurtherAddress[] = [];
  private furtherBroadcasts: readonly Ipv4[] = [];
  /** Takes ICMP errors about TCP connections that another program has. */
  errorElsewhere: ((error: IcmpError) => boolean) | undefined = undefined;
  private readonly transports: Transport[] = [];
  /** What is polled before the transports, the transports, and what is polled behind them. */
  private readonly parts: readonly GuardedPoll[];
  private readonly transportPolls: GuardedPoll[] = [];
  private readonly neighbours: readonly GuardedPoll[];
  private readonly byProtocol = new Array<Transport | undefined>(256).fill(undefined);

  constructor(options: StackOptions) {
    this.device = options.device;
    this.random = options.random;
    this.drops = options.drops ?? new Drops();
    this.faults = options.faults ?? new Containment();
    this.tx = options.device.tx;
    this.peers = new PeerTable();
    this.arp = new Arp(this);
    this.icmp = new Icmp(this);
    this.ipv4 = new Ipv4Input(this);
    this.output = new Ipv4Output(this, options.ttl ?? 64);
    this.v6 = new Ipv6(this);
    this.udp = new Udp(this);
    this.parts = [this.ipv4, this.v6].map((part) => new GuardedPoll(this.faults, part));
    this.neighbours = [this.arp, this.v6.neighbours].map((part) => new GuardedPoll(this.faults, part));
    this.host(this.udp);
  }

  get offload(): Device['offload'] {
    return this.device.offload;
  }

  /** Adds a transport (TCP). */
  host(transport: Transport): void {
    this.transports.push(transport);
    this.transportPolls.push(new GuardedPoll(this.faults, transport));
    this.byProtocol[transport.protocol] = transport;
  }

  transport(protocol: number): Transport | undefined {
    return this.byProtocol[protocol];
  }

  /** One frame, from its Ethernet header on. An exception on its way up is the end of this frame alone. */
  input(bytes: Uint8Array, start: number, end: number, marks: number, now: number): void {
    this.now = now;
    this.counters.framesIn++;
    try {
      this.counters.bytesIn += end - start;
      ethernetInput(this, bytes, start, end, marks);
    } catch (error) {
      this.drops.count(FAULT, bytes, start, end);
      this.faults.note(error, 'frame', now);
    }
  }

  /** The batch is through: what was held back leaves. */
  flush(now: number): void {
    this.now = now;
    for (const transport of this.transports) {
      try {
        transport.flush(now);
      } catch (error) {
        this.faults.note(error, 'poll', now);
      }
    }
  }

  /** Does what is due; returns when it wants to be called again (`Infinity`: never). */
  poll(now: number): number {
    this.now = now;
    let next = Number.POSITIVE_INFINITY;
    for (const part of this.parts) next = Math.min(next, part.poll(now));
    for (const transport of this.transportPolls) next = Math.min(next, transport.poll(now));
    // Last, since what the others send may begin to ask for a neighbour.
    return Math.min(next, this.pollNeighbours(now));
  }

  /**
   * Asks for neighbours that packets wait for. For what sends after `poll`; returns when it wants to be called again.
   */
  pollNeighbours(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const part of this.neighbours) next = Math.min(next, part.poll(now));
    return next;
  }

  /** Whether packets wait for a neighbour to answer. */
  get holdsBack(): boolean {
    return this.arp.neighbours.holdsBack || this.v6.neighbours.holdsBack;
  }

  /** An IPv6 address is not ours any more: what lives on it ends with `address-lost`. */
  addressLost(address: Handle, now: number): void {
    for (const transport of this.transports) transport.addressLost(address, now);
  }

  /** Takes an address, another one, or none. What lived on the old one ends with `address-lost`; listeners go on. */
  configure(config: AddressConfig | undefined, now: number): void {
    this.now = now;
    const old = this.config;
    this.config = config;
    this.broadcast = config === undefined ? undefined : broadcastOf(config);
    this.output.forget();
    if (old !== undefined && old.address !== config?.address) {
      this.ipv4.forget();
      for (const transport of this.transports) transport.addressLost(old.address, now);
    }
  }

  /** Takes a further address. */
  addAddress(one: FurtherAddress, now: number): void {
    if (this.isOurs(one.address)) return;
    this.setFurther([...this.further, one], now);
  }

  /** Gives one back: what lived on it ends with `address-lost`. */
  removeAddress(address: Ipv4, now: number): void {
    if (!this.isFurther(address)) return;
    this.setFurther(
      this.further.filter((one) => one.address !== address),
      now,
    );
    this.addressLost(address, now);
  }

  private setFurther(further: readonly FurtherAddress[], now: number): void {
    this.now = now;
    this.further = further;
    this.furtherBroadcasts = further.flatMap((one) => broadcastOf(one) ?? []);
    // What was behind the gateway may be on the link now.
    this.output.changed();
  }

  isOurs(address: Ipv4): boolean {
    return (this.config !== undefined && this.config.address === address) || this.isFurther(address);
  }

  /** One of those beside that of `config`. */
  isFurther(address: Ipv4): boolean {
    return this.further.length > 0 && this.further.some((one) => one.address === address);
  }

  /** One of ours that ARP answers for. */
  isAnnounced(address: Ipv4): boolean {
    if (this.config?.address === address) return true;
    return this.further.some((one) => one.address === address && !one.anycast);
  }

  isBroadcast(address: Ipv4): boolean {
    if (address === -1 || address === this.broadcast || isMulticast(address)) return true;
    return this.furtherBroadcasts.length > 0 && this.furtherBroadcasts.includes(address);
  }

  /** Our IPv4 address towards `destination`: one of its own network, else the first. 0: there is none. */
  ipv4Source(destination: Ipv4): Ipv4 {
    const { config, further } = this;
    if (config === undefined) return 0;
    if (further.length === 0 || onLink(config, destination)) return config.address;
    return (
      further.find((one) => !one.anycast && one.prefix < 32 && onLink(one, destination))?.address ?? config.address
    );
  }

  // For the transports: each family by its handles

  route(destination: Handle): Route | undefined {
    return isIpv6(destination) ? this.v6.output.route(destination) : this.output.route(destination);
  }

  /** Our address towards there; 0: there is none. */
  sourceFor(route: Route): Handle {
    return isIpv6(route.destination) ? this.v6.sourceFor(route) : this.ipv4Source(route.destination);
  }

  pathMtu(route: Route): number {
    return isIpv6(route.destination) ? this.v6.output.pathMtu(route) : this.output.pathMtu(route);
  }

  suspectBlackHole(route: Route): void {
    if (isIpv6(route.destination)) this.v6.output.suspectBlackHole(route);
    else this.output.suspectBlackHole(route);
  }

  /** The link takes packets of `mtu` bytes from now on; what is under way and too large leaves again, smaller. */
  resize(mtu: number, now: number): void {
    this.now = now;
    const before = this.device.mtu;
    this.device.resize?.(mtu);
    if (this.device.mtu < before) for (const transport of this.transports) transport.linkMtuLowered(now);
  }

  linkMtu(address: Handle): number {
    return isIpv6(address) ? this.v6.output.linkMtu : this.output.linkMtu;
  }

  doubt(route: Route, handshake = false): void {
    if (isIpv6(route.destination)) this.v6.output.doubt(route, handshake);
    // IPv4 has one gateway.
    else if (!handshake) this.output.doubt(route);
  }

  confirm(route: Route): void {
    if (isIpv6(route.destination)) this.v6.output.confirm(route);
    else this.output.confirm(route);
  }

  send(route: Route, source: Handle, protocol: number): boolean {
    return isIpv6(route.destination)
      ? this.v6.output.send(route, source, protocol)
      : this.output.send(route, source, protocol);
  }

  pseudo(local: Handle, remote: Handle, protocol: number, length: number): number {
    if (!isIpv6(remote)) return pseudoHeader(local, remote, protocol, length);
    return this.peers.sumOf(local) + this.peers.sumOf(remote) + protocol + length;
  }

  isGroup(address: Handle): boolean {
    return isIpv6(address) ? this.peers.word(address, 0) >>> 24 === 0xff : isMulticast(address);
  }

  transportAt(bytes: Uint8Array, ip: number, end: number): number {
    if (bytes[ip] >> 4 === 6) return upperLayer(bytes, ip, end)?.[0] ?? -1;
    const at = ip + (bytes[ip] & 15) * 4;
    return at < end ? at : -1;
  }

  sourceOf(bytes: Uint8Array, ip: number): Handle {
    return bytes[ip] >> 4 === 6 ? this.peers.intern(bytes, ip + SOURCE_AT) : int32At(bytes, ip + 12);
  }

  destinationOf(bytes: Uint8Array, ip: number): Handle {
    return bytes[ip] >> 4 === 6 ? this.peers.intern(bytes, ip + DESTINATION_AT) : int32At(bytes, ip + 16);
  }

  /** Reports to the sender of the datagram that nothing listens on its port. */
  portUnreachable(datagram: Datagram): void {
    const { bytes, ip, end, broadcast } = datagram;
    if (bytes[ip] >> 4 === 6) {
      const packet = { bytes, ip, end, group: broadcast, fragmented: false };
      this.v6.icmp.sendError(packet, DESTINATION_UNREACHABLE, PORT_UNREACHABLE_CODE);
      // RFC 1122 3.2.2: never about what came to many.
    } else if (!broadcast) this.icmp.sendError(UNREACHABLE, PORT_UNREACHABLE, datagram);
  }

  /** An ICMP error, to the transport that it is about; path-MTU news are taken once it believes them. */
  transportError(error: IcmpError): boolean {
    const { protocol, type, code, mtu, bytes, ip, now } = error;
    const transport = this.byProtocol[protocol];
    if (transport === undefined) return false;
    if (protocol === PROTOCOL_TCP && this.errorElsewhere?.(error)) return true;
    if (!transport.believes(error)) return false;
    if (type !== UNREACHABLE || code !== FRAGMENTATION_NEEDED) return true;
    const lowered =
      bytes[ip] >> 4 === 6
        ? this.v6.output.lowerPathMtu(this.destinationOf(bytes, ip), mtu, now)
        : this.output.lowerPathMtu(int32At(bytes, ip + 16), mtu, uint16At(bytes, ip + 2), now);
    if (lowered) transport.pathMtuLowered(error);
    return true;
  }

  /** Ethernet header of what `tx` holds, then out. */
  transmit(mac: Uint8Array, type: number): boolean {
    const { head, view, first } = this.tx;
    copyMac(head, first, mac);
    copyMac(head, first + 6, this.device.mac);
    view.setUint16(first + 12, type);
    this.counters.framesOut++;
    this.counters.bytesOut += this.tx.total;
    try {
      return this.device.transmit();
    } catch (error) {
      // Lost, as on any wire.
      this.faults.note(error, 'device', this.now);
      return false;
    }
  }
}
