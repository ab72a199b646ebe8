/** The DHCP client's state machine (RFC 2131 4.4, figure 5). */
import { dropReason } from '../../drops.js';
import type { Ipv4 } from '../../ip-output.js';
import { formatIpv4, formatMac } from '../../wire/address.js';
import {
  ACK,
  buildDhcp,
  DECLINE,
  DHCP_CLIENT_PORT,
  DHCP_SERVER_PORT,
  type DhcpReply,
  DISCOVER,
  NAK,
  OFFER,
  parseDhcp,
  RELEASE,
  REQUEST,
} from '../../wire/dhcp.js';
import { sameMac } from '../../wire/ethernet.js';
import { putInt32 } from '../../wire/tcp.js';
import type { Stack } from '../stack.js';
import type { UdpPort } from '../udp.js';
import { hostAddress, type Lease, type LeaseMemory, leaseOf } from './lease.js';

const MALFORMED = dropReason('dhcp-malformed');
const NOT_FOR_US = dropReason('dhcp-not-for-us');
const UNEXPECTED = dropReason('dhcp-unexpected');

export type DhcpState =
  | 'INIT'
  | 'INIT-REBOOT'
  | 'SELECTING'
  | 'REQUESTING'
  | 'REBOOTING'
  | 'CHECKING'
  | 'BOUND'
  | 'RENEWING'
  | 'REBINDING'
  | 'STOPPED';

/** Options that we ask for (55): netmask, routes, router, DNS, host, domain, MTU, broadcast, NTP, T1, T2. */
const WANTED = Uint8Array.of(1, 121, 3, 6, 12, 15, 26, 28, 42, 51, 54, 58, 59);
/** RFC 2131 4.1: 4, 8, 16, 32, 64 s, each randomised by a second. */
const FIRST_WAIT = 4000;
const LONGEST_WAIT = 64_000;
/** RFC 2131 4.4.5. */
const SMALLEST_RENEWAL = 60_000;
/** RFC 2131 3.1 (5): after DECLINE. */
const AFTER_DECLINE = 10_000;
/** Requests in REQUESTING (RFC 2131 3.1 (5): four, a minute in all) and in REBOOTING before the client starts over. */
const REQUESTS = 4;
const REBOOTS = 1;

export interface DhcpOptions {
  readonly stack: Stack;
  readonly hostname?: string | undefined;
  readonly memory?: LeaseMemory | undefined;
  /** The address was learnt, changed, or lost (undefined). The stack is configured before it is called. */
  readonly onLease?: (lease: Lease | undefined) => void;
  /** What happens, in words for a log. */
  readonly onEvent?: (sentence: string) => void;
  /** What the operator should know of: no server, a refusal, a conflict, an expired lease. Default: `onEvent`. */
  readonly onTrouble?: (sentence: string) => void;
  /** How a new address is probed (RFC 5227): how often, ms apart. */
  readonly probes?: number;
  readonly probeInterval?: number;
}

function sameRoutes(one: Lease['routes'], two: Lease['routes']): boolean {
  return JSON.stringify(one ?? []) === JSON.stringify(two ?? []);
}

export class DhcpClient {
  state: DhcpState = 'INIT';
  lease: Lease | undefined = undefined;
  private readonly stack: Stack;
  private readonly options: DhcpOptions;
  private port: UdpPort | undefined = undefined;
  private xid = 0;
  private began = 0;
  private due = Number.POSITIVE_INFINITY;
  private wait = FIRST_WAIT;
  private attempts = 0;
  private asked = 0;
  /** What REQUESTING asks for, and of whom. */
  private wanted: Ipv4 = 0;
  private server: Ipv4 = 0;

  constructor(options: DhcpOptions) {
    this.options = options;
    this.stack = options.stack;
  }

  private say(sentence: string): void {
    this.options.onEvent?.(sentence);
  }

  private complain(sentence: string): void {
    (this.options.onTrouble ?? this.options.onEvent)?.(sentence);
  }

  private open(): void {
    this.port = this.stack.udp.bind(DHCP_CLIENT_PORT, (bytes, start, end, _source, port, _destination, at) => {
      if (port === DHCP_SERVER_PORT) this.receive(bytes, start, end, at);
      else this.stack.drops.count(UNEXPECTED, bytes, start, end);
    });
  }

