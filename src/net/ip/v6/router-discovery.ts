/**
 * Router discovery (RFC 4861 6.3): solicitations with the backoff of RFC 7559, and what an advertisement says of the
 * link.
 */
import { dropReason } from '../../drops.js';
import { copyMac } from '../../wire/ethernet.js';
import { ROUTER_SOLICITATION } from '../../wire/icmpv6.js';
import { ALL_ROUTERS, IPV6_MIN_MTU, isLinkLocal, SOURCE_AT } from '../../wire/ipv6.js';
import { SOURCE_LINK_ADDRESS } from '../../wire/nd.js';
import { ADVERTISEMENT_LENGTH, type RouterAdvertisement, readAdvertisement } from '../../wire/router-advertisement.js';
import type { OwnAddresses } from './addresses.js';
import { type Advertised, type Advertiser, advertisedAgain, FairShare, SETTLING, stationOf } from './fair-share.js';
import type { Link6 } from './link.js';
import type { Neighbours6 } from './neighbours.js';
import type { Ipv6Output } from './output.js';
import type { OwnPackets } from './own-packets.js';
import type { Routers } from './routers.js';

const MALFORMED = dropReason('nd-malformed');
const SOURCE_INVALID = dropReason('nd-source-invalid');
const TABLE_FULL = dropReason('nd-table-full');

/** RFC 4861 10: before the first solicitation, ms. */
const MAX_DELAY = 1000;
/** RFC 7559 2, ms. */
const FIRST_INTERVAL = 4000;
const LONGEST_INTERVAL = 3_600_000;

/** Bytes from the sender's MAC address to the IPv6 header. */
const SOURCE_MAC_BEFORE = 8;
const SOLICITATION_LENGTH = 8;
const LINK_OPTION = 8;

/** A resolver that a router advertises (RFC 8106). */
export interface Resolver extends Advertised {
  readonly address: Uint8Array;
  /** ms; `Infinity`: it never ends. */
  until: number;
}

/** RFC 8106 5.3.1 asks for three at least. */
const MOST_RESOLVERS = 8;
const RESOLVERS_OF_ONE = 4;

/** The parts that an advertisement concerns. */
export interface RouterParts {
  readonly addresses: OwnAddresses;
  readonly neighbours: Neighbours6;
  readonly routers: Routers;
  readonly output: Ipv6Output;
  readonly packets: OwnPackets;
}

export class RouterDiscovery {
  /** Advertised name servers that are good now, the newest last. */
  resolvers: Resolver[] = [];
  /** Those of a DHCPv6 server. */
  fromDhcp: readonly Uint8Array[] = [];
  /** Gets each valid advertisement. */
  onAdvertisement: ((advertisement: RouterAdvertisement, who: Advertiser) => void) | undefined = undefined;
  private solicitAt = Number.POSITIVE_INFINITY;
  /** A default router has answered. */
  private answered = false;
  private interval = 0;
  /** When routers are asked for what found no room; when they were asked last. */
  private againAt = Number.POSITIVE_INFINITY;
  private askedAt = Number.NEGATIVE_INFINITY;
  private readonly allRouters: number;
  private readonly shares: FairShare;

  constructor(
    private readonly link: Link6,
    private readonly parts: RouterParts,
  ) {
    this.allRouters = link.peers.intern(ALL_ROUTERS);
    link.peers.hold(this.allRouters);
    this.shares = new FairShare(link.random, MOST_RESOLVERS, RESOLVERS_OF_ONE);
  }

  private random(): number {
    return (this.link.random.random32() >>> 0) / 2 ** 32;
  }

  /** Asks for routers until one answers: without limit, ever more seldom. */
  start(): void {
    this.interval = 0;
    this.answered = false;
    this.solicitAt = this.link.now + this.random() * MAX_DELAY;
  }

  stop(): void {
    this.solicitAt = this.againAt = Number.POSITIVE_INFINITY;
    this.answered = false;
  }

  /**
   * What a router advertised found no room: those that are there are asked for it once there may be some. So a flood
   * that is over by then hides nothing until the router speaks by itself, which may take half an hour (RFC 4861 6.2.1).
   */
  askAgain(): void {
    if (this.againAt !== Number.POSITIVE_INFINITY) return;
    this.againAt = Math.max(this.link.now + SETTLING, this.askedAt + FIRST_INTERVAL);
  }

  /** Whether no router has answered, and we ask on. */
  get asking(): boolean {
    return this.solicitAt !== Number.POSITIVE_INFINITY;
  }

  private solicit(): void {
    const { link, parts } = this;
    const source = parts.addresses.linkLocal;
    // RFC 4861 4.1: without an address the option may not be there, and a router would not know which host to answer.
    // So the solicitation waits.
    if (source === undefined) {
      this.solicitAt = link.now + MAX_DELAY;
      return;
    }
    this.ask(source.handle);
    // RFC 7559 2.1, RFC 8415 15: each interval twice the one before, with a random share, and bounded.
    const share = 1 + (this.random() - 0.5) / 5;
    const next = this.interval === 0 ? FIRST_INTERVAL : Math.min(this.interval * 2, LONGEST_INTERVAL);
    this.interval = next;
    this.solicitAt = link.now + next * share;
  }

  /** RFC 4861 4.1. */
  private ask(source: number): void {
    const { link, parts } = this;
    this.askedAt = link.now;
    const at = parts.packets.begin(ROUTER_SOLICITATION, SOLICITATION_LENGTH + LINK_OPTION);
    const { head } = link.tx;
    head[at + SOLICITATION_LENGTH] = SOURCE_LINK_ADDRESS;
    head[at + SOLICITATION_LENGTH + 1] = 1;
    copyMac(head, at + SOLICITATION_LENGTH + 2, link.device.mac);
    parts.packets.send(source, this.allRouters, SOLICITATION_LENGTH + LINK_OPTION);
  }

