/**
 * The addresses of this host: their states (RFC 4862 2, 5.5.4), and which of them a packet leaves from (RFC 6724 5).
 */
import { commonPrefix, type Ipv6Bytes, isMulticast6, scopeOf } from '../../wire/ipv6.js';
import { OPERATOR } from './fair-share.js';
import { type Link6, OURS } from './link.js';

/** Not assigned yet: nothing is answered, nothing leaves from it. */
export const TENTATIVE = 0;
export const PREFERRED = 1;
/** Serves what it serves; nothing new begins from it. */
export const DEPRECATED = 2;

export type Origin = 'link-local' | 'static' | 'slaac' | 'dhcp';

/** Addresses at most: a router that advertises ever new prefixes fills no table. */
const MOST_ADDRESSES = 32;

export class OwnAddress {
  state: typeof TENTATIVE | typeof PREFERRED | typeof DEPRECATED = TENTATIVE;
  /** ms; `Infinity`: it never ends. */
  preferredUntil = Number.POSITIVE_INFINITY;
  validUntil = Number.POSITIVE_INFINITY;
  /** The station that advertises the prefix of the address. */
  by = OPERATOR;
  /** When it was taken, ms. */
  since = 0;

  constructor(
    readonly handle: number,
    readonly bytes: Ipv6Bytes,
    /** Bits that are on the link by this address alone, 0..128; 128 says nothing of the link. */
    readonly prefix: number,
    readonly origin: Origin,
    /** Served, and never announced: the network brings packets for it here by other means. */
    readonly anycast: boolean,
  ) {}
}

export class OwnAddresses implements Iterable<OwnAddress> {
  private readonly list: OwnAddress[] = [];

  constructor(private readonly link: Link6) {}

  [Symbol.iterator](): IterableIterator<OwnAddress> {
    return this.list[Symbol.iterator]();
  }

  /** Undefined: it is there already, or there is no room for another. */
  add(bytes: Ipv6Bytes, prefix: number, origin: Origin, anycast: boolean): OwnAddress | undefined {
    const { peers } = this.link;
    if (this.list.length >= MOST_ADDRESSES) return undefined;
    const handle = peers.intern(bytes);
    if (handle === 0 || this.get(handle) !== undefined) return undefined;
    peers.hold(handle);
    const one = new OwnAddress(handle, bytes, prefix, origin, anycast);
    one.since = this.link.now;
    this.list.push(one);
    return one;
  }

  /** Packets to it are taken from now on. */
  assign(one: OwnAddress): void {
    one.state = PREFERRED;
    this.link.peers.setMark(one.handle, OURS);
  }

  /** It is not ours any more. The handle is good until the next frame. */
  remove(one: OwnAddress): void {
    const at = this.list.indexOf(one);
    if (at < 0) return;
    this.list.splice(at, 1);
    this.link.peers.setMark(one.handle, 0);
    this.link.peers.drop(one.handle);
  }

  /** Something lives on it: a connection, or what is left of one. */
  inUse(one: OwnAddress): boolean {
    return this.link.peers.holders(one.handle) > 1;
  }

  get count(): number {
    return this.list.length;
  }

  /** `index`: 0 to `count - 1`. */
  at(index: number): OwnAddress {
    return this.list[index] as OwnAddress;
  }

  get(handle: number): OwnAddress | undefined {
    return this.list.find((one) => one.handle === handle);
  }

  /** Those that serve: neither tentative nor of the link alone. */
  get served(): OwnAddress[] {
    return this.list.filter((one) => one.state !== TENTATIVE && one.origin !== 'link-local');
  }

  /** The link-local address, once it is assigned. */
  get linkLocal(): OwnAddress | undefined {
    return this.list.find((one) => one.origin === 'link-local' && one.state !== TENTATIVE);
  }

  /**
   * The source of a packet to `destination` (RFC 6724 5, rules 1, 2, 3 and 8); undefined: there is none of its scope
   * or a wider one.
   */
  sourceFor(destination: Ipv6Bytes): OwnAddress | undefined {
    const scope = scopeOf(destination);
    let best: OwnAddress | undefined;
    for (const one of this.list) {
      // RFC 6724 4: an anycast address is no candidate.
      if (one.state === TENTATIVE || one.anycast) continue;
      if (best === undefined || better(one, best, destination, scope)) best = one;
    }
    // A link-local source outside of the link would never be answered.
    if (best?.origin === 'link-local' && scope > 2 && !isMulticast6(destination)) return undefined;
    return best;
  }
}

function better(one: OwnAddress, best: OwnAddress, destination: Ipv6Bytes, scope: number): boolean {
  // Rule 1.
  const length = commonPrefix(one.bytes, destination);
  const longest = commonPrefix(best.bytes, destination);
  if (longest === 128) return false;
  if (length === 128) return true;
  // Rule 2.
  const [mine, other] = [scopeOf(one.bytes), scopeOf(best.bytes)];
  if (mine !== other) return mine < other ? mine >= scope : other < scope;
  // Rule 3.
  if (one.state !== best.state) return one.state === PREFERRED;
  // Rule 8, within the prefix (RFC 6724 2.2).
  return Math.min(length, one.prefix) > Math.min(longest, best.prefix);
}
