/**
 * A DHCPv6 client (RFC 8415 18.2): addresses where routers say that they are had so, other configuration where that is
 * all. One association of addresses, renewed, rebound, given back; an address that another host has is declined.
 */
import { TokenBucket } from '../ip/contracts/token-bucket.js';
import type { Random } from '../random.js';
import {
  ADVERTISE,
  buildDhcpv6,
  DECLINE_6,
  type Dhcpv6Message,
  duidOf,
  INFORMATION_REQUEST,
  type LeasedAddress,
  NO_BINDING,
  REBIND,
  RELEASE_6,
  RENEW,
  REPLY_6,
  REQUEST_6,
  readDhcpv6,
  SOLICIT,
  SUCCESS,
} from '../wire/dhcpv6.js';
import type { Ipv6Bytes } from '../wire/ipv6.js';
import { int32At } from '../wire/tcp.js';
import { type Pace, Retransmission6 } from './retransmission.js';

/** RFC 8415 7.6. */
const SOL_MAX_DELAY = 1000;
const SOLICITS: Pace = { first: 1000, longest: 3_600_000, count: Number.POSITIVE_INFINITY };
const REQUESTS: Pace = { first: 1000, longest: 30_000, count: 10 };
const RENEWALS: Pace = { first: 10_000, longest: 600_000, count: Number.POSITIVE_INFINITY };
const DECLINES: Pace = { first: 1000, longest: Number.POSITIVE_INFINITY, count: 4 };
const INFORMATIONS: Pace = { first: 1000, longest: 3_600_000, count: Number.POSITIVE_INFINITY };
/** RFC 8415 21.23, seconds. */
const REFRESH_DEFAULT = 86_400;
const REFRESH_LEAST = 600;
/** RFC 7083 4: what a server may set the longest waits to, seconds. */
const LEAST_MAX_RT = 60;
const MOST_MAX_RT = 86_400;

/**
 * RFC 8415 14.1: messages that leave in a second in the long run, and at once: a server whose answers have us ask again
 * at once does not get a loop.
 */
const [RATE, BURST] = [1, 20];

export type Dhcpv6State =
  | 'off'
  | 'soliciting'
  | 'requesting'
  | 'bound'
  | 'renewing'
  | 'rebinding'
  | 'declining'
  | 'informing'
  | 'informed';

/** What goes to a program that takes this one's place. Times in ms from now; -1: never. */
export interface CarriedLease6 {
  readonly server: readonly number[];
  readonly renewIn: number;
  readonly rebindIn: number;
}

export interface Dhcpv6Events {
  /** Sends a message to all servers of the link. */
  send(message: Uint8Array): void;
  /** These addresses are ours, for that long. When another host turns out to have one, report that by `taken`. */
  leased(addresses: readonly LeasedAddress[]): void;
  /** The server does not let us keep this one. */
  lost(address: Ipv6Bytes): void;
  resolvers(addresses: readonly Ipv6Bytes[]): void;
  event(sentence: string): void;
}

export class Dhcpv6Client {
  state: Dhcpv6State = 'off';
  private readonly duid: Uint8Array;
  private readonly iaid: number;
  private readonly retransmission: Retransmission6;
  private transaction = 0;
  private server: Uint8Array | undefined = undefined;
  private best: Dhcpv6Message | undefined = undefined;
  private addresses: readonly LeasedAddress[] = [];
  /** When to renew, to ask any server, and when the last address ends; ms. */
  private renewAt = Number.POSITIVE_INFINITY;
  private rebindAt = Number.POSITIVE_INFINITY;
  private endsAt = Number.POSITIVE_INFINITY;
  private declined: Ipv6Bytes[] = [];
  private solicits = SOLICITS;
  private informations = INFORMATIONS;
  private readonly rate = new TokenBucket(RATE, BURST);
  /** An answer to the last question was a refusal, and that was told. */
  private told = false;

  /** `mac`: six bytes, by which servers know us. */
  constructor(
    mac: Uint8Array,
    private readonly random: Random,
    private readonly events: Dhcpv6Events,
  ) {
    this.duid = duidOf(mac);
    this.iaid = int32At(mac, 2);
    this.retransmission = new Retransmission6(random);
  }

  /** A router says that addresses (`managed`), or other configuration, are had from servers. */
  advertised(managed: boolean, other: boolean, now: number): void {
    const stateless = this.state === 'informing' || this.state === 'informed';
    if (managed && (this.state === 'off' || stateless)) this.solicit(now);
    else if (!managed && other && this.state === 'off') {
      this.begin('informing', this.informations, now, this.chance() * SOL_MAX_DELAY);
    }
  }

  private chance(): number {
    return (this.random.random32() >>> 0) / 2 ** 32;
  }

