/**
 * IPv4 datagrams that go out: next hop, neighbour, path MTU, header, fragments (RFC 791 3.2, RFC 1122 3.3, RFC 6864).
 */
import { LRUCache } from 'lru-cache';
import { Memory } from '../../memory/memory.js';
import { ETHERNET_HEADER, HEADROOM, IP_OFFSET } from '../device/tx-frame.js';
import { dropReason } from '../drops.js';
import { addWords, fold } from '../wire/checksum.js';
import { BROADCAST_MAC, ETHERTYPE_IPV4 } from '../wire/ethernet.js';
import { putUint16 } from '../wire/tcp.js';
import { nextHop } from './address-config.js';
import type { IpContext } from './context.js';
import type { Ipv4, Route } from './contracts/ip-output.js';
import type { Neighbour } from './neighbours.js';
import { PathMtus } from './path-mtu.js';

const NO_ROUTE = dropReason('ip-no-route');
const TOO_BIG = dropReason('ip-too-big');
const TRANSMIT_FAILED = dropReason('device-transmit-failed');

const DF = 0x4000;
const MF = 0x2000;

class Ipv4Route implements Route {
  /** Changes with each new configuration: an older route is looked up anew. */
  generation = -1;
  /** Undefined: broadcast. */
  neighbour: Neighbour | undefined = undefined;
  passed = 0;
  passedAt = Number.NEGATIVE_INFINITY;

  constructor(readonly destination: Ipv4) {}
}

export class Ipv4Output {
  private readonly routes = new LRUCache<number, Ipv4Route>({ max: 4096 });
  private readonly mtus = new PathMtus();
  private generation = 0;
  private readonly idSalt: number;
  private id = 0;

  constructor(
    private readonly stack: IpContext,
    private readonly ttl: number,
  ) {
    this.idSalt = stack.random.random32();
    this.id = this.idSalt & 0xffff;
  }

  /** The configuration changed: every way is looked up again. */
  forget(): void {
    this.generation++;
    this.routes.clear();
    this.stack.arp.neighbours.clear();
  }

  /** There is more on the link than before, or less: every way is looked up again. */
  changed(): void {
    this.generation++;
    this.routes.clear();
  }

  route(destination: Ipv4): Route | undefined {
    const known = this.routes.get(destination);
    if (known !== undefined) return known;
    const route = new Ipv4Route(destination);
    if (!this.resolve(route)) return undefined;
    this.routes.set(destination, route);
    return route;
  }

  private resolve(route: Ipv4Route): boolean {
    const { stack } = this;
    route.generation = this.generation;
    if (stack.isBroadcast(route.destination)) {
      route.neighbour = undefined;
      return true;
    }
    if (stack.config === undefined) return false;
    const hop = nextHop(stack.config, route.destination, stack.further);
    if (hop === undefined) return false;
    route.neighbour = stack.arp.neighbours.get(hop);
    return true;
  }

  get linkMtu(): number {
    return Math.min(this.stack.device.mtu, this.stack.config?.mtu ?? 0xffff);
  }

  pathMtu(route: Route): number {
    return this.mtus.empty ? this.linkMtu : this.mtus.of(route.destination, this.linkMtu, this.stack.now);
  }

  lowerPathMtu(destination: Ipv4, mtu: number, size: number, now: number): boolean {
    return this.mtus.lower(destination, mtu, size, this.linkMtu, now);
  }

  suspectBlackHole(route: Route): void {
    this.mtus.suspect(route.destination, this.linkMtu, this.stack.now);
  }

  /** RFC 1122 2.3.2.1: a transport's progress is as good as an ARP answer. */
  confirm(route: Route): void {
    const neighbour = (route as Ipv4Route).neighbour;
    if (neighbour?.resolved === true) neighbour.confirmedAt = this.stack.now;
  }

  /** RFC 9293 3.8.3: what a transport sends there is not answered. */
  doubt(route: Route): void {
    const neighbour = (route as Ipv4Route).neighbour;
    if (neighbour?.resolved === true) neighbour.confirmedAt = Number.NEGATIVE_INFINITY;
  }

  /** As `IpOutput.send`. */
  send(given: Route, source: Ipv4, protocol: number): boolean {
    const { stack } = this;
    const { tx } = stack;
    const route = given as Ipv4Route;
    const df = tx.dontFragment && !this.mtus.cuts(route.destination);
    if (route.generation !== this.generation && !this.resolve(route)) {
      stack.drops.count(NO_ROUTE);
      return false;
    }
    const total = tx.total - ETHERNET_HEADER;
    const limit = tx.segmentSize > 0 ? 0xffff : this.pathMtu(route);
    if (total > limit) {
      if (total > 0xffff) {
        stack.drops.count(TOO_BIG);
        return false;
      }
      // RFC 1191: a sender that asked for DF knew the MTU when it built the packet; it learns of a smaller one by ICMP.
      if (!df) return this.fragment(route, source, protocol, limit);
      if (total > this.linkMtu) {
        stack.drops.count(TOO_BIG);
        return false;
      }
    }
    // RFC 6864 4.1: an atomic datagram's ID means nothing.
    const id = df ? 0 : this.nextId();
    this.header(route.destination, source, protocol, total, (id << 16) | (df ? DF : 0));
    // The device that cuts a super-segment numbers its pieces upwards.
    if (!df && tx.segmentSize > 0) this.id = (id + Math.ceil(total / tx.segmentSize)) & 0xffff;
    return this.dispatch(route);
  }

