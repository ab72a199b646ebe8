/**
 * Who is behind an address on the link: the ARP cache (RFC 826, RFC 1122 2.3.2), with ageing, unicast refresh before an
 * entry is doubted, and a bounded queue for each address that is being asked for, so that none blocks another.
 */
import { LRUCache } from 'lru-cache';
import { type Drops, dropReason } from '../drops.js';
import type { Ipv4 } from '../ip-output.js';
import { copyMac } from '../wire/ethernet.js';

const QUEUE_FULL = dropReason('neighbour-queue-full');
const UNRESOLVED = dropReason('neighbour-unresolved');

/** An entry is trusted this long after the neighbour was last heard of, ms. */
const REACHABLE = 60_000;
/** RFC 1122 2.3.2.1: at most one request a second for an address. */
const RETRANSMIT = 1000;
const TRIES = 3;
/** How long an address that did not answer is not asked for again. */
const NEGATIVE = 3000;
const QUEUE_PACKETS = 16;

export class Neighbour {
  readonly mac = new Uint8Array(6);
  resolved = false;
  confirmedAt = 0;
  /** Requests since the last answer; the newest at `askedAt`. */
  tries = 0;
  askedAt = Number.NEGATIVE_INFINITY;
  failedAt = Number.NEGATIVE_INFINITY;
  /** Whole frames without their destination. */
  queue: Uint8Array[] | undefined = undefined;

  constructor(readonly address: Ipv4) {}
}

export interface NeighbourLink {
  /** Sends an ARP request for `address`, to `mac` or to everybody. */
  request(address: Ipv4, mac: Uint8Array | undefined): void;
  /** Sends a frame that was kept, to `mac`. */
  release(frame: Uint8Array, mac: Uint8Array): void;
  /** Nobody answers for `address`. */
  unreachable(address: Ipv4, now: number): void;
}

export class Neighbours {
  private readonly cache: LRUCache<number, Neighbour>;
  /** Those with a request under way. */
  private readonly asking = new Set<Neighbour>();

  constructor(
    private readonly link: NeighbourLink,
    private readonly drops: Drops,
    size = 1024,
  ) {
    this.cache = new LRUCache<number, Neighbour>({ max: size });
  }

  get(address: Ipv4): Neighbour {
    let one = this.cache.get(address);
    if (one === undefined) {
      one = new Neighbour(address);
      this.cache.set(address, one);
    }
    return one;
  }

  /** About to be used: asks when it must. True: `mac` is good. */
  use(one: Neighbour, now: number): boolean {
    if (one.resolved) {
      if (now - one.confirmedAt > REACHABLE && now - one.askedAt >= RETRANSMIT) this.ask(one, now);
      return true;
    }
    if (!this.asking.has(one) && now - one.failedAt >= NEGATIVE) this.ask(one, now);
    return false;
  }

  private ask(one: Neighbour, now: number): void {
    one.tries++;
    one.askedAt = now;
    this.asking.add(one);
    // RFC 1122 2.3.2.1: a unicast poll for an entry that is only old.
    this.link.request(one.address, one.resolved ? one.mac : undefined);
  }

  /** Keeps a frame until the address is resolved; the oldest gives way. */
  enqueue(one: Neighbour, frame: Uint8Array): void {
    if (!this.asking.has(one)) {
      this.drops.count(UNRESOLVED);
      return;
    }
    one.queue ??= [];
    if (one.queue.length >= QUEUE_PACKETS) {
      one.queue.shift();
      this.drops.count(QUEUE_FULL);
    }
    one.queue.push(frame);
  }

  /**
   * `address` says that it is at `bytes[at..at+6)`. RFC 826: an entry that exists is updated; a new one is made only when
   * the packet was for us (`create`).
   */
  learn(address: Ipv4, bytes: Uint8Array, at: number, create: boolean, now: number): void {
    const one = create ? this.get(address) : this.cache.peek(address);
    if (one === undefined) return;
    copyMac(one.mac, 0, bytes, at);
    one.resolved = true;
    one.confirmedAt = now;
    one.tries = 0;
    this.asking.delete(one);
    const queue = one.queue;
    if (queue === undefined) return;
    one.queue = undefined;
    for (const frame of queue) this.link.release(frame, one.mac);
  }

  poll(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const one of this.asking) {
      const due = one.askedAt + RETRANSMIT;
      if (due > now) {
        next = Math.min(next, due);
        continue;
      }
      if (one.resolved && now - one.confirmedAt <= REACHABLE) {
        this.asking.delete(one);
        continue;
      }
      if (one.tries >= TRIES) {
        if (one.resolved) {
          // The unicast polls went unanswered: ask everybody, from anew.
          one.resolved = false;
          one.tries = 0;
        } else {
          this.fail(one, now);
          continue;
        }
      }
      this.ask(one, now);
      next = Math.min(next, now + RETRANSMIT);
    }
    return next;
  }

  private fail(one: Neighbour, now: number): void {
    this.asking.delete(one);
    one.tries = 0;
    one.failedAt = now;
    for (const _frame of one.queue ?? []) this.drops.count(UNRESOLVED);
    one.queue = undefined;
    this.link.unreachable(one.address, now);
  }

  clear(): void {
    for (const one of this.asking) one.queue = undefined;
    this.asking.clear();
    this.cache.clear();
  }
}