  private begin(state: Dhcpv6State, pace: Pace, now: number, delay = 0): void {
    this.state = state;
    this.transaction = this.random.random32() & 0xff_ffff;
    this.retransmission.begin(pace, now, delay);
  }

  private solicit(now: number): void {
    this.best = undefined;
    this.server = undefined;
    this.addresses = [];
    this.renewAt = this.rebindAt = this.endsAt = Number.POSITIVE_INFINITY;
    this.begin('soliciting', this.solicits, now, this.chance() * SOL_MAX_DELAY);
  }

  /** A datagram that came to the client's port. */
  input(bytes: Uint8Array, start: number, end: number, now: number): void {
    const message = readDhcpv6(bytes, start, end, this.iaid);
    if (message === undefined || message.transaction !== this.transaction || message.server === undefined) return;
    // RFC 8415 16.3, 16.10: for us, and nothing that waits to be asked.
    const { client } = message;
    if (client === undefined || client.length !== this.duid.length || !client.every((one, i) => one === this.duid[i]))
      return;
    this.limits(message);
    if (message.type === ADVERTISE && this.state === 'soliciting') this.offered(message, now);
    else if (message.type === REPLY_6) this.replied(message, now);
  }

  /** RFC 7083. */
  private limits({ solMaxRt, infMaxRt }: Dhcpv6Message): void {
    const good = (value: number | undefined): value is number =>
      value !== undefined && value >= LEAST_MAX_RT && value <= MOST_MAX_RT;
    if (good(solMaxRt)) this.solicits = { ...SOLICITS, longest: solMaxRt * 1000 };
    if (good(infMaxRt)) this.informations = { ...INFORMATIONS, longest: infMaxRt * 1000 };
  }

  /** RFC 8415 18.2.9. */
  private offered(message: Dhcpv6Message, now: number): void {
    const { association, status } = message;
    if (status !== SUCCESS || association === undefined || association.addresses.length === 0) return;
    if (this.best === undefined || message.preference > this.best.preference) this.best = message;
    // RFC 8415 18.2.1: the first second is for others; the highest preference, and what comes later, is taken at once.
    if (message.preference === 255 || this.retransmission.asked > 1) this.request(now);
  }

  private request(now: number): void {
    const { best } = this;
    if (best === undefined) return;
    this.server = best.server;
    this.addresses = best.association?.addresses ?? [];
    this.begin('requesting', REQUESTS, now);
  }

  private replied(message: Dhcpv6Message, now: number): void {
    const { state } = this;
    if (state === 'informing') return this.informed(message, now);
    if (state === 'declining') return this.solicit(now);
    const rapid = state === 'soliciting' && message.rapidCommit;
    if (!rapid && state !== 'requesting' && state !== 'renewing' && state !== 'rebinding') return;
    const { association, status } = message;
    const refused = association === undefined || association.status !== SUCCESS || association.addresses.length === 0;
    if (status !== SUCCESS || refused) return this.refused(association?.status ?? status, now);
    this.server = message.server;
    this.take(association.addresses, association.t1, association.t2, now);
    this.events.resolvers(message.dnsServers);
  }

  /** RFC 8415 18.2.10.1. */
  private refused(status: number, now: number): void {
    if (!this.told) this.events.event(`DHCPv6: the server gives no address (status ${status})`);
    this.told = true;
    // RFC 8415 18.2.10.1: what it does not know it is asked for anew; other refusals wait for the next question.
    if (status === NO_BINDING && (this.state === 'renewing' || this.state === 'rebinding')) {
      this.begin('requesting', REQUESTS, now);
    } else if (this.state === 'requesting') this.solicit(now);
  }

  private take(leased: readonly LeasedAddress[], t1: number, t2: number, now: number): void {
    const kept = leased.filter(({ valid }) => valid > 0);
    for (const old of this.addresses) {
      if (this.state !== 'requesting' && !kept.some((one) => same(one.address, old.address)))
        this.events.lost(old.address);
    }
    if (kept.length === 0) return this.solicit(now);
    this.addresses = kept;
    const preferred = Math.min(...kept.map((one) => one.preferred));
    // RFC 8415 21.4: times that are left to the client, or contradict each other.
    const renew = t1 > 0 && (t2 === 0 || t1 <= t2) ? t1 : preferred * 0.5;
    const rebind = t2 > 0 && t2 >= renew ? t2 : Math.max(preferred * 0.8, renew);
    this.renewAt = now + renew * 1000;
    this.rebindAt = now + rebind * 1000;
    this.endsAt = now + Math.max(...kept.map((one) => one.valid)) * 1000;
    this.state = 'bound';
    this.retransmission.rest();
    this.events.leased(kept);
  }

  private informed({ dnsServers, refresh = REFRESH_DEFAULT }: Dhcpv6Message, now: number): void {
    this.state = 'informed';
    this.retransmission.rest();
    this.renewAt = now + Math.max(refresh, REFRESH_LEAST) * 1000;
    this.events.resolvers(dnsServers);
  }

