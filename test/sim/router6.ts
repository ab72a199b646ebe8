/**
 * An IPv6 router between networks, written apart from our own layer: advertises itself, answers and asks for
 * neighbours, forwards with a lower hop limit, and says "packet too big" where it is due.
 */
import type { Faults } from '../../src/net/device/wrap/faults.js';
import { concat, ethernet, view } from './packets.js';
import { frame6, hex, icmp6, ip6, ndOption, readIp6, TYPE_IPV6 } from './packets6.js';
import type { Switch } from './switch.js';
import type { World } from './world.js';

const ALL_NODES = ip6('ff02::1');
/** Packets that wait for one neighbour. */
const WAITING = 32;

/** What a prefix is advertised with; seconds. */
interface Advertised {
  readonly prefix: Uint8Array;
  valid: number;
  preferred: number;
}

interface Interface {
  readonly mac: Uint8Array;
  readonly address: Uint8Array;
  readonly mtu: number;
  readonly prefixes: Advertised[];
  readonly send: (frame: Uint8Array) => void;
  readonly neighbours: Map<string, Uint8Array>;
  readonly waiting: Map<string, Uint8Array[]>;
}

export class Router6 {
  /** It says nothing, and forwards nothing. */
  dead = false;
  private readonly interfaces: Interface[] = [];

  /** `number`: from 1, in its addresses. */
  constructor(
    private readonly world: World,
    private readonly number: number,
  ) {}

  attach(network: Switch, prefix: string, mtu: number, faults: Faults): Interface {
    const index = this.interfaces.length;
    const one: Interface = {
      mac: Uint8Array.of(2, 0, 0, 6, this.number, index),
      address: ip6(`fe80::${this.number}:${index + 1}`),
      ...{ mtu, prefixes: [{ prefix: ip6(prefix), valid: 7200, preferred: 3600 }] },
      send: network.plug(
        `router6-${this.number}-${index}`,
        { take: (frame) => this.take(index, frame) },
        faults,
        faults,
      ),
      ...{ neighbours: new Map(), waiting: new Map() },
    };
    this.interfaces.push(one);
    this.advertiseAgain(one);
    return one;
  }

  private advertiseAgain(one: Interface): void {
    this.advertise(one);
    // Each 20 s at first, so that short runs see some; a router's own clock, not drawn.
    this.world.time.schedule(20_000, () => {
      if (this.world.time.now() < 400_000) this.advertiseAgain(one);
    });
  }

  advertise(one: Interface): void {
    if (this.dead) return;
    const head = new Uint8Array(12);
    head[0] = 64;
    view(head).setUint16(2, 60);
    const options = one.prefixes.map(({ prefix, valid, preferred }) => {
      const data = new Uint8Array(30);
      data[0] = 64;
      data[1] = 0xc0;
      view(data).setUint32(2, valid);
      view(data).setUint32(6, preferred);
      data.set(prefix, 14);
      return ndOption(3, data);
    });
    const body = concat(head, ndOption(1, one.mac), ...options);
    one.send(frame6(icmp6({ source: one.address, destination: ALL_NODES, hops: 255 }, 134, 0, body), one.mac));
  }

  private take(index: number, frame: Uint8Array): void {
    const one = this.interfaces[index] as Interface;
    const packet = readIp6(frame);
    if (this.dead || packet === undefined) return;
    if (packet.next === 58 && packet.hops === 255)
      return this.discovery(one, packet.source, packet.payload, frame.slice(6, 12));
    if (packet.destination[0] === 0xff || packet.destination[0] === 0xfe) return;
    this.forward(one, packet.bytes);
  }

  private discovery(one: Interface, source: Uint8Array, message: Uint8Array, mac: Uint8Array): void {
    const type = message[0];
    if (type === 133) this.advertise(one);
    if ((type === 135 || type === 136) && source.some((byte) => byte !== 0)) this.learn(one, source, mac);
    const target = message.subarray(8, 24);
    if (type === 136) this.learn(one, target.slice(), mac);
    if (type !== 135 || hex(target) !== hex(one.address)) return;
    const body = concat(Uint8Array.of(0xe0, 0, 0, 0), one.address, ndOption(2, one.mac));
    const answer = icmp6({ source: one.address, destination: source, hops: 255 }, 136, 0, body);
    one.send(ethernet(mac, one.mac, TYPE_IPV6, answer));
  }

  private learn(one: Interface, address: Uint8Array, mac: Uint8Array): void {
    const key = hex(address);
    one.neighbours.set(key, mac);
    for (const packet of one.waiting.get(key) ?? []) one.send(ethernet(mac, one.mac, TYPE_IPV6, packet));
    one.waiting.delete(key);
  }

  private forward(from: Interface, bytes: Uint8Array): void {
    const destination = bytes.subarray(24, 40);
    const inside = (one: Interface): boolean =>
      one.prefixes.some(({ prefix }) => hex(prefix.subarray(0, 8)) === hex(destination.subarray(0, 8)));
    const to = this.interfaces.find(inside);
    if (to === undefined || (bytes[7] as number) <= 1) return;
    if (bytes.length > to.mtu) {
      const mtu = new Uint8Array(4);
      view(mtu).setUint32(0, to.mtu);
      const source = concat(from.prefixes[0]!.prefix.subarray(0, 8), new Uint8Array(7), Uint8Array.of(this.number));
      const error = icmp6({ source, destination: bytes.slice(8, 24) }, 2, 0, concat(mtu, bytes.subarray(0, 1232)));
      return this.deliver(from, error);
    }
    const packet = bytes.slice();
    packet[7] = (packet[7] as number) - 1;
    this.deliver(to, packet);
  }

  private deliver(to: Interface, packet: Uint8Array): void {
    const destination = packet.slice(24, 40);
    const key = hex(destination);
    const mac = to.neighbours.get(key);
    if (mac !== undefined) return to.send(ethernet(mac, to.mac, TYPE_IPV6, packet));
    const queue = to.waiting.get(key) ?? [];
    if (queue.length < WAITING) queue.push(packet);
    to.waiting.set(key, queue);
    const group = ip6('ff02::1:ff00:0');
    group.set(destination.subarray(13), 13);
    const body = concat(new Uint8Array(4), destination, ndOption(1, to.mac));
    to.send(frame6(icmp6({ source: to.address, destination: group, hops: 255 }, 135, 0, body), to.mac));
  }
}
