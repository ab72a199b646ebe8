/**
 * The stack: Ethernet and IPv4 in and out, and the host of everything above (RFC 791, 1122 3). It is fed frames and the
 * time, and asked when it wants to be called again; it reads no clock.
 */
import type { Device } from '../device/device.js';
import { HEADROOM, IP_OFFSET, type TxFrame } from '../device/tx-frame.js';
import { Drops, dropReason } from '../drops.js';
import { isMulticast } from '../wire/address.js';
import {
  copyMac,
  ETHERNET,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_QINQ,
  ETHERTYPE_VLAN,
  isNobodysMac,
  sameMac,
  VLAN_TAG,
} from '../wire/ethernet.js';
import { int32At, PROTOCOL_TCP, putUint16, uint16At } from '../wire/tcp.js';
import { type AddressConfig, broadcastOf } from './address-config.js';
import { Arp } from './arp.js';
import type { IpContext } from './context.js';
import { Icmp } from './icmp.js';
import type { Ipv4, Route } from './ip-output.js';
import { Ipv4Input } from './ipv4-input.js';
import { Ipv4Output } from './ipv4-output.js';
import type { Random, Transport } from './transport.js';
import { Udp } from './udp.js';

const TRUNCATED = dropReason('ethernet-truncated');
const NOT_FOR_US = dropReason('ethernet-not-for-us');
const SOURCE_INVALID = dropReason('ethernet-source-invalid');
const VLAN = dropReason('ethernet-vlan');
const TYPE_UNKNOWN = dropReason('ethernet-type-unknown');

/** Whether a whole tag with the identifier 0 follows the addresses, and a type after it. */
function isPriorityTag(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start >= ETHERNET + VLAN_TAG && (uint16At(bytes, start + 14) & 0xfff) === 0;
}

export interface StackOptions {
  readonly device: Device;
  readonly random: Random;
  readonly drops?: Drops;
  /** Time to live of what we send, 1..255 (RFC 1122 3.2.1.7); 64 unless told otherwise. */
  readonly ttl?: number;
}

export class Stack implements IpContext {
  readonly device: Device;
  readonly random: Random;
  readonly drops: Drops;
  readonly tx: TxFrame;
  readonly arp: Arp;
  readonly icmp: Icmp;
  readonly udp: Udp;
  readonly ipv4: Ipv4Input;
  readonly output: Ipv4Output;
  readonly counters = { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 };
  /** The `now` of the entry that runs. */
  now = 0;
  /** Undefined while we have no address. */
  config: AddressConfig | undefined = undefined;
  broadcast: Ipv4 | undefined = undefined;
  /** Takes ICMP errors about TCP connections that another program has. */
  errorElsewhere:
    | ((type: number, code: number, mtu: number, bytes: Uint8Array, ip: number, end: number) => boolean)
    | undefined = undefined;
  private readonly transports: Transport[] = [];
  private readonly byProtocol = new Array<Transport | undefined>(256).fill(undefined);

  constructor(options: StackOptions) {
    this.device = options.device;
    this.random = options.random;
    this.drops = options.drops ?? new Drops();
    this.tx = options.device.tx;
    this.arp = new Arp(this);
    this.icmp = new Icmp(this);
    this.ipv4 = new Ipv4Input(this);
    this.output = new Ipv4Output(this, options.ttl ?? 64);
    this.udp = new Udp(this);
    this.host(this.udp);
  }

  get offload(): Device['offload'] {
    return this.device.offload;
  }

  /** Adds a transport (TCP). */
  host(transport: Transport): void {
    this.transports.push(transport);
    this.byProtocol[transport.protocol] = transport;
  }

  transport(protocol: number): Transport | undefined {
    return this.byProtocol[protocol];
  }

