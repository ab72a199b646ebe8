/**
 * Where packets go first: prefixes on the link, more specific routes and default routers (RFC 4861 5.1, 5.2, RFC 4191
 * 3), given by hand or advertised. All three lists are bounded, and no station can fill one of them (`FairShare`).
 */
import { type Ipv6Bytes, isLinkLocal, samePrefix } from '../../wire/ipv6.js';
import { type Advertised, type Advertiser, advertisedAgain, BY_OPERATOR, FairShare } from './fair-share.js';
import type { Link6 } from './link.js';
import { FAILED, INCOMPLETE } from './neighbour.js';
import type { Neighbours6 } from './neighbours.js';

/** Entries of each list; those of one station. */
const MOST_ROUTERS = 8;
const ROUTERS_OF_ONE = 2;
const MOST_PREFIXES = 32;
const PREFIXES_OF_ONE = 16;
const MOST_ROUTES = 32;
const ROUTES_OF_ONE = 16;

/** RFC 4191 2.1: 1 high, 0 medium, -1 low. */
export type Preference = 1 | 0 | -1;

export interface Router extends Advertised {
  readonly handle: number;
  readonly address: Ipv6Bytes;
  /** The default for what no route is for, until then, ms; `-Infinity`: only a next hop of routes. */
  defaultUntil: number;
  preference: Preference;
}

interface Prefix extends Advertised {
  readonly bytes: Ipv6Bytes;
  readonly length: number;
  until: number;
}

interface SpecificRoute extends Prefix {
  readonly router: Router;
  preference: Preference;
}

export class Routers {
  /** A default router was given by hand: advertised ones are none. */
  fixed = false;
  private readonly routers: Router[] = [];
  private prefixes: Prefix[] = [];
  private routes: SpecificRoute[] = [];
  private readonly routerShares: FairShare;
  private readonly prefixShares: FairShare;
  private readonly routeShares: FairShare;

  /** `changed`: next hops are to be chosen anew. */
  constructor(
    private readonly link: Link6,
    private readonly neighbours: Neighbours6,
    private readonly changed: () => void,
  ) {
    this.routerShares = new FairShare(link.random, MOST_ROUTERS, ROUTERS_OF_ONE);
    this.prefixShares = new FairShare(link.random, MOST_PREFIXES, PREFIXES_OF_ONE);
    this.routeShares = new FairShare(link.random, MOST_ROUTES, ROUTES_OF_ONE);
  }

  /** The router that packets go through which no route is for. */
  gateway(): Router | undefined {
    const defaults = this.defaults(this.link.now);
    // RFC 4861 6.3.6, RFC 4191 3.2: one that is not known to fail, else the best of all.
    return defaults.find((one) => this.works(one)) ?? defaults[0];
  }

  /** Those that are a default now, the best first. */
  defaults(now: number): Router[] {
    return this.routers.filter((one) => one.defaultUntil > now).sort((a, b) => b.preference - a.preference);
  }

  /** What is on the link by its prefix. */
  onLinkPrefixes(
    now: number,
  ): readonly { readonly bytes: Ipv6Bytes; readonly length: number; readonly until: number }[] {
    return this.prefixes.filter((one) => one.until > now);
  }

  isRouter(handle: number): boolean {
    return this.routers.some((one) => one.handle === handle);
  }

  /** A default router until `until`, or none any more (`-Infinity`). Undefined: there is no room for another. */
  setDefault(handle: number, until: number, preference: Preference, who: Advertiser = BY_OPERATOR): Router | undefined {
    let router = this.routers.find((one) => one.handle === handle);
    if (router === undefined) {
      const { peers, now } = this.link;
      const gateway = this.gateway();
      const idle = (one: Router): boolean => one !== gateway && !this.neighbours.confirmed(one.handle);
      const room = this.routerShares.room(this.routers, who, now, idle);
      if (room === undefined) return undefined;
      // First, since the handle of what is given up may be used again.
      peers.hold(handle);
      if (room !== true) this.forget(room);
      const address = peers.bytes(handle);
      router = { handle, address, defaultUntil: until, preference, by: who.station, since: now };
      this.routers.push(router);
      this.changed();
      return router;
    }
    advertisedAgain(router, who);
    const was = router.defaultUntil > this.link.now;
    if (was !== until > this.link.now || router.preference !== preference) this.changed();
    router.defaultUntil = until;
    router.preference = preference;
    return router;
  }

  /** A router is at `address`, and there is another one. */
  replaceable(address: Ipv6Bytes): boolean {
    return this.routers.length > 1 && this.isRouter(this.link.peers.find(address));
  }

  /** RFC 4861 7.2.5: it says that it is no router any more. */
  noRouter(handle: number): void {
    const router = this.routers.find((one) => one.handle === handle);
    if (router !== undefined && router.defaultUntil !== Number.POSITIVE_INFINITY) this.forget(router);
  }