  start(now: number): void {
    this.open();
    const remembered = this.options.memory?.load();
    this.stack.now = now;
    this.began = now;
    if (remembered !== undefined) {
      this.enter('INIT-REBOOT', now);
      this.wanted = remembered;
    } else this.enter('INIT', now);
    // RFC 2131 4.4.1 wants one to ten seconds of random delay; a server that starts alone waits for nobody.
    this.due = now;
  }

  /** Goes on with a lease that another client of this host had: nothing is asked for before it is due to be renewed. */
  adopt(lease: Lease, now: number): void {
    this.open();
    this.stack.now = now;
    this.began = now;
    this.lease = lease;
    this.state = 'BOUND';
    this.due = Number.POSITIVE_INFINITY;
    this.stack.configure(lease, now);
    this.stack.arp.announce(now);
    this.say(`goes on with ${formatIpv4(lease.address)}/${lease.prefix}`);
    this.options.onLease?.(lease);
  }

  /** Stops, and gives the lease to another client of this host: nothing is released. Undefined: there is none. */
  leave(now: number): Lease | undefined {
    const { lease } = this;
    this.stack.now = now;
    this.stack.arp.cancelProbe();
    this.lease = undefined;
    this.state = 'STOPPED';
    this.due = Number.POSITIVE_INFINITY;
    this.port?.close();
    return lease;
  }

  private enter(state: DhcpState, now: number): void {
    this.state = state;
    this.wait = FIRST_WAIT;
    this.attempts = 0;
    this.due = now;
  }

  private jitter(): number {
    return ((this.stack.random.random32() >>> 0) / 0x1_0000_0000) * 2000 - 1000;
  }

