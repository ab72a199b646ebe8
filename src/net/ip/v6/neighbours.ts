/**
 * Which host is behind an IPv6 address on the link: the states of neighbour unreachability detection (RFC 4861 7.3),
 * with a bounded queue for each address that is asked for, so that none blocks another, and with patience for a link
 * that comes back (RFC 7048).
 */
import { LRUCache } from 'lru-cache';
import { dropReason } from '../../drops.js';
import { copyMac, sameMac } from '../../wire/ethernet.js';
import type { Ipv6Bytes } from '../../wire/ipv6.js';
import type { Moment } from '../contracts/ip-output.js';
import { QUESTIONS, TokenBucket } from '../contracts/token-bucket.js';
import type { Link6 } from './link.js';
import { DELAY, FAILED, INCOMPLETE, Neighbour6, PROBE, REACHABLE, STALE } from './neighbour.js';

const QUEUE_FULL = dropReason('neighbour-queue-full');
const UNRESOLVED = dropReason('neighbour-unresolved');
const TABLE_FULL = dropReason('neighbour-table-full');

/** RFC 4861 10. */
const REACHABLE_TIME = 30_000;
const RETRANS_TIMER = 1000;
const DELAY_FIRST_PROBE = 5000;
const MAX_MULTICAST_SOLICIT = 3;
const MAX_UNICAST_SOLICIT = 3;
/** RFC 7048 3: how long one that did not answer is not asked for again; three times as long each time. */
const NEGATIVE = 1000;
const LONGEST_NEGATIVE = 60_000;
const QUEUE_PACKETS = 16;

export interface NeighbourEvents {
  /** Sends a solicitation for the neighbour, to `mac`, or to its group. */
  solicit(one: Neighbour6, mac: Uint8Array | undefined): void;
  /** Sends a frame that was kept. */
  release(frame: Uint8Array, mac: Uint8Array): void;
  /** It does not answer any more (RFC 4861 7.3.3): next hops are to be chosen anew. */
  unreachable(one: Neighbour6): void;
  /** It is the next hop to other networks. */
  isRouter(handle: number): boolean;
}

export class Neighbours6 {
  /** RFC 4861 6.3.2: ms, as a router said; what is used is a random share of the first. */
  private reachableTime = REACHABLE_TIME;
  private baseReachable = REACHABLE_TIME;
  retransTimer = RETRANS_TIMER;
  /** Those that are known. One that gives way to others is still good for a route that has it. */
  private readonly cache: LRUCache<number, Neighbour6>;
  /**
   * Those with a solicitation under way or due: bounded apart, so that made-up addresses push out none that is known.
   */
  private readonly asking = new Map<number, Neighbour6>();
  private next = Number.POSITIVE_INFINITY;
  /** Gets each neighbour that was asked in vain, and each that is reachable again. */
  onSilent: ((one: Neighbour6) => void) | undefined = undefined;
  onAnswer: ((one: Neighbour6) => void) | undefined = undefined;
  private readonly questions = new TokenBucket(QUESTIONS, QUESTIONS);

  constructor(
    private readonly link: Link6,
    private readonly events: NeighbourEvents,
    size = 1024,
    private readonly asked = 256,
  ) {
    this.cache = new LRUCache<number, Neighbour6>({ max: size, dispose: (_one, handle) => link.peers.drop(handle) });
  }

  /** Draws how long a neighbour is reachable. */
  start(): void {
    this.chooseReachableTime();
  }

  /** What a router advertises, ms; 0: nothing (RFC 4861 6.3.4). */
  parameters(reachable: number, retrans: number): void {
    if (reachable > 0 && reachable !== this.baseReachable) {
      // RFC 4861 6.2.1: an hour at most.
      this.baseReachable = Math.min(reachable, 3_600_000);
      this.chooseReachableTime();
    }
    // A router that says less than a tenth of a second would have us flood the link.
    if (retrans > 0) this.retransTimer = Math.min(Math.max(retrans, 100), 60_000);
  }

  /** RFC 4861 6.3.2: between 0.5 and 1.5 times what was said. */
  private chooseReachableTime(): void {
    const share = 0.5 + (this.link.random.random32() >>> 0) / 2 ** 32;
    this.reachableTime = this.baseReachable * share;
  }

  /** The neighbour with this address. The handle is held by the table once it is asked for, or heard of. */
  get(handle: number): Neighbour6 {
    return this.find(handle) ?? new Neighbour6(handle, this.link.peers.bytes(handle));
  }

  find(handle: number): Neighbour6 | undefined {
    return this.cache.get(handle) ?? this.asking.get(handle);
  }

  /** The record that the table has of this neighbour: a route may have kept one that the table gave up. */
  current(one: Neighbour6): Neighbour6 {
    const handle = this.link.peers.find(one.address);
    return handle === 0 ? one : (this.find(handle) ?? one);
  }

