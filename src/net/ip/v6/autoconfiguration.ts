/**
 * The life of this host's IPv6 addresses: the link-local one, those given by hand, those of advertised prefixes (RFC
 * 4862 5) and those of a DHCPv6 server; looked for duplicates, announced, deprecated, removed.
 */
import { dropReason } from '../../drops.js';
import { ALL_NODES, type Ipv6Bytes, isLinkLocal, samePrefix, solicitedNode } from '../../wire/ipv6.js';
import type { AdvertisedPrefix, RouterAdvertisement } from '../../wire/router-advertisement.js';
import { DEPRECATED, type Origin, type OwnAddress, type OwnAddresses, PREFERRED, TENTATIVE } from './addresses.js';
import type { Duplicates } from './duplicates.js';
import { type Advertiser, advertisedAgain, FairShare, OPERATOR, type Station } from './fair-share.js';
import type { Groups } from './groups.js';
import type { Link6 } from './link.js';
import type { StableIds } from './stable-id.js';

const TABLE_FULL = dropReason('nd-table-full');

/** RFC 4862 5.5.3 (e): less than this an unauthenticated advertisement does not take from a lifetime, ms. */
const TWO_HOURS = 7_200_000;
/** RFC 7217 6: further identifiers after a duplicate. */
const IDGEN_RETRIES = 3;
/** Prefixes that addresses are made of; those of one station. */
const MOST_PREFIXES = 16;
const PREFIXES_OF_ONE = 8;
/** RFC 4861 7.2.6: announcements of an address, and ms between them. */
const ANNOUNCEMENTS = 2;
const ANNOUNCE_INTERVAL = 1000;
const LINK_LOCAL: Ipv6Bytes = Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

export interface AddressEvents6 {
  /** It serves from now on. */
  assigned(address: OwnAddress): void;
  /** Preferred again, or deprecated. */
  changed(address: OwnAddress): void;
  /** It is not ours any more. */
  lost(address: OwnAddress): void;
  /** Another host has it, at `mac`: it is not used. */
  duplicate(address: OwnAddress, mac: Uint8Array): void;
  /** A router would have addresses made of a prefix that they cannot be made of. */
  unusable(prefix: Ipv6Bytes, length: number): void;
}

interface Announcing {
  readonly address: OwnAddress;
  left: number;
  due: number;
}

export class Autoconfiguration {
  events: AddressEvents6 = { assigned() {}, changed() {}, lost() {}, duplicate() {}, unusable() {} };
  /** Makes addresses; undefined: IPv6 is off. */
  ids: StableIds | undefined = undefined;
  /** Addresses are made of advertised prefixes. */
  slaac = false;
  /** Another program of this host announces its addresses. */
  silent = false;
  private announcing: Announcing[] = [];
  /** Duplicates that a prefix has had, by its text. */
  private readonly duplicatesOf = new Map<string, number>();
  private readonly shares: FairShare;
  /** The interface has sent nothing yet. */
  private first = true;

  constructor(
    private readonly link: Link6,
    private readonly addresses: OwnAddresses,
    private readonly groups: Groups,
    private readonly duplicates: Duplicates,
    private readonly announce: (address: OwnAddress) => void,
  ) {
    this.shares = new FairShare(link.random, MOST_PREFIXES, PREFIXES_OF_ONE);
  }

  /** IPv6 begins: the group of all nodes, and an address for the link. `known`: no duplicate detection is needed. */
  start(ids: StableIds, known: boolean): void {
    this.ids = ids;
    this.groups.join(ALL_NODES);
    this.add(ids.address(LINK_LOCAL, 0), 64, 'link-local', { known });
  }

  /** Takes an address; undefined: it is there already, or there are too many. */
  add(
    bytes: Ipv6Bytes,
    prefix: number,
    origin: Origin,
    options: {
      readonly known?: boolean;
      readonly anycast?: boolean;
      readonly valid?: number;
      readonly preferred?: number;
      readonly by?: Station;
    },
  ): OwnAddress | undefined {
    const { known = false, anycast = false } = options;
    const one = this.addresses.add(bytes, prefix, origin, anycast);
    if (one === undefined) return undefined;
    one.by = options.by ?? OPERATOR;
    one.validUntil = options.valid ?? Number.POSITIVE_INFINITY;
    one.preferredUntil = options.preferred ?? Number.POSITIVE_INFINITY;
    if (anycast) {
      // RFC 4862 5.4: no duplicate detection for anycast addresses.
      this.assign(one);
      return one;
    }
    this.groups.join(solicitedNode(bytes));
    if (known) this.assign(one);
    else this.duplicates.start(one, this.first);
    this.first = false;
    return one;
  }

  /** RFC 4862 5.4.5, RFC 7217 6: another host has it. */
  taken(one: OwnAddress, mac: Uint8Array): void {
    this.discard(one);
    this.events.duplicate(one, mac);
    if ((one.origin !== 'slaac' && one.origin !== 'link-local') || this.ids === undefined) return;
    const key = one.bytes.subarray(0, 8).join('.');
    const count = (this.duplicatesOf.get(key) ?? 0) + 1;
    this.duplicatesOf.set(key, count);
    if (count > IDGEN_RETRIES) return;
    const { validUntil: valid, preferredUntil: preferred, by } = one;
    this.add(this.ids.address(one.bytes, count), one.prefix, one.origin, { valid, preferred, by });
  }