  /** An advertisement, `bytes[start..end)`; hop limit and code are right (RFC 4861 6.1.2, 6.3.4). */
  input(bytes: Uint8Array, ip: number, start: number, end: number, source: number): void {
    const { link, parts } = this;
    const { drops, now } = link;
    if (!isLinkLocal(bytes, ip + SOURCE_AT)) return drops.count(SOURCE_INVALID, bytes, ip, end);
    const advertisement = end - start < ADVERTISEMENT_LENGTH ? undefined : readAdvertisement(bytes, start, end);
    if (advertisement === undefined) return drops.count(MALFORMED, bytes, ip, end);
    const { hopLimit, reachable, retrans, macAt, mtu, lifetime } = advertisement;
    const who = this.advertiser(bytes, ip, source);
    if (hopLimit > 0) parts.output.hopLimit = hopLimit;
    parts.neighbours.parameters(reachable, retrans);
    if (macAt >= 0 && (bytes[macAt] & 1) === 0) parts.neighbours.heard(source, bytes, macAt, now).router = true;
    if (mtu >= IPV6_MIN_MTU) parts.output.setLinkMtu(mtu);
    if (!this.takeRoutes(advertisement, who, source)) link.drops.count(TABLE_FULL, bytes, ip, end);
    this.takeResolvers(advertisement, who);
    this.onAdvertisement?.(advertisement, who);
    if (lifetime === 0) return;
    this.solicitAt = Number.POSITIVE_INFINITY;
    this.answered = true;
  }

  /** The sender of the frame, as it is known before this advertisement. */
  private advertiser(bytes: Uint8Array, ip: number, source: number): Advertiser {
    const { routers, neighbours } = this.parts;
    const station = stationOf(bytes, ip - SOURCE_MAC_BEFORE);
    const gateway = routers.gateway();
    const mac = gateway === undefined ? undefined : neighbours.find(gateway.handle)?.mac;
    const known = mac === undefined ? undefined : stationOf(mac, 0);
    // One that speaks with the gateway's MAC address under another name is the gateway's station, but not the gateway.
    return { station, gateway: known === station && gateway?.handle !== source ? undefined : known };
  }

  /** False: there is no room for another router. */
  private takeRoutes(
    { lifetime, preference, prefixes, routes }: RouterAdvertisement,
    who: Advertiser,
    source: number,
  ): boolean {
    const { link, parts } = this;
    const { routers } = parts;
    const until = (seconds: number): number => link.now + seconds * 1000;
    for (const { bytes: prefix, length, onLink, valid } of prefixes) {
      if (onLink && !isLinkLocal(prefix)) routers.setPrefix(prefix, length, until(valid), who);
    }
    // RFC 4191 3.1: a route of length 0 is the default, and says more than the header.
    const named = routes.find((one) => one.length === 0);
    const seconds = routers.fixed ? 0 : (named?.lifetime ?? lifetime);
    const specific = routes.filter((one) => one.length > 0);
    if (seconds === 0 && !routers.isRouter(source) && !specific.some((one) => one.lifetime > 0)) return true;
    const defaultUntil = seconds === 0 ? Number.NEGATIVE_INFINITY : until(seconds);
    const router = routers.setDefault(source, defaultUntil, named?.preference ?? preference, who);
    if (router === undefined) return false;
    for (const one of specific) routers.setRoute(one, router, until(one.lifetime), one.preference, who);
    return true;
  }

  /** Resolvers of a DHCPv6 server, which replace each other; they are good until it says others. */
  learnResolvers(addresses: readonly Uint8Array[]): void {
    this.fromDhcp = addresses.slice(0, MOST_RESOLVERS);
  }

  /** RFC 8106 5.1, 5.3. */
  private takeResolvers({ resolvers }: RouterAdvertisement, who: Advertiser): void {
    const { now } = this.link;
    this.resolvers = this.resolvers.filter((one) => one.until > now);
    for (const { addresses, lifetime } of resolvers) {
      for (const address of addresses) {
        const until = now + lifetime * 1000;
        const known = this.resolvers.find((one) => one.address.every((byte, i) => byte === address[i]));
        if (known !== undefined) {
          known.until = until;
          advertisedAgain(known, who);
        } else if (lifetime > 0) {
          const room = this.shares.room(this.resolvers, who, now, () => true);
          if (room === undefined) continue;
          if (room !== true) this.resolvers.splice(this.resolvers.indexOf(room), 1);
          this.resolvers.push({ address, until, by: who.station, since: now });
        }
      }
    }
    this.resolvers = this.resolvers.filter((one) => one.until > now);
  }

  poll(now: number): number {
    // The last router has gone: another one may be there, and would not know of us.
    if (this.answered && !this.parts.routers.fixed && this.parts.routers.defaults(now).length === 0) this.start();
    if (this.solicitAt <= now) this.solicit();
    if (this.againAt <= now) {
      this.againAt = Number.POSITIVE_INFINITY;
      const { linkLocal } = this.parts.addresses;
      if (linkLocal !== undefined) this.ask(linkLocal.handle);
    }
    let next = Math.min(this.solicitAt, this.againAt);
    for (const one of this.resolvers) next = Math.min(next, one.until);
    if (next <= now) {
      this.resolvers = this.resolvers.filter((one) => one.until > now);
      return this.poll(now);
    }
    return next;
  }
}
