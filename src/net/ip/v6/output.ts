/**
 * IPv6 datagrams that go out: next hop, neighbour, path MTU, header, flow label, fragments (RFC 8200, RFC 6437, RFC
 * 8201).
 */
import { LRUCache } from 'lru-cache';
import { Memory } from '../../../memory/memory.js';
import { ETHERNET_HEADER, HEADROOM_IPV6, TRANSPORT_OFFSET } from '../../device/tx-frame.js';
import { dropReason } from '../../drops.js';
import { addWords, fold } from '../../wire/checksum.js';
import { ETHERTYPE_IPV6 } from '../../wire/ethernet.js';
import { FRAGMENT, ICMPV6, IPV6_HEADER, isMulticast6, multicastMac } from '../../wire/ipv6.js';
import { int32At, putInt32, putUint16 } from '../../wire/tcp.js';
import type { Route } from '../contracts/ip-output.js';
import { writeHeader } from './header.js';
import type { Link6 } from './link.js';
import type { Neighbour6 } from './neighbour.js';
import type { Neighbours6 } from './neighbours.js';
import { PathMtus6 } from './path-mtu.js';
import type { Routers } from './routers.js';

const NO_ROUTE = dropReason('ip-no-route');
const TOO_BIG = dropReason('ip-too-big');
const TRANSMIT_FAILED = dropReason('device-transmit-failed');

/** Bytes of a fragment header (RFC 8200 4.5). */
const FRAGMENT_HEADER = 8;
/** Bytes that `keep` puts before a frame. */
const KEPT = 8;

class Ipv6Route implements Route {
  /** Changes with each change of the ways out: an older route is looked up anew. */
  generation = -1;
  /** Undefined: a group. */
  neighbour: Neighbour6 | undefined = undefined;
  passed = 0;
  passedAt = Number.NEGATIVE_INFINITY;

  constructor(readonly destination: number) {}
}

export class Ipv6Output {
  /** Of what is sent, as routers advertise it (RFC 4861 6.3.4). */
  hopLimit = 64;
  /** As a router advertises it. */
  private advertisedMtu = Number.POSITIVE_INFINITY;
  private readonly routes: LRUCache<number, Ipv6Route>;
  private readonly mtus: PathMtus6;
  private generation = 0;
  private readonly groupMac = new Uint8Array(6);
  /** RFC 6437 3: a secret, so that a label shows nothing of ports, nor of other flows. */
  private labelKey = 0;
  private labelKey2 = 1;

  constructor(
    private readonly link: Link6,
    private readonly neighbours: Neighbours6,
    private readonly routers: Routers,
  ) {
    const { peers } = link;
    this.routes = new LRUCache<number, Ipv6Route>({ max: 4096, dispose: (_route, handle) => peers.drop(handle) });
    this.mtus = new PathMtus6(peers);
  }

  /** Draws the key of flow labels. */
  start(): void {
    const { random } = this.link;
    this.labelKey = random.random32();
    this.labelKey2 = random.random32() | 1;
  }

  /** The keys of flow labels: a replay needs them. */
  get labelKeys(): [number, number] {
    return [this.labelKey, this.labelKey2];
  }

  set labelKeys(keys: readonly [number, number]) {
    [this.labelKey, this.labelKey2] = keys;
  }

  /** Ways out have changed: every one is looked up again. */
  forget(): void {
    this.generation++;
  }

  /** RFC 4861 6.3.4: a router's word, or the device's where that is less. */
  get linkMtu(): number {
    return Math.min(this.advertisedMtu, this.link.device.mtu);
  }

  setLinkMtu(mtu: number): void {
    this.advertisedMtu = mtu;
  }

  route(destination: number): Route | undefined {
    const known = this.routes.get(destination);
    if (known !== undefined && (known.generation === this.generation || this.resolve(known))) return known;
    if (known !== undefined) return undefined;
    const route = new Ipv6Route(destination);
    if (!this.resolve(route)) return undefined;
    this.link.peers.hold(destination);
    this.routes.set(destination, route);
    return route;
  }

  private resolve(route: Ipv6Route): boolean {
    const bytes = this.link.peers.bytes(route.destination);
    route.generation = this.generation;
    route.neighbour = undefined;
    if (isMulticast6(bytes)) return true;
    const hop = this.routers.nextHop(route.destination, bytes);
    // What cannot be resolved now is tried again with the next packet.
    if (hop === 0) route.generation = -1;
    else route.neighbour = this.neighbours.get(hop);
    return hop !== 0;
  }