  /** One frame, from its Ethernet header on. */
  input(bytes: Uint8Array, start: number, end: number, marks: number, now: number): void {
    this.now = now;
    this.counters.framesIn++;
    this.counters.bytesIn += end - start;
    if (end - start < ETHERNET) return this.drops.count(TRUNCATED, bytes, start, end);
    const group = (bytes[start] & 1) !== 0;
    if (!group && !sameMac(bytes, start, this.device.mac)) return this.drops.count(NOT_FOR_US, bytes, start, end);
    if (isNobodysMac(bytes, start + 6)) return this.drops.count(SOURCE_INVALID, bytes, start, end);
    let type = uint16At(bytes, start + 12);
    // IEEE 802.1Q 9.6: identifier 0 is a priority, and the frame belongs to no VLAN. The tag is taken off where it lies.
    while ((type === ETHERTYPE_VLAN || type === ETHERTYPE_QINQ) && isPriorityTag(bytes, start, end)) {
      bytes.copyWithin(start + VLAN_TAG, start, start + 12);
      start += VLAN_TAG;
      type = uint16At(bytes, start + 12);
    }
    if (type === ETHERTYPE_IPV4) this.ipv4.input(bytes, start, start + ETHERNET, end, marks, group, now);
    else if (type === ETHERTYPE_ARP) this.arp.input(bytes, start, start + ETHERNET, end, now);
    else this.drops.count(type === ETHERTYPE_VLAN || type === ETHERTYPE_QINQ ? VLAN : TYPE_UNKNOWN, bytes, start, end);
  }

  /** The batch is through: what was held back leaves. */
  flush(now: number): void {
    this.now = now;
    for (const transport of this.transports) transport.flush(now);
  }

  /** Does what is due; answers when it wants to be called again (`Infinity`: never). */
  poll(now: number): number {
    this.now = now;
    let next = this.ipv4.poll(now);
    for (const transport of this.transports) next = Math.min(next, transport.poll(now));
    // Last, since what the others send may begin to ask for a neighbour.
    return Math.min(next, this.arp.poll(now));
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

  isOurs(address: Ipv4): boolean {
    return this.config !== undefined && this.config.address === address;
  }

  isBroadcast(address: Ipv4): boolean {
    return address === -1 || address === this.broadcast || isMulticast(address);
  }

  route(destination: Ipv4): Route | undefined {
    return this.output.route(destination);
  }

  sourceFor(_route: Route): Ipv4 {
    return this.config?.address ?? 0;
  }

  pathMtu(route: Route): number {
    return this.output.pathMtu(route);
  }

  suspectBlackHole(route: Route): void {
    this.output.suspectBlackHole(route);
  }

  get linkMtu(): number {
    return this.output.linkMtu;
  }

  doubt(route: Route): void {
    this.output.doubt(route);
  }

  confirm(route: Route): void {
    this.output.confirm(route);
  }

  send(route: Route, source: Ipv4, protocol: number, df: boolean, tos: number, ttl?: number): boolean {
    return this.output.send(route, source, protocol, df, tos, ttl);
  }

  /** An ICMP error, to the transport that it is about; path-MTU news are taken once it believes them. */
  transportError(
    protocol: number,
    type: number,
    code: number,
    mtu: number,
    bytes: Uint8Array,
    ip: number,
    end: number,
    now: number,
  ): boolean {
    const transport = this.byProtocol[protocol];
    if (transport === undefined) return false;
    if (protocol === PROTOCOL_TCP && this.errorElsewhere?.(type, code, mtu, bytes, ip, end)) return true;
    if (type === 3 && code === 4) {
      // Believed first, then the cache is lowered, then the transport hears of it again with the new value in force.
      if (!transport.error(type, code, 0, bytes, ip, end, now)) return false;
      if (this.output.lowerPathMtu(int32At(bytes, ip + 16), mtu, uint16At(bytes, ip + 2), now)) {
        transport.error(type, code, mtu === 0 ? 1 : mtu, bytes, ip, end, now);
      }
      return true;
    }
    return transport.error(type, code, mtu, bytes, ip, end, now);
  }

  /** Ethernet header of what `tx` holds, then out. */
  transmit(mac: Uint8Array, type: number): boolean {
    const head = this.tx.head;
    copyMac(head, HEADROOM, mac);
    copyMac(head, HEADROOM + 6, this.device.mac);
    putUint16(head, IP_OFFSET - 2, type);
    this.counters.framesOut++;
    this.counters.bytesOut += this.tx.total;
    return this.device.transmit();
  }
}