  private nextId(): number {
    this.id = (this.id + 1 + (this.stack.random.random32() & 7)) & 0xffff;
    return this.id;
  }

  /** `total` in bytes; `second`: the header's second word, which has identification, flags and fragment offset. */
  private header(destination: Ipv4, source: Ipv4, protocol: number, total: number, second: number): void {
    const { view, tos } = this.stack.tx;
    const ttl = this.stack.tx.ttl || this.ttl;
    const at = IP_OFFSET;
    view.setUint16(at, 0x4500 | tos);
    view.setUint16(at + 2, total);
    view.setInt32(at + 4, second);
    view.setUint16(at + 8, (ttl << 8) | protocol);
    view.setInt32(at + 12, source);
    view.setInt32(at + 16, destination);
    let sum = 0x4500 + tos + total + (second >>> 16) + (second & 0xffff) + ((ttl << 8) | protocol);
    sum += (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff);
    sum = (sum & 0xffff) + (sum >>> 16);
    sum = (sum & 0xffff) + (sum >>> 16);
    view.setUint16(at + 10, ~sum);
  }

  private dispatch(route: Ipv4Route): boolean {
    const { stack } = this;
    const held = route.neighbour;
    if (held === undefined) return this.out(BROADCAST_MAC);
    const neighbours = stack.arp.neighbours;
    if (neighbours.fresh(held, stack)) return this.out(held.mac);
    const neighbour = neighbours.current(held);
    route.neighbour = neighbour;
    if (neighbours.fresh(neighbour, stack)) return this.out(neighbour.mac);
    if (neighbours.unquestioned(neighbour, stack.now)) return this.out(neighbour.mac);
    if (neighbours.hopeless(neighbour, stack.now)) return false;
    // Asking writes over `tx`: what is to be sent is kept first.
    const frame = this.keep();
    if (neighbours.use(neighbour, stack.now)) {
      this.release(frame, neighbour.mac);
      return true;
    }
    return neighbours.enqueue(neighbour, frame);
  }

  private out(mac: Uint8Array): boolean {
    if (this.stack.transmit(mac, ETHERTYPE_IPV4)) return true;
    this.stack.drops.count(TRANSMIT_FAILED);
    return false;
  }

  /** A copy of what `tx` holds, whole, its checksum finished, and its segments not cut: for later. */
  private keep(): Uint8Array {
    const { tx } = this.stack;
    const frame = new Uint8Array(tx.total + 8);
    tx.copyTo(frame, 8);
    putUint16(frame, 0, tx.checksumStart);
    putUint16(frame, 2, tx.checksumOffset);
    putUint16(frame, 4, tx.segmentSize);
    putUint16(frame, 6, tx.segmentHeader);
    return frame;
  }

  /** Sends a frame that `keep` made. */
  release(frame: Uint8Array, mac: Uint8Array): void {
    const { tx } = this.stack;
    tx.reset();
    const size = frame.length - 8;
    const inHead = Math.min(size, tx.head.length - HEADROOM);
    tx.head.set(frame.subarray(8, 8 + inHead), HEADROOM);
    tx.length = inHead;
    if (inHead < size) tx.push(new Memory(frame), 8 + inHead, frame.length);
    tx.checksumStart = (frame[0] << 8) | frame[1];
    tx.checksumOffset = (frame[2] << 8) | frame[3];
    tx.segmentSize = (frame[4] << 8) | frame[5];
    tx.segmentHeader = (frame[6] << 8) | frame[7];
    this.out(mac);
  }

  /** RFC 791 3.2: pieces of at most `mtu` bytes, their payload a multiple of 8. */
  private fragment(route: Ipv4Route, source: Ipv4, protocol: number, mtu: number): boolean {
    const { tx } = this.stack;
    const { tos, ttl } = tx;
    const whole = new Uint8Array(tx.total);
    tx.copyTo(whole, 0);
    const start = ETHERNET_HEADER + 20;
    if (tx.checksumStart !== 0) {
      const field = tx.checksumStart + tx.checksumOffset;
      putUint16(whole, field, ~fold(addWords(0, whole, tx.checksumStart, whole.length)) & 0xffff);
    }
    const step = (mtu - 20) & ~7;
    const id = this.nextId();
    let sent = true;
    for (let at = start; at < whole.length; at += step) {
      const end = Math.min(at + step, whole.length);
      tx.reset();
      tx.tos = tos;
      tx.ttl = ttl;
      // A jumbo frame's piece is longer than the head has room for.
      const inHead = Math.min(end - at, tx.head.length - IP_OFFSET - 20);
      tx.head.set(whole.subarray(at, at + inHead), IP_OFFSET + 20);
      tx.length = ETHERNET_HEADER + 20 + inHead;
      if (at + inHead < end) tx.push(new Memory(whole), at + inHead, end);
      const more = end < whole.length ? MF : 0;
      this.header(route.destination, source, protocol, 20 + end - at, (id << 16) | more | ((at - start) >> 3));
      sent = this.dispatch(route) && sent;
    }
    return sent;
  }
}