  /** The next retransmission: doubled, randomised (RFC 2131 4.1). */
  private backOff(now: number): void {
    this.due = now + this.wait + this.jitter();
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  /** Does what is due; answers when it wants to be called again. */
  poll(now: number): number {
    if (this.state === 'STOPPED') return Number.POSITIVE_INFINITY;
    const lease = this.lease;
    if (lease !== undefined && now >= lease.expiresAt) this.expire(now);
    else if (lease !== undefined && this.state === 'BOUND' && now >= lease.renewAt) this.enter('RENEWING', now);
    else if (lease !== undefined && this.state === 'RENEWING' && now >= lease.rebindAt) this.enter('REBINDING', now);
    if (this.due <= now) this.act(now);
    const held = this.lease;
    const next = held === undefined ? Number.POSITIVE_INFINITY : this.state === 'BOUND' ? held.renewAt : held.expiresAt;
    const rebind = held !== undefined && this.state === 'RENEWING' ? held.rebindAt : Number.POSITIVE_INFINITY;
    return Math.min(this.due, next, rebind);
  }

  private act(now: number): void {
    this.due = Number.POSITIVE_INFINITY;
    switch (this.state) {
      case 'INIT':
        this.newTransaction();
        this.began = now;
        this.state = 'SELECTING';
        this.discover(now);
        return;
      case 'SELECTING':
        this.attempts++;
        if (this.attempts === 1 || this.attempts % 4 === 0) {
          this.complain(
            `no DHCP server has answered for ${Math.round((now - this.began) / 1000)} s; asking again every ${Math.round(this.wait / 1000)} s, for ever`,
          );
        }
        this.discover(now);
        return;
      case 'INIT-REBOOT':
        this.newTransaction();
        this.state = 'REBOOTING';
        this.request(now);
        return;
      case 'REQUESTING':
      case 'REBOOTING':
        this.attempts++;
        if (this.attempts > (this.state === 'REBOOTING' ? REBOOTS : REQUESTS)) {
          this.enter('INIT', now);
          this.act(now);
        } else this.request(now);
        return;
      case 'RENEWING':
      case 'REBINDING':
        if (this.attempts++ === 0) this.newTransaction();
        this.request(now);
        return;
      default:
    }
  }

  private newTransaction(): void {
    this.xid = this.stack.random.random32();
  }

  private discover(now: number): void {
    this.say(this.attempts === 0 ? 'looking for a DHCP server' : 'looking for a DHCP server again');
    this.send(DISCOVER, 0, -1, now, []);
    this.backOff(now);
  }

  private request(now: number): void {
    const { lease } = this;
    this.asked = now;
    if (this.state === 'RENEWING' || this.state === 'REBINDING') {
      if (lease === undefined) return;
      // RFC 2131 4.3.2: neither server identifier nor requested address, `ciaddr` instead.
      const unicast = this.state === 'RENEWING';
      this.say(
        unicast
          ? `renewing ${formatIpv4(lease.address)} with ${formatIpv4(lease.server)}`
          : `asking any server to extend ${formatIpv4(lease.address)}`,
      );
      this.send(REQUEST, lease.address, unicast ? lease.server : -1, now, []);
      // RFC 2131 4.4.5: half of what remains, a minute at least.
      const limit = unicast ? lease.rebindAt : lease.expiresAt;
      this.due = Math.min(limit, now + Math.max((limit - now) / 2, Math.min(SMALLEST_RENEWAL, limit - now)));
      return;
    }
    const options: [number, Uint8Array][] = [[50, this.bytesOf(this.wanted)]];
    if (this.state === 'REQUESTING') options.push([54, this.bytesOf(this.server)]);
    this.say(`asking for ${formatIpv4(this.wanted)}`);
    this.send(REQUEST, 0, -1, now, options);
    this.backOff(now);
  }

  private bytesOf(address: Ipv4): Uint8Array {
    const bytes = new Uint8Array(4);
    putInt32(bytes, 0, address);
    return bytes;
  }

  private send(type: number, clientAddress: Ipv4, to: Ipv4, now: number, options: [number, Uint8Array][]): void {
    const { mac } = this.stack.device;
    const all: [number, Uint8Array][] = [[61, Uint8Array.of(1, ...mac)], ...options];
    if (type === DISCOVER || type === REQUEST) {
      all.push([57, Uint8Array.of(1500 >> 8, 1500 & 255)], [55, WANTED]);
      const { hostname } = this.options;
      if (hostname !== undefined && hostname !== '') all.push([12, new TextEncoder().encode(hostname).subarray(0, 63)]);
    }
    const secs = Math.floor((now - this.began) / 1000);
    this.port?.send(buildDhcp({ type, xid: this.xid, secs, clientAddress, mac, options: all }), to, DHCP_SERVER_PORT);
  }

  private receive(bytes: Uint8Array, start: number, end: number, now: number): void {
    const { drops } = this.stack;
    const { mac } = this.stack.device;
    if (end - start >= 34 && !sameMac(bytes, start + 28, mac)) return drops.count(NOT_FOR_US, bytes, start, end);
    const reply = parseDhcp(bytes, start, end, mac);
    if (reply === undefined) return drops.count(MALFORMED, bytes, start, end);
    if (reply.xid !== this.xid) return drops.count(UNEXPECTED, bytes, start, end);
    if (reply.type === OFFER && this.state === 'SELECTING') return this.offered(reply, now);
    const requesting = this.state === 'REQUESTING' || this.state === 'REBOOTING';
    const extending = this.state === 'RENEWING' || this.state === 'REBINDING';
    if (!requesting && !extending) return drops.count(UNEXPECTED, bytes, start, end);
    // RFC 2131 4.3.1: an answer of another server than the one that was asked is not for this request.
    if (this.state === 'REQUESTING' && reply.server !== 0 && reply.server !== this.server) {
      return drops.count(UNEXPECTED, bytes, start, end);
    }
    if (reply.type === NAK) this.refused(reply, now);
    else if (reply.type === ACK) this.acknowledged(reply, extending, now);
    else drops.count(UNEXPECTED, bytes, start, end);
  }

  /** The first offer that can be used is taken; later ones come too late (RFC 2131 4.4.1 leaves the choice to us). */
  private offered(reply: DhcpReply, now: number): void {
    if (hostAddress(reply) === 0 || reply.server === 0) {
      return this.stack.drops.count(UNEXPECTED);
    }
    this.wanted = reply.yourAddress;
    this.server = reply.server;
    this.say(`${formatIpv4(reply.server)} offers ${formatIpv4(reply.yourAddress)}`);
    this.enter('REQUESTING', now);
    this.act(now);
  }

  private refused(reply: DhcpReply, now: number): void {
    this.complain(
      `${formatIpv4(reply.server)} refuses${reply.message === undefined ? '' : `: ${reply.message}`}; starting over`,
    );
    this.options.memory?.save(undefined, 0);
    this.drop(now);
    this.enter('INIT', now);
    // RFC 2131 3.1 (4) asks for a pause against loops; one second is enough on a link of its own.
    this.due = now + 1000;
  }

  private acknowledged(reply: DhcpReply, extending: boolean, now: number): void {
    const lease = leaseOf(reply, this.asked, this.lease?.server ?? this.server);
    if (lease === undefined) return this.stack.drops.count(UNEXPECTED);
    if (extending && lease.address === this.lease?.address) {
      this.bind(lease, now);
      return;
    }
    if (extending) this.drop(now);
    // RFC 2131 4.4.1, RFC 5227 2.1.1: is anybody using it?
    this.state = 'CHECKING';
    this.due = Number.POSITIVE_INFINITY;
    this.stack.arp.probe(lease.address, this.options.probes ?? 3, this.options.probeInterval ?? 50, 0, now, (mac) => {
      if (this.state !== 'CHECKING') return;
      if (mac === undefined) this.bind(lease, this.stack.now);
      else this.conflict(lease, mac);
    });
  }

  private conflict(lease: Lease, mac: Uint8Array): void {
    const { now } = this.stack;
    this.complain(`${formatIpv4(lease.address)} is in use by ${formatMac(mac)}; declined, trying for another address`);
    this.send(DECLINE, 0, -1, now, [
      [50, this.bytesOf(lease.address)],
      [54, this.bytesOf(lease.server)],
    ]);
    this.options.memory?.save(undefined, 0);
    this.drop(now);
    this.enter('INIT', now);
    this.due = now + AFTER_DECLINE;
  }

  /** The address that is in use was claimed by somebody else, and is lost (RFC 5227 2.4). */
  addressTaken(mac: Uint8Array): void {
    if (this.lease !== undefined) this.conflict(this.lease, mac);
  }

  private bind(lease: Lease, now: number): void {
    const old = this.lease;
    const same = old?.address === lease.address;
    this.lease = lease;
    this.state = 'BOUND';
    this.due = Number.POSITIVE_INFINITY;
    this.attempts = 0;
    if (
      !same ||
      old.gateway !== lease.gateway ||
      old.prefix !== lease.prefix ||
      old.mtu !== lease.mtu ||
      old.broadcast !== lease.broadcast ||
      !sameRoutes(old.routes, lease.routes)
    ) {
      this.stack.configure(lease, now);
    }
    if (!same) this.stack.arp.announce(now);
    this.options.memory?.save(lease.address, lease.seconds);
    const term = lease.seconds === Number.POSITIVE_INFINITY ? 'for ever' : `for ${lease.seconds} s`;
    this.say(`${same ? 'extended' : 'bound to'} ${formatIpv4(lease.address)}/${lease.prefix} ${term}`);
    this.options.onLease?.(lease);
  }

  private expire(now: number): void {
    this.complain(`the lease of ${formatIpv4((this.lease as Lease).address)} has expired`);
    this.drop(now);
    this.enter('INIT', now);
  }

  /** Gives up the address: all use of it stops. */
  private drop(now: number): void {
    if (this.lease === undefined) return;
    this.lease = undefined;
    this.stack.configure(undefined, now);
    this.options.onLease?.(undefined);
  }

  /** Ends it, handing the address back (RFC 2131 4.4.6). */
  stop(now: number): void {
    this.stack.now = now;
    this.stack.arp.cancelProbe();
    const { lease } = this;
    if (lease !== undefined) {
      this.newTransaction();
      this.send(RELEASE, lease.address, lease.server, now, [[54, this.bytesOf(lease.server)]]);
      this.say(`gave back ${formatIpv4(lease.address)}`);
      // What was given back cannot be confirmed by INIT-REBOOT; a server remembers whom an address belonged to anyway.
      this.options.memory?.save(undefined, 0);
      this.lease = undefined;
    }
    this.state = 'STOPPED';
    this.port?.close();
  }
}
