/** The DHCP client's state machine (RFC 2131 4.4, figure 5). */
import { dropReason } from '../drops.js';
import type { Ipv4 } from '../ip/contracts/ip-output.js';
import type { Stack } from '../ip/stack.js';
import { formatIpv4, formatMac } from '../wire/address.js';
import { ACK, type DhcpReply, NAK, OFFER, parseDhcp } from '../wire/dhcp.js';
import { sameMac } from '../wire/ethernet.js';
import { Binding } from './binding.js';
import { addressDoubt, addressFault, type Lease, leaseOf, type Terms, termsOf, termsOfLease } from './lease.js';
import { ClientMessages } from './messages.js';
import type { DhcpOptions, DhcpState } from './options.js';
import { Reports } from './reports.js';
import { LONGEST_WAIT, Retransmission } from './retransmission.js';

const MALFORMED = dropReason('dhcp-malformed');
const NOT_FOR_US = dropReason('dhcp-not-for-us');
const UNEXPECTED = dropReason('dhcp-unexpected');

/** RFC 2131 3.1 (5): after DECLINE. */
const AFTER_DECLINE = 10_000;
/** Requests in REQUESTING (RFC 2131 3.1 (5): four, a minute in all) and in REBOOTING before the client starts over. */
const REQUESTS = 4;
const REBOOTS = 1;

export class DhcpClient {
  state: DhcpState = 'INIT';
  private readonly stack: Stack;
  private readonly options: DhcpOptions;
  private readonly messages: ClientMessages;
  private readonly timer: Retransmission;
  private readonly binding: Binding;
  private readonly reports: Reports;
  /** When the last REQUEST left: a lease runs from there. */
  private asked = 0;
  /** The address that REQUESTING asks for, and the server that it asks. */
  private wanted: Ipv4 = 0;
  private server: Ipv4 = 0;
  private offer: Terms = {};

  constructor(options: DhcpOptions) {
    this.options = options;
    this.reports = new Reports(options);
    this.stack = options.stack;
    this.messages = new ClientMessages(options.stack, options.hostname);
    this.timer = new Retransmission(options.stack.random);
    this.binding = new Binding(options.stack, options.memory, () => options.onLease?.(undefined));
  }

  get lease(): Lease | undefined {
    return this.binding.lease;
  }

  private open(): void {
    // RFC 2131 4.1 says to which ports messages go, not from which: a reply from any port counts.
    this.messages.open(({ bytes, start, end, source, now }) => {
      this.receive(bytes, start, end, source, now);
    });
  }

  start(now: number): void {
    this.open();
    const remembered = this.options.memory?.load();
    this.stack.now = now;
    this.messages.began = now;
    if (remembered !== undefined) {
      this.enter('INIT-REBOOT', now);
      this.wanted = remembered;
    } else this.enter('INIT', now);
    // RFC 2131 4.4.1 wants one to ten seconds of random delay; a server that starts alone has no reason to wait.
    this.timer.due = now;
  }

  /** Goes on with a lease that another client of this host had: nothing is asked for before it is due to be renewed. */
  adopt(lease: Lease, now: number): void {
    this.open();
    this.stack.now = now;
    this.messages.began = now;
    this.state = 'BOUND';
    this.timer.rest();
    this.binding.adopt(lease, now);
    this.reports.say(`goes on with ${formatIpv4(lease.address)}/${lease.prefix}`);
    this.options.onLease?.(lease);
  }

  /** Stops, and gives the lease to another client of this host: nothing is released. Undefined: there is none. */
  leave(now: number): Lease | undefined {
    const { lease } = this;
    this.stack.now = now;
    this.stack.arp.cancelProbe();
    this.binding.leave();
    this.state = 'STOPPED';
    this.timer.rest();
    this.messages.close();
    return lease;
  }

  /**
   * The link is up after it was down: this may be another network (RFC 2131 3.7). Until another answer comes the lease
   * holds.
   */
  linkUp(now: number): void {
    if (this.state === 'STOPPED') return;
    const { lease } = this;
    this.stack.now = now;
    this.stack.arp.cancelProbe();
    this.messages.began = now;
    if (lease === undefined) return this.enter('INIT', now);
    this.reports.say(`the link is up again: asking whether ${formatIpv4(lease.address)} is still ours`);
    this.wanted = lease.address;
    this.enter('INIT-REBOOT', now);
  }

  /** The machine slept for that number of milliseconds. The stack's clock does not count them; a lease does. */
  slept(milliseconds: number, now: number): void {
    if (this.state === 'STOPPED') return;
    this.binding.age(milliseconds);
    this.linkUp(now);
  }

  private enter(state: DhcpState, now: number): void {
    this.state = state;
    this.timer.begin(now);
  }