  /** Another host has an address that was leased to us (RFC 8415 18.2.8). */
  taken(address: Ipv6Bytes, now: number): void {
    if (!this.addresses.some((one) => same(one.address, address))) return;
    this.declined = [address];
    this.begin('declining', DECLINES, now);
  }

  poll(now: number): number {
    if (this.state === 'informed' && this.renewAt <= now) this.begin('informing', this.informations, now);
    else if (this.addresses.length > 0 && this.endsAt <= now && this.state !== 'declining') {
      this.events.event('DHCPv6: the lease has ended, and no server extends it');
      this.solicit(now);
    } else if (this.state === 'bound' && this.renewAt <= now) this.begin('renewing', RENEWALS, now);
    else if (this.state === 'renewing' && this.rebindAt <= now) this.begin('rebinding', RENEWALS, now);
    if (this.retransmission.due <= now) this.ask(now);
    return this.next;
  }

  private get next(): number {
    const { state } = this;
    if (state === 'off') return Number.POSITIVE_INFINITY;
    if (state === 'informed') return this.renewAt;
    if (state === 'bound') return Math.min(this.renewAt, this.endsAt);
    const limit = state === 'renewing' ? this.rebindAt : state === 'rebinding' ? this.endsAt : Number.POSITIVE_INFINITY;
    return Math.min(this.retransmission.due, limit);
  }

  private ask(now: number): void {
    const { retransmission } = this;
    // The first second is over, and there is an offer.
    if (this.state === 'soliciting' && this.best !== undefined) this.request(now);
    if (retransmission.exhausted) return this.solicit(now);
    if (!this.rate.take(now)) {
      retransmission.due = now + 1000 / RATE;
      return;
    }
    this.told = false;
    this.events.send(this.question(now));
    retransmission.sent(now, this.state === 'soliciting');
  }

  private question(now: number): Uint8Array {
    const { state, transaction, duid: client, server, iaid } = this;
    const common = {
      transaction,
      client,
      elapsed: this.retransmission.asked === 0 ? 0 : now - this.retransmission.began,
    };
    const addresses = this.addresses.map(({ address }) => address);
    switch (state) {
      case 'soliciting':
        return buildDhcpv6({ ...common, type: SOLICIT, iaid, rapidCommit: true });
      case 'requesting':
        return buildDhcpv6({ ...common, type: REQUEST_6, server, iaid, addresses });
      case 'renewing':
        return buildDhcpv6({ ...common, type: RENEW, server, iaid, addresses });
      case 'rebinding':
        return buildDhcpv6({ ...common, type: REBIND, iaid, addresses });
      case 'declining':
        return buildDhcpv6({ ...common, type: DECLINE_6, server, iaid, addresses: this.declined });
      default:
        return buildDhcpv6({ ...common, type: INFORMATION_REQUEST });
    }
  }

  /** Gives the addresses back (RFC 8415 18.2.7): once, since a program that ends does not wait for the answer. */
  stop(): void {
    const { addresses, server } = this;
    const held = this.state === 'bound' || this.state === 'renewing' || this.state === 'rebinding';
    this.state = 'off';
    this.retransmission.rest();
    if (!held || server === undefined) return;
    const transaction = this.random.random32() & 0xff_ffff;
    const common = { type: RELEASE_6, transaction, client: this.duid, server, elapsed: 0, iaid: this.iaid };
    this.events.send(buildDhcpv6({ ...common, addresses: addresses.map(({ address }) => address) }));
  }

  /** What another program goes on with; undefined: there is no lease. */
  leave(now: number): CarriedLease6 | undefined {
    const { server } = this;
    if (server === undefined || this.addresses.length === 0) return undefined;
    const until = (time: number): number => (time === Number.POSITIVE_INFINITY ? -1 : Math.max(0, time - now));
    return { server: [...server], renewIn: until(this.renewAt), rebindIn: until(this.rebindAt) };
  }

  /** Goes on with a lease that a predecessor had, `elapsed` ms ago. `addresses`: lifetimes in seconds from now. */
  adopt(lease: CarriedLease6, addresses: readonly LeasedAddress[], now: number, elapsed: number): void {
    const at = (left: number): number => (left < 0 ? Number.POSITIVE_INFINITY : now + left - elapsed);
    if (addresses.length === 0) return;
    this.server = Uint8Array.from(lease.server);
    this.addresses = addresses;
    this.renewAt = at(lease.renewIn);
    this.rebindAt = at(lease.rebindIn);
    this.endsAt = now + Math.max(...addresses.map(({ valid }) => valid)) * 1000;
    this.state = 'bound';
  }
}

function same(a: Ipv6Bytes, b: Ipv6Bytes): boolean {
  return a.every((byte, i) => byte === b[i]);
}