  /** Neighbours that are known: address, MAC, and whether it is a router. */
  known(): [Ipv6Bytes, number[], boolean][] {
    return [...this.cache.values()]
      .filter((one) => one.state >= REACHABLE)
      .map((one) => [one.address, [...one.mac], one.router]);
  }

  /** Whether frames wait for a neighbour to answer. */
  get holdsBack(): boolean {
    return [...this.asking.values()].some(({ queue }) => queue !== undefined);
  }

  /** About to be used. True: `mac` is good. Sends nothing. */
  use(one: Neighbour6, now: number): boolean {
    if (one.state < REACHABLE) return false;
    if (one.state === REACHABLE && now > one.until) one.state = STALE;
    // RFC 4861 7.3.3: the first packet to a stale neighbour gives upper layers a while to confirm it.
    if (one.state === STALE) this.later(one, DELAY, now + DELAY_FIRST_PROBE);
    return true;
  }

  /** Asks for one that is not known, unless that is under way, or in vain. */
  ask(one: Neighbour6, now: number): void {
    if (one.state !== FAILED || now < one.retryAt) return;
    if (this.asking.size >= this.asked || !this.questions.take(now)) return;
    one.tries = 0;
    this.later(one, INCOMPLETE, now);
    this.solicit(one, now);
  }

  /** Nothing can be sent there now, not even a question: a frame for it need not be kept. */
  hopeless(one: Neighbour6, now: number): boolean {
    if (one.state > FAILED) return false;
    const full = this.asking.size >= this.asked || this.questions.empty(now);
    if (full || now < one.retryAt) {
      this.link.drops.count(full ? TABLE_FULL : UNRESOLVED);
      return true;
    }
    return false;
  }

  /** REACHABLE: nothing has to be thought about. */
  fresh(one: Neighbour6, clock: Moment): boolean {
    return clock.now <= one.until;
  }

  /** Whether it is known to be reachable now (RFC 4861 7.3.2): it has answered, or an upper layer made progress. */
  confirmed(handle: number): boolean {
    const one = this.find(handle);
    return one !== undefined && this.fresh(one, this.link);
  }

  /** RFC 4861 7.3.1: an upper layer makes progress through it. */
  confirm(one: Neighbour6, now: number): void {
    if (one.state < REACHABLE) return;
    one.until = now + this.reachableTime;
    if (one.state === REACHABLE) return;
    one.state = REACHABLE;
    this.forgetAsking(one);
    this.onAnswer?.(one);
  }

  /** An upper layer gets no answer through it: it is asked at once. */
  doubt(one: Neighbour6, now: number): void {
    if (one.state !== REACHABLE && one.state !== STALE) return;
    one.until = Number.NEGATIVE_INFINITY;
    this.later(one, DELAY, now);
  }

  private later(one: Neighbour6, state: number, due: number): void {
    one.state = state;
    one.due = due;
    if (!this.asking.has(one.handle) || this.asking.get(one.handle) !== one) {
      // One that the table gave up may have lost its handle.
      one.handle = this.link.peers.intern(one.address);
      const other = this.asking.get(one.handle);
      if (one.handle === 0 || other !== undefined) return;
      this.link.peers.hold(one.handle);
      this.asking.set(one.handle, one);
    }
    this.next = Math.min(this.next, due);
  }

  private forgetAsking(one: Neighbour6): void {
    one.due = Number.POSITIVE_INFINITY;
    one.tries = 0;
    if (this.asking.get(one.handle) !== one) return;
    this.asking.delete(one.handle);
    this.link.peers.drop(one.handle);
  }

  private solicit(one: Neighbour6, now: number): void {
    one.tries++;
    one.due = now + this.retransTimer;
    this.next = Math.min(this.next, one.due);
    this.events.solicit(one, one.state === PROBE ? one.mac : undefined);
  }

  /**
   * Keeps a frame until the address is resolved; the oldest gives way. False: it is not asked for, and the frame is
   * dropped.
   */
  enqueue(one: Neighbour6, frame: Uint8Array): boolean {
    const { drops } = this.link;
    if (one.state !== INCOMPLETE || this.asking.get(one.handle) !== one) {
      drops.count(UNRESOLVED);
      return false;
    }
    one.queue ??= [];
    if (one.queue.length >= QUEUE_PACKETS) {
      one.queue.shift();
      drops.count(QUEUE_FULL);
    }
    one.queue.push(frame);
    return true;
  }

