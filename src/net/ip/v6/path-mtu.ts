/** Path-MTU discovery (RFC 8201): what routers said, bounded, forgotten after ten minutes. */
import { LRUCache } from 'lru-cache';
import { IPV6_MIN_MTU } from '../../wire/ipv6.js';
import type { PeerTable } from './peer-table.js';

/** RFC 8201 5.3. */
const LIFETIME = 600_000;

interface Known {
  readonly mtu: number;
  readonly expires: number;
}

export class PathMtus6 {
  private readonly cache: LRUCache<number, Known>;

  constructor(private readonly peers: PeerTable) {
    this.cache = new LRUCache<number, Known>({
      max: 4096,
      noDisposeOnSet: true,
      dispose: (_known, handle) => peers.drop(handle),
    });
  }

  /** Nothing is known of any path. */
  get empty(): boolean {
    return this.cache.size === 0;
  }

  of(destination: number, link: number, now: number): number {
    const known = this.cache.get(destination);
    if (known === undefined) return link;
    if (known.expires <= now) {
      this.cache.delete(destination);
      return link;
    }
    return Math.min(known.mtu, link);
  }

  /** A router said that `mtu` bytes pass. Returns whether the path's MTU is smaller now. */
  lower(destination: number, mtu: number, link: number, now: number): boolean {
    // RFC 8201 4: nothing below the least MTU of a link is heeded; RFC 8021: nor is it answered with atomic fragments.
    if (mtu < IPV6_MIN_MTU || mtu >= this.of(destination, link, now)) return false;
    this.set(destination, { mtu, expires: now + LIFETIME });
    return true;
  }

  /** RFC 4821 7.7: nothing says so, but large packets vanish. */
  suspect(destination: number, link: number, now: number): boolean {
    return this.lower(destination, IPV6_MIN_MTU, link, now);
  }

  private set(destination: number, known: Known): void {
    if (!this.cache.has(destination)) this.peers.hold(destination);
    this.cache.set(destination, known);
  }
}