  /** Does what is due; returns when it wants to be called again. */
  poll(now: number): number {
    if (this.state === 'STOPPED') return Number.POSITIVE_INFINITY;
    const lease = this.lease;
    if (lease !== undefined && now >= lease.expiresAt) this.expire(now);
    else if (lease !== undefined && this.state === 'BOUND' && now >= lease.renewAt) this.enter('RENEWING', now);
    else if (lease !== undefined && this.state === 'RENEWING' && now >= lease.rebindAt) this.enter('REBINDING', now);
    if (this.timer.due <= now) this.act(now);
    const held = this.lease;
    const next = held === undefined ? Number.POSITIVE_INFINITY : this.state === 'BOUND' ? held.renewAt : held.expiresAt;
    const rebind = held !== undefined && this.state === 'RENEWING' ? held.rebindAt : Number.POSITIVE_INFINITY;
    return Math.min(this.timer.due, next, rebind);
  }

  private act(now: number): void {
    const { timer, messages } = this;
    timer.rest();
    switch (this.state) {
      case 'INIT':
        messages.newTransaction();
        messages.began = now;
        this.state = 'SELECTING';
        this.discover(now);
        return;
      case 'SELECTING':
        timer.attempts++;
        if (timer.attempts === 1 || timer.attempts % 4 === 0) {
          this.reports.complain(
            `no DHCP server has answered for ${Math.round((now - messages.began) / 1000)} s; asking again now and in ${timer.seconds} s, for ever, at last every ${LONGEST_WAIT / 1000} s`,
          );
        }
        this.discover(now);
        return;
      case 'INIT-REBOOT':
        messages.newTransaction();
        this.state = 'REBOOTING';
        this.request(now);
        return;
      case 'REQUESTING':
      case 'REBOOTING':
        timer.attempts++;
        if (timer.attempts > (this.state === 'REBOOTING' ? REBOOTS : REQUESTS)) {
          this.enter('INIT', now);
          this.act(now);
        } else this.request(now);
        return;
      case 'RENEWING':
      case 'REBINDING':
        if (timer.attempts++ === 0) {
          messages.newTransaction();
          // RFC 2131 table 1: since it began to acquire or to renew.
          if (this.state === 'RENEWING') messages.began = now;
        }
        this.extend(now);
        return;
      default:
    }
  }

  private discover(now: number): void {
    this.reports.sent();
    this.reports.say(this.timer.attempts === 0 ? 'looking for a DHCP server' : 'looking for a DHCP server again');
    this.messages.discover(now);
    this.timer.backOff(now);
  }

  /** In REQUESTING and REBOOTING: a new lease. */
  private request(now: number): void {
    this.asked = now;
    this.reports.sent();
    this.reports.say(`asking for ${formatIpv4(this.wanted)}`);
    if (this.state === 'REQUESTING') this.messages.requestOffered(this.wanted, this.server);
    else this.messages.requestAgain(this.wanted, now);
    this.timer.backOff(now);
  }

  /** In RENEWING and REBINDING: more time, of the server that gave the lease and of any. */
  private extend(now: number): void {
    const { lease } = this;
    this.asked = now;
    this.reports.sent();
    if (lease === undefined) return;
    const unicast = this.state === 'RENEWING';
    this.reports.say(
      unicast
        ? `renewing ${formatIpv4(lease.address)} with ${formatIpv4(lease.server)}`
        : `asking any server to extend ${formatIpv4(lease.address)}`,
    );
    this.messages.requestExtension(lease.address, unicast ? lease.server : undefined, now);
    this.timer.halve(unicast ? lease.rebindAt : lease.expiresAt, now);
  }

  /** A reply that is not used: counted, and its reason reported, once for each message of ours. */
  private refuse(reason: string, source: Ipv4): void {
    this.stack.drops.count(UNEXPECTED);
    this.reports.refuse(reason, source);
  }

  private receive(bytes: Uint8Array, start: number, end: number, source: Ipv4, now: number): void {
    const { drops } = this.stack;
    const { mac } = this.stack.device;
    if (end - start >= 34 && !sameMac(bytes, start + 28, mac)) return drops.count(NOT_FOR_US, bytes, start, end);
    const reply = parseDhcp(bytes, start, end, mac);
    if (reply === undefined) {
      drops.count(MALFORMED, bytes, start, end);
      if (this.timer.due !== Number.POSITIVE_INFINITY) this.reports.refuse('it is malformed', source);
      return;
    }
    if (reply.xid !== this.messages.xid) return drops.count(UNEXPECTED, bytes, start, end);
    if (reply.type === OFFER && this.state === 'SELECTING') return this.offered(reply, source, now);
    const requesting = this.state === 'REQUESTING' || this.state === 'REBOOTING';
    const extending = this.state === 'RENEWING' || this.state === 'REBINDING';
    const answer = reply.type === ACK || reply.type === NAK;
    // As udhcpc, dhcpcd and networkd have it: an address that was not asked for is not taken.
    if (answer && this.state === 'SELECTING')
      return this.refuse(`it is ${reply.type === ACK ? 'an ACK' : 'a NAK'} where an offer was asked for`, source);
    if (!answer || !(requesting || extending)) return drops.count(UNEXPECTED, bytes, start, end);
    // No text says that the server of an offer is the one to acknowledge it, and a pair of servers may answer for each
    // other: like udhcpc, dhcpcd and networkd we take an ACK of any. A NAK of another one is not for this request.
    if (reply.type === NAK && this.state === 'REQUESTING' && reply.server !== 0 && reply.server !== this.server)
      return this.refuse(`${formatIpv4(this.server)} was asked, and this is ${formatIpv4(reply.server)}`, source);
    if (reply.type === NAK) this.refused(reply, now);
    else this.acknowledged(reply, source, now);
  }