  pathMtu(route: Route): number {
    return this.mtus.empty ? this.linkMtu : this.mtus.of(route.destination, this.linkMtu, this.link.now);
  }

  /** A router said that `mtu` bytes pass to there. Returns whether the path's MTU is smaller now. */
  lowerPathMtu(destination: number, mtu: number, now: number): boolean {
    return this.mtus.lower(destination, mtu, this.linkMtu, now);
  }

  suspectBlackHole(route: Route): void {
    this.mtus.suspect(route.destination, this.linkMtu, this.link.now);
  }

  /** RFC 4861 7.3.1: a transport's progress. */
  confirm(route: Route): void {
    const { neighbour } = route as Ipv6Route;
    if (neighbour !== undefined) this.neighbours.confirm(neighbour, this.link.now);
  }

  /** RFC 9293 3.8.3: what a transport sends there is not answered. `handshake`: as `IpOutput.doubt`. */
  doubt(route: Route, handshake: boolean): void {
    const { neighbour } = route as Ipv6Route;
    if (neighbour === undefined || (handshake && !this.routers.replaceable(neighbour.address))) return;
    this.neighbours.doubt(neighbour, this.link.now);
  }

  /** RFC 4861 8.3: a router says that `destination` is reached better through `hop`. */
  redirect(destination: number, hop: number): void {
    const route = this.routes.get(destination);
    if (route?.neighbour !== undefined) route.neighbour = this.neighbours.get(hop);
  }

  /** The way to `destination` that is in use leads through `hop`. */
  leadsThrough(destination: number, hop: number): boolean {
    const route = this.routes.get(destination);
    return route?.neighbour !== undefined && this.link.peers.find(route.neighbour.address) === hop;
  }

  /** As `IpOutput.send`. `tx.dontFragment`: never cut. */
  send(given: Route, source: number, protocol: number): boolean {
    const { link } = this;
    const { tx } = link;
    const route = given as Ipv6Route;
    if (route.generation !== this.generation && !this.resolve(route)) {
      link.drops.count(NO_ROUTE);
      return false;
    }
    tx.growForIpv6();
    const hops = tx.ttl || this.hopLimit;
    const total = tx.total - ETHERNET_HEADER;
    const label = protocol === ICMPV6 ? 0 : this.label(source, route.destination, int32At(tx.head, TRANSPORT_OFFSET));
    if (total > this.pathMtu(route) && tx.segmentSize === 0) {
      // RFC 8200 4.5: sources cut, routers do not. TCP made its segment for the MTU that it knew: what is news comes by
      // ICMPv6.
      if (!tx.dontFragment) return this.fragment(route, source, protocol, { traffic: tx.tos, hops, label });
      if (total > this.linkMtu) {
        link.drops.count(TOO_BIG);
        return false;
      }
    }
    const payload = total - IPV6_HEADER;
    writeHeader(link, source, route.destination, { payload, next: protocol, hops, traffic: tx.tos, label });
    return this.dispatch(route);
  }

  /** RFC 6437 3: the same for all packets of a flow, and evenly spread. */
  private label(source: number, destination: number, ports: number): number {
    const { peers } = this.link;
    let h = Math.imul(peers.word(destination, 3) ^ this.labelKey, this.labelKey2);
    h = Math.imul(h ^ (h >>> 15) ^ peers.word(destination, 1), 0x2c1b3c6d);
    h = Math.imul(h ^ (h >>> 13) ^ peers.word(destination, 2) ^ peers.word(destination, 0), 0x297a2d39);
    h = Math.imul(h ^ (h >>> 15) ^ peers.word(source, 3), this.labelKey2);
    h = Math.imul(h ^ (h >>> 13) ^ ports, 0x2c1b3c6d);
    h ^= h >>> 12;
    // 0 would mean that there is none.
    return h & 0xfffff || 1;
  }