  /**
   * A solicitation or a router's message named the link-layer address of `handle`, `bytes[at..at+6)`: RFC 4861 7.2.3,
   * 6.3.4, 8.3. It proves nothing of the other direction. Returns the neighbour.
   */
  heard(handle: number, bytes: Uint8Array, at: number, now: number): Neighbour6 {
    const one = this.keep(handle);
    if (one.state >= REACHABLE && sameMac(one.mac, 0, bytes, at)) return one;
    copyMac(one.mac, 0, bytes, at);
    one.until = Number.NEGATIVE_INFINITY;
    this.forgetAsking(one);
    one.state = STALE;
    this.releaseQueue(one, now);
    return one;
  }

  /** Puts it into the table. */
  private keep(handle: number): Neighbour6 {
    const known = this.cache.get(handle);
    if (known !== undefined) return known;
    const one = this.asking.get(handle) ?? new Neighbour6(handle, this.link.peers.bytes(handle));
    this.remember(one);
    return one;
  }

  private remember(one: Neighbour6): void {
    this.link.peers.hold(one.handle);
    this.cache.set(one.handle, one);
  }

  /**
   * A neighbour advertisement about `handle` (RFC 4861 7.2.5). `at`: where the target's link-layer address lies in
   * `bytes`; -1: it does not say. Returns whether it stopped being a router.
   */
  advertised(
    handle: number,
    bytes: Uint8Array,
    at: number,
    flags: { readonly router: boolean; readonly solicited: boolean; readonly override: boolean },
    now: number,
  ): boolean {
    const one = this.find(handle);
    // There was no solicitation for it: no entry is made.
    if (one === undefined) return false;
    const wasRouter = one.router;
    if (one.state < REACHABLE) {
      if (one.state !== INCOMPLETE || at < 0) return false;
      copyMac(one.mac, 0, bytes, at);
      this.keep(handle);
      this.forgetAsking(one);
      one.router = flags.router;
      this.reached(one, flags.solicited, now);
      this.releaseQueue(one, now);
      return false;
    }
    const differs = at >= 0 && !sameMac(one.mac, 0, bytes, at);
    if (differs && !flags.override) {
      // Another one says that it has the address, and would not have us believe it: only trust goes.
      if (one.state === REACHABLE) {
        one.state = STALE;
        one.until = Number.NEGATIVE_INFINITY;
      }
      return false;
    }
    if (differs) copyMac(one.mac, 0, bytes, at);
    if (flags.solicited || differs) {
      this.forgetAsking(one);
      this.reached(one, flags.solicited, now);
    }
    one.router = flags.router;
    return wasRouter && !flags.router;
  }

  private reached(one: Neighbour6, solicited: boolean, now: number): void {
    one.failures = 0;
    one.state = solicited ? REACHABLE : STALE;
    one.until = solicited ? now + this.reachableTime : Number.NEGATIVE_INFINITY;
    if (solicited) this.onAnswer?.(one);
  }

  private releaseQueue(one: Neighbour6, now: number): void {
    const { queue } = one;
    one.queue = undefined;
    if (queue === undefined) return;
    this.use(one, now);
    for (const frame of queue) this.events.release(frame, one.mac);
  }

  poll(now: number): number {
    if (this.next > now) return this.next;
    this.next = Number.POSITIVE_INFINITY;
    for (const one of [...this.asking.values()]) {
      if (one.due <= now) this.step(one, now);
      this.next = Math.min(this.next, one.due);
    }
    return this.next;
  }

  private step(one: Neighbour6, now: number): void {
    if (one.state === DELAY) {
      one.state = PROBE;
      one.tries = 0;
    } else if (one.state === PROBE && one.tries >= MAX_UNICAST_SOLICIT) {
      // Its address on the link may have changed: a multicast solicitation asks for it. Other next hops are as good
      // meanwhile.
      one.state = INCOMPLETE;
      one.tries = 0;
      one.failures = Math.max(one.failures, 1);
      this.events.unreachable(one);
    } else if (one.state === INCOMPLETE && one.tries >= MAX_MULTICAST_SOLICIT) {
      this.fail(one, now);
      return;
    }
    this.solicit(one, now);
  }

  private fail(one: Neighbour6, now: number): void {
    // A router that does not answer is not chosen: that is to be known the next time.
    if (this.events.isRouter(one.handle) && this.cache.peek(one.handle) === undefined) this.remember(one);
    this.forgetAsking(one);
    one.state = FAILED;
    one.retryAt = now + Math.min(NEGATIVE * 3 ** one.failures, LONGEST_NEGATIVE);
    one.failures = Math.min(one.failures + 1, 8);
    this.forgetQueue(one);
    this.events.unreachable(one);
    this.onSilent?.(one);
  }

  private forgetQueue(one: Neighbour6): void {
    for (const _frame of one.queue ?? []) this.link.drops.count(UNRESOLVED);
    one.queue = undefined;
  }

  clear(): void {
    for (const one of [...this.asking.values()]) {
      this.forgetAsking(one);
      this.forgetQueue(one);
    }
    this.cache.clear();
  }
}
