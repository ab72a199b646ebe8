/** One stack with IPv6 on a cable whose other end is the test. */
import type { StableSecret } from '../../../../src/net/ip/v6/stable-id.js';
import { concat, ethernet, view } from '../../../sim/packets.js';
import { frame6, hex, icmp6, ip6, ndOption, readIp6, TYPE_IPV6 } from '../../../sim/packets6.js';
import { Laboratory, OUR_MAC, PEER_MAC } from '../laboratory.js';

export const OURS = ip6('2001:db8::2');
export const PEER6 = ip6('2001:db8::77');
export const PEER_LINK = ip6('fe80::77');
export const ROUTER = ip6('fe80::1');
export const ROUTER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 0x11);
export const ALL_NODES = ip6('ff02::1');
export const NOBODY = ip6('::');
export const SECRET: StableSecret = [1, 2, 3, 4];

export const NS = 135;
export const NA = 136;
export const RS = 133;
const RA = 134;

export interface Packet {
  readonly source: string;
  readonly destination: string;
  readonly next: number;
  readonly hops: number;
  readonly payload: Uint8Array;
  readonly bytes: Uint8Array;
  readonly mac: string;
  readonly flow: number;
}

export function solicitedNode(address: Uint8Array): Uint8Array {
  const group = ip6('ff02::1:ff00:0');
  group.set(address.subarray(13), 13);
  return group;
}

export class Laboratory6 extends Laboratory {
  constructor(seed = 1) {
    super(null, seed);
  }

  /** IPv6 with a static address that is in use already, and a peer on the link that is known. */
  static ready(seed = 1): Laboratory6 {
    const lab = new Laboratory6(seed);
    const { v6 } = lab.stack;
    v6.start(SECRET, true);
    v6.configuration.add(OURS, 64, 'static', { known: true });
    v6.routers.setPrefix(ip6('2001:db8::'), 64, Number.POSITIVE_INFINITY);
    lab.introduce6();
    lab.take();
    return lab;
  }

  /** Teaches the stack who the peer is, by a solicitation of its own. */
  introduce6(): void {
    this.solicit(OURS, PEER6);
    this.take();
  }

  /** A solicitation for `target`; from the unspecified address without an option. */
  solicit(target: Uint8Array, source: Uint8Array = PEER6, options?: Uint8Array): void {
    const nobody = source.every((byte) => byte === 0);
    const option = options ?? (nobody ? new Uint8Array(0) : ndOption(1, PEER_MAC));
    const fields = { source, destination: solicitedNode(target), hops: 255 };
    this.packet6(icmp6(fields, NS, 0, concat(new Uint8Array(4), target, option)));
  }

  /** An advertisement; `flags`: 4 router, 2 solicited, 1 override. */
  advertise(target: Uint8Array, flags: number, mac: Uint8Array | undefined, destination: Uint8Array = OURS): void {
    const option = mac === undefined ? new Uint8Array(0) : ndOption(2, mac);
    const body = concat(Uint8Array.of(flags << 5, 0, 0, 0), target, option);
    this.packet6(icmp6({ source: target, destination, hops: 255 }, NA, 0, body));
  }

  /** A router's advertisement. */
  router(
    fields: {
      readonly lifetime?: number;
      readonly hopLimit?: number;
      readonly flags?: number;
      readonly reachable?: number;
      readonly retrans?: number;
      readonly options?: readonly Uint8Array[];
      readonly source?: Uint8Array;
      readonly hops?: number;
      readonly mac?: Uint8Array;
      /** The advertisement names the link-layer address. */
      readonly named?: boolean;
    } = {},
  ): void {
    const { lifetime = 1800, hopLimit = 0, flags = 0, options = [], source = ROUTER, hops = 255 } = fields;
    const { mac = ROUTER_MAC, named = true } = fields;
    const head = new Uint8Array(12);
    head[0] = hopLimit;
    head[1] = flags;
    view(head).setUint16(2, lifetime);
    view(head).setUint32(4, fields.reachable ?? 0);
    view(head).setUint32(8, fields.retrans ?? 0);
    const body = concat(head, ...(named ? [ndOption(1, mac)] : []), ...options);
    this.frame(frame6(icmp6({ source, destination: ALL_NODES, hops }, RA, 0, body), mac));
  }

  /** A packet from the peer's MAC, to ours or to a group's. */
  packet6(packet: Uint8Array, from: Uint8Array = PEER_MAC): void {
    const group = packet[24] === 0xff;
    this.frame(group ? frame6(packet, from) : ethernet(OUR_MAC, from, TYPE_IPV6, packet));
  }

  /** IPv6 packets that were sent since the last look. */
  take6(): Packet[] {
    return this.take().flatMap((frame) => {
      const packet = readIp6(frame);
      if (packet === undefined) return [];
      const { source, destination, ...rest } = packet;
      return { ...rest, source: hex(source), destination: hex(destination), mac: hex(frame.subarray(0, 6)) };
    });
  }

  /** ICMPv6 messages of one type. */
  takeIcmp(type: number): Packet[] {
    return this.take6().filter(({ next, payload }) => next === 58 && payload[0] === type);
  }

  /** The link-local address, as it is or is to be. */
  get linkLocal(): Uint8Array {
    return [...this.stack.v6.addresses].find((one) => one.origin === 'link-local')!.bytes;
  }
}

/** A prefix option (RFC 4861 4.6.2). `flags`: 2 on the link, 1 autonomous. Lifetimes in seconds. */
export function prefixOption(
  prefix: string,
  length: number,
  flags: number,
  valid: number,
  preferred: number,
): Uint8Array {
  const data = new Uint8Array(30);
  data[0] = length;
  data[1] = flags << 6;
  view(data).setUint32(2, valid);
  view(data).setUint32(6, preferred);
  data.set(ip6(prefix), 14);
  return ndOption(3, data);
}

export function mtuOption(mtu: number): Uint8Array {
  const data = new Uint8Array(6);
  view(data).setUint32(2, mtu);
  return ndOption(5, data);
}
