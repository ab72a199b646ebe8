/** Path-MTU discovery (RFC 1191): what routers said, bounded, forgotten after ten minutes. */
import { LRUCache } from 'lru-cache';
import type { Ipv4 } from './contracts/ip-output.js';

/** RFC 1191 6.3. */
const LIFETIME = 600_000;
/** Nothing below this is believed (Linux's min_pmtu): a forged tiny MTU must not make us send headers only. */
const MIN_PATH_MTU = 552;
/** RFC 1191 7.1: for routers that report no MTU. */
const PLATEAUS = [32_000, 17_914, 8166, 4352, 2002, 1492, 1006, 576];

interface Known {
  mtu: number;
  expires: number;
  /** A router passes less than we make packets for: it may cut them. */
  cut: boolean;
}

export class PathMtus {
  private readonly cache = new LRUCache<number, Known>({ max: 4096 });

  /** Nothing is known of any path. */
  get empty(): boolean {
    return this.cache.size === 0;
  }

  of(destination: Ipv4, link: number, now: number): number {
    const known = this.cache.get(destination);
    if (known === undefined) return link;
    if (known.expires <= now) {
      this.cache.delete(destination);
      return link;
    }
    return Math.min(known.mtu, link);
  }

  /** Packets to there go without DF: some link on the way takes less than `MIN_PATH_MTU`. */
  cuts(destination: Ipv4): boolean {
    return this.cache.size > 0 && this.cache.peek(destination)?.cut === true;
  }

  /**
   * A router could not pass `size` bytes; `mtu` is what it said of the next hop, 0 if nothing. Returns whether the
   * path's MTU is smaller now.
   */
  lower(destination: Ipv4, mtu: number, size: number, link: number, now: number): boolean {
    // What fits was no reason to send it back.
    if (mtu >= size) return false;
    let next = mtu;
    if (next === 0) next = PLATEAUS.find((plateau) => plateau < size) ?? 576;
    if (next < 68) return false;
    const cut = next < MIN_PATH_MTU;
    next = Math.max(next, MIN_PATH_MTU);
    if (next >= this.of(destination, link, now) && !(cut && !this.cuts(destination))) return false;
    this.cache.set(destination, { mtu: next, expires: now + LIFETIME, cut });
    return true;
  }

  /** RFC 4821 7.7: nothing says so, but large packets vanish. */
  suspect(destination: Ipv4, link: number, now: number): boolean {
    const current = this.of(destination, link, now);
    const next = current > 1280 ? 1280 : current > 1006 ? 1006 : 576;
    if (next >= current) return false;
    this.cache.set(destination, { mtu: next, expires: now + LIFETIME, cut: false });
    return true;
  }
}