  /** It is ours: duplicate detection found no other host with it. */
  assign(one: OwnAddress): void {
    this.addresses.assign(one);
    if (one.origin === 'link-local') this.groups.again();
    if (one.preferredUntil <= this.link.now) one.state = DEPRECATED;
    if (!one.anycast && !this.silent) {
      this.announce(one);
      this.announcing.push({ address: one, left: ANNOUNCEMENTS - 1, due: this.link.now + ANNOUNCE_INTERVAL });
    }
    this.events.assigned(one);
  }

  private discard(one: OwnAddress): void {
    this.duplicates.stop(one);
    this.announcing = this.announcing.filter(({ address }) => address !== one);
    // First, since routers take no report of a host without a link-local address (RFC 3810 5.2.13).
    if (!one.anycast) this.groups.leave(solicitedNode(one.bytes));
    this.addresses.remove(one);
  }

  /** It is not ours any more: what lives on it ends. */
  remove(one: OwnAddress): void {
    const served = one.state !== TENTATIVE;
    this.discard(one);
    if (served) this.events.lost(one);
  }

  /** All of them, and the groups. */
  stop(): void {
    const all = [...this.addresses];
    for (const one of all) if (one.origin !== 'link-local') this.discard(one);
    for (const one of all) if (one.origin === 'link-local') this.discard(one);
    this.groups.leave(ALL_NODES);
    this.ids = undefined;
  }

  /** Another time to live, ms. */
  refresh(one: OwnAddress, valid: number, preferred: number): void {
    one.validUntil = valid;
    one.preferredUntil = preferred;
    if (one.state === TENTATIVE) return;
    const state = preferred > this.link.now ? PREFERRED : DEPRECATED;
    if (state === one.state) return;
    one.state = state;
    this.events.changed(one);
  }

  /** RFC 4862 5.5.3. False: a prefix found no room. */
  advertised({ prefixes }: RouterAdvertisement, who: Advertiser): boolean {
    let room = true;
    if (!this.slaac) return room;
    for (const prefix of prefixes) if (prefix.autonomous && !this.prefix(prefix, who)) room = false;
    return room;
  }

  private prefix({ bytes, length, valid, preferred }: AdvertisedPrefix, who: Advertiser): boolean {
    // (b), (c), (d): none of the link's own; no inconsistent lifetimes; identifiers have 64 bits.
    if (this.ids === undefined || isLinkLocal(bytes) || preferred > valid) return true;
    if (length !== 64) {
      this.events.unusable(bytes, length);
      return true;
    }
    const { now } = this.link;
    const validUntil = now + valid * 1000;
    const preferredUntil = now + preferred * 1000;
    const mine = [...this.addresses].filter((one) => one.origin === 'slaac');
    const known = mine.find((one) => samePrefix(one.bytes, 0, bytes, 0, 64));
    if (known !== undefined) {
      advertisedAgain(known, who);
      // (e): a station that cannot prove to be a router shortens it to no less than two hours.
      const remaining = known.validUntil - now;
      let until = validUntil;
      if (valid * 1000 <= TWO_HOURS && validUntil <= known.validUntil) {
        until = remaining <= TWO_HOURS ? known.validUntil : now + TWO_HOURS;
      }
      this.refresh(known, until, Math.min(preferredUntil, until));
      return true;
    }
    if (valid === 0) return true;
    const counted = this.duplicatesOf.get(bytes.subarray(0, 8).join('.')) ?? 0;
    if (counted > IDGEN_RETRIES) return true;
    // What lives on an address keeps it.
    const room = this.shares.room(mine, who, now, (one) => !this.addresses.inUse(one));
    if (room === undefined) {
      this.link.drops.count(TABLE_FULL);
      return false;
    }
    if (room !== true) this.remove(room);
    const times = { valid: validUntil, preferred: preferredUntil };
    this.add(this.ids.address(bytes, counted), 128, 'slaac', { ...times, by: who.station });
    return true;
  }

  poll(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    // Backwards: one that goes is taken out on the way.
    for (let i = this.addresses.count - 1; i >= 0; i--) {
      const one = this.addresses.at(i);
      if (one.validUntil <= now) {
        this.remove(one);
        continue;
      }
      next = Math.min(next, one.validUntil);
      if (one.state === PREFERRED && one.preferredUntil <= now) {
        one.state = DEPRECATED;
        this.events.changed(one);
      } else if (one.preferredUntil > now) next = Math.min(next, one.preferredUntil);
    }
    if (this.announcing.length === 0) return next;
    for (const one of [...this.announcing]) {
      if (one.due <= now) {
        one.left--;
        one.due = now + ANNOUNCE_INTERVAL;
        this.announce(one.address);
        if (one.left === 0) this.announcing.splice(this.announcing.indexOf(one), 1);
      }
      if (one.left > 0) next = Math.min(next, one.due);
    }
    return next;
  }
}