  /** The first offer that can be used is taken; later ones come too late (RFC 2131 4.4.1 leaves the choice to us). */
  private offered(reply: DhcpReply, source: Ipv4, now: number): void {
    const fault = reply.server === 0 ? 'it names no server (option 54)' : addressFault(reply);
    if (fault !== undefined) return this.refuse(fault, source);
    this.wanted = reply.yourAddress;
    this.server = reply.server;
    this.offer = termsOf(reply, reply.yourAddress);
    this.reports.say(`${formatIpv4(reply.server)} offers ${formatIpv4(reply.yourAddress)}`);
    this.enter('REQUESTING', now);
    this.act(now);
  }

  private refused(reply: DhcpReply, now: number): void {
    this.reports.complain(
      `${formatIpv4(reply.server)} refuses${reply.message === undefined ? '' : `: ${reply.message}`}; starting over`,
    );
    this.binding.forget();
    this.binding.drop(now);
    this.enter('INIT', now);
    // RFC 2131 3.1 (4) asks for a pause against loops; one second is enough on a link of its own.
    this.timer.due = now + 1000;
  }

  private acknowledged(reply: DhcpReply, source: Ipv4, now: number): void {
    const { lease: old } = this;
    let before: Terms = {};
    if (reply.yourAddress === old?.address) before = termsOfLease(old);
    else if (this.state === 'REQUESTING' && reply.yourAddress === this.wanted) before = this.offer;
    const lease = leaseOf(reply, this.asked, old?.server ?? this.server, before);
    if (typeof lease === 'string') return this.refuse(lease, source);
    if (lease.address === old?.address) {
      this.bind(lease, now);
      return;
    }
    if (old !== undefined) this.binding.drop(now);
    // RFC 2131 4.4.1, RFC 5227 2.1.1: does another host use it?
    this.state = 'CHECKING';
    this.timer.rest();
    this.stack.arp.probe(lease.address, this.options.probes ?? 3, this.options.probeInterval ?? 50, now, (mac) => {
      if (this.state !== 'CHECKING') return;
      if (mac === undefined) this.bind(lease, this.stack.now);
      else this.conflict(lease, mac);
    });
  }

  private conflict(lease: Lease, mac: Uint8Array): void {
    const { now } = this.stack;
    this.reports.complain(
      `${formatIpv4(lease.address)} is in use by ${formatMac(mac)}; declined, trying for another address`,
    );
    this.messages.decline(lease);
    this.binding.forget();
    this.binding.drop(now);
    this.enter('INIT', now);
    this.timer.due = now + AFTER_DECLINE;
  }

  /** Another host claims the address that is in use: the address is lost (RFC 5227 2.4). */
  addressTaken(mac: Uint8Array): void {
    if (this.lease !== undefined) this.conflict(this.lease, mac);
  }

  private bind(lease: Lease, now: number): void {
    const same = this.lease?.address === lease.address;
    this.state = 'BOUND';
    this.timer.rest();
    this.timer.attempts = 0;
    this.binding.take(lease, now);
    const term = lease.seconds === Number.POSITIVE_INFINITY ? 'for ever' : `for ${lease.seconds} s`;
    this.reports.say(`${same ? 'extended' : 'bound to'} ${formatIpv4(lease.address)}/${lease.prefix} ${term}`);
    const doubt = same ? undefined : addressDoubt(lease);
    if (doubt !== undefined) this.reports.complain(doubt);
    this.options.onLease?.(lease);
  }

  private expire(now: number): void {
    this.reports.complain(`the lease of ${formatIpv4((this.lease as Lease).address)} has expired`);
    this.binding.drop(now);
    this.enter('INIT', now);
  }

  /** Ends it, handing the address back (RFC 2131 4.4.6). */
  stop(now: number): void {
    this.stack.now = now;
    this.stack.arp.cancelProbe();
    const { lease } = this;
    if (lease !== undefined) {
      this.messages.newTransaction();
      this.messages.release(lease);
      this.reports.say(`gave back ${formatIpv4(lease.address)}`);
      // What was given back cannot be confirmed by INIT-REBOOT. A server remembers which client had an address anyway.
      this.binding.forget();
      this.binding.leave();
    }
    this.state = 'STOPPED';
    this.messages.close();
  }
}