  private dispatch(route: Ipv6Route): boolean {
    const { neighbours } = this;
    let { neighbour } = route;
    if (neighbour === undefined) {
      multicastMac(this.link.peers.bytes(route.destination), 0, this.groupMac);
      return this.out(this.groupMac);
    }
    if (neighbours.fresh(neighbour, this.link)) return this.out(neighbour.mac);
    neighbour = route.neighbour = neighbours.current(neighbour);
    if (neighbours.fresh(neighbour, this.link)) return this.out(neighbour.mac);
    if (neighbours.use(neighbour, this.link.now)) return this.out(neighbour.mac);
    if (neighbours.hopeless(neighbour, this.link.now)) return false;
    // Asking writes over `tx`: what is to be sent is kept first.
    const frame = this.keep();
    neighbours.ask(neighbour, this.link.now);
    return neighbours.enqueue(neighbour, frame);
  }

  private out(mac: Uint8Array): boolean {
    if (this.link.transmit(mac, ETHERTYPE_IPV6)) return true;
    this.link.drops.count(TRANSMIT_FAILED);
    return false;
  }

  /** A copy of what `tx` holds, with what the device is to do to it: for later. */
  private keep(): Uint8Array {
    const { tx } = this.link;
    const frame = new Uint8Array(tx.total + KEPT);
    tx.copyTo(frame, KEPT);
    putUint16(frame, 0, tx.checksumStart);
    putUint16(frame, 2, tx.checksumOffset);
    putUint16(frame, 4, tx.segmentSize);
    putUint16(frame, 6, tx.segmentHeader);
    return frame;
  }

  /** Sends a frame that `keep` made. */
  release(frame: Uint8Array, mac: Uint8Array): void {
    const { tx } = this.link;
    tx.reset();
    tx.first = HEADROOM_IPV6;
    const size = frame.length - KEPT;
    const inHead = Math.min(size, tx.head.length - HEADROOM_IPV6);
    tx.head.set(frame.subarray(KEPT, KEPT + inHead), HEADROOM_IPV6);
    tx.length = inHead;
    if (inHead < size) tx.push(new Memory(frame), KEPT + inHead, frame.length);
    tx.checksumStart = (frame[0] << 8) | frame[1];
    tx.checksumOffset = (frame[2] << 8) | frame[3];
    tx.segmentSize = (frame[4] << 8) | frame[5];
    tx.segmentHeader = (frame[6] << 8) | frame[7];
    this.out(mac);
  }

  /** RFC 8200 4.5: pieces of at most the path's MTU, their payload a multiple of 8. */
  private fragment(
    route: Ipv6Route,
    source: number,
    protocol: number,
    fields: { readonly traffic: number; readonly hops: number; readonly label: number },
  ): boolean {
    const { link } = this;
    const { tx } = link;
    const whole = new Uint8Array(tx.total);
    tx.copyTo(whole, 0);
    const start = ETHERNET_HEADER + IPV6_HEADER;
    if (whole.length - start > 0xffff) {
      link.drops.count(TOO_BIG);
      return false;
    }
    if (tx.checksumStart !== 0) {
      const field = tx.checksumStart + tx.checksumOffset;
      const sum = ~fold(addWords(0, whole, tx.checksumStart, whole.length)) & 0xffff;
      putUint16(whole, field, sum === 0 ? 0xffff : sum);
    }
    const step = (this.pathMtu(route) - IPV6_HEADER - FRAGMENT_HEADER) & ~7;
    // RFC 7739: not to be guessed.
    const id = link.random.random32();
    const at = TRANSPORT_OFFSET;
    let sent = true;
    for (let from = start; from < whole.length; from += step) {
      const until = Math.min(from + step, whole.length);
      tx.reset();
      tx.first = HEADROOM_IPV6;
      putUint16(tx.head, at, protocol << 8);
      putUint16(tx.head, at + 2, (from - start) | (until < whole.length ? 1 : 0));
      putInt32(tx.head, at + 4, id);
      // A jumbo frame's piece is longer than the head has room for.
      const inHead = Math.min(until - from, tx.head.length - at - FRAGMENT_HEADER);
      tx.head.set(whole.subarray(from, from + inHead), at + FRAGMENT_HEADER);
      tx.length = at + FRAGMENT_HEADER + inHead - tx.first;
      if (from + inHead < until) tx.push(new Memory(whole), from + inHead, until);
      const payload = FRAGMENT_HEADER + until - from;
      writeHeader(link, source, route.destination, { payload, next: FRAGMENT, ...fields });
      sent = this.dispatch(route) && sent;
    }
    return sent;
  }
}