  private forget(router: Router): void {
    this.routers.splice(this.routers.indexOf(router), 1);
    this.routes = this.routes.filter((one) => one.router !== router);
    this.link.peers.drop(router.handle);
    this.changed();
  }

  /** RFC 4861 6.3.4: on the link until `until`; one of the past: not any more. */
  setPrefix(bytes: Ipv6Bytes, length: number, until: number, who: Advertiser = BY_OPERATOR): void {
    const { now } = this.link;
    const known = this.prefixes.find((one) => one.length === length && samePrefix(one.bytes, 0, bytes, 0, length));
    if (known !== undefined) {
      // Advertised again and again: ways out change with the end of it alone.
      if (until <= now) this.changed();
      known.until = until;
      advertisedAgain(known, who);
      return;
    }
    const room = until <= now ? undefined : this.prefixShares.room(this.prefixes, who, now, () => true);
    if (room === undefined) return;
    if (room !== true) this.prefixes.splice(this.prefixes.indexOf(room), 1);
    this.prefixes.push({ bytes, length, until, by: who.station, since: now });
    this.changed();
  }

  /** RFC 4191 2.3: `router` is the next hop to the prefix. */
  setRoute(
    { bytes, length }: Pick<Prefix, 'bytes' | 'length'>,
    router: Router,
    until: number,
    preference: Preference,
    who: Advertiser,
  ): void {
    const { now } = this.link;
    const known = this.routes.find(
      (one) => one.router === router && one.length === length && samePrefix(one.bytes, 0, bytes, 0, length),
    );
    if (known !== undefined) {
      const same = known.preference === preference && until > now;
      known.until = until;
      known.preference = preference;
      if (same) return;
    } else {
      const room = until <= now ? undefined : this.routeShares.room(this.routes, who, now, () => true);
      if (room === undefined) return;
      if (room !== true) this.routes.splice(this.routes.indexOf(room), 1);
      this.routes.push({ bytes, length, router, until, preference, by: who.station, since: now });
    }
    this.changed();
  }

  /** Whether the address is on the link itself. */
  onLink(address: Ipv6Bytes): boolean {
    if (isLinkLocal(address)) return true;
    const { now } = this.link;
    return this.prefixes.some((one) => one.until > now && samePrefix(one.bytes, 0, address, 0, one.length));
  }

  /** The handle of the next hop to `destination`, whose handle is given, too; 0: there is none. */
  nextHop(handle: number, destination: Ipv6Bytes): number {
    const { now } = this.link;
    // Most specific first: a prefix on the link and a route may overlap.
    let longest = isLinkLocal(destination) ? 128 : -1;
    for (const one of this.prefixes) {
      if (one.length > longest && one.until > now && samePrefix(one.bytes, 0, destination, 0, one.length)) {
        longest = one.length;
      }
    }
    let best: SpecificRoute | undefined;
    for (const one of this.routes) {
      if (one.length <= longest || one.until <= now || !samePrefix(one.bytes, 0, destination, 0, one.length)) continue;
      if (best === undefined || this.rank(one, best) > 0) best = one;
    }
    if (best !== undefined) return best.router.handle;
    if (longest >= 0) return handle;
    return this.gateway()?.handle ?? 0;
  }

  /** RFC 4191 3.2: routers that work, then longer prefixes, then preference. */
  private rank(one: SpecificRoute, best: SpecificRoute): number {
    const works = Number(this.works(one.router)) - Number(this.works(best.router));
    return works || one.length - best.length || one.preference - best.preference;
  }

  /** It is not known to fail. */
  works(router: Router): boolean {
    const neighbour = this.neighbours.find(router.handle);
    if (neighbour === undefined) return true;
    // It is asked for the first time, or it may be.
    return neighbour.state > INCOMPLETE || (neighbour.failures === 0 && neighbour.state !== FAILED);
  }

  /** Forgets what has expired. Returns when the next thing does, ms. */
  poll(now: number): number {
    let next = Math.min(soonest(this.prefixes), soonest(this.routes));
    if (next <= now) {
      this.prefixes = this.prefixes.filter((one) => one.until > now);
      this.routes = this.routes.filter((one) => one.until > now);
      next = Math.min(soonest(this.prefixes), soonest(this.routes));
      this.changed();
    }
    // Backwards: one that goes is taken out on the way.
    for (let i = this.routers.length - 1; i >= 0; i--) {
      const router = this.routers[i] as Router;
      if (router.defaultUntil > now) next = Math.min(next, router.defaultUntil);
      else if (!this.routes.some((one) => one.router === router)) this.forget(router);
    }
    return next;
  }
}

/** When the first of them ends, ms. */
function soonest(list: readonly Prefix[]): number {
  let next = Number.POSITIVE_INFINITY;
  for (const one of list) if (one.until < next) next = one.until;
  return next;
}
