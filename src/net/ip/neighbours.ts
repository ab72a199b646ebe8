/**
 * Which host is behind an address on the link: the ARP cache (RFC 826, RFC 1122 2.3.2), with ageing, unicast refresh
 * before an entry is doubted, and a bounded queue for each address that is being asked for, so that none blocks
 * another.
 */
import { LRUCache } from 'lru-cache';
import { type Drops, dropReason } from '../drops.js';
import { copyMac } from '../wire/ethernet.js';
import type { Ipv4, Moment } from './contracts/ip-output.js';
import { QUESTIONS, TokenBucket } from './contracts/token-bucket.js';

const QUEUE_FULL = dropReason('neighbour-queue-full');
const UNRESOLVED = dropReason('neighbour-unresolved');
const TABLE_FULL = dropReason('neighbour-table-full');

/** An entry is trusted this long after the neighbour was last heard of, ms. */
const REACHABLE = 60_000;
/** RFC 1122 2.3.2.1: at most one request a second for an address. */
const RETRANSMIT = 1000;
const TRIES = 3;
/** How long an address that did not answer is not asked for again. */
const NEGATIVE = 3000;
const QUEUE_PACKETS = 16;
/** Addresses that did not answer and are remembered. */
const FAILED = 256;

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
  /** Sends an ARP request for `address`, to `mac` or by broadcast. */
  request(address: Ipv4, mac: Uint8Array | undefined): void;
  /** Sends a frame that was kept, to `mac`. */
  release(frame: Uint8Array, mac: Uint8Array): void;
}

export class Neighbours {
  /** Those that are known. */
  private readonly cache: LRUCache<number, Neighbour>;
  /**
   * Those with a request under way, the one that was asked longest ago first: bounded apart, so that made-up addresses
   * push out none that is known.
   */
  private readonly asking = new Map<number, Neighbour>();
  /** Those that did not answer: news of one of them is heeded at once. */
  private readonly failed = new LRUCache<number, Neighbour>({ max: FAILED });
  private readonly questions = new TokenBucket(QUESTIONS, QUESTIONS);
  /** Gets each address that was asked for in vain, and each that said where it is. */
  onSilent: ((address: Ipv4) => void) | undefined = undefined;
  onAnswer: ((address: Ipv4) => void) | undefined = undefined;

  constructor(
    private readonly link: NeighbourLink,
    private readonly drops: Drops,
    size = 1024,
    private readonly asked = 256,
  ) {
    // News of a neighbour that is not in the table would not be heeded: a route that holds it has to ask for it anew.
    const dispose = (one: Neighbour): void => {
      if (this.asking.get(one.address) !== one) one.resolved = false;
    };
    this.cache = new LRUCache<number, Neighbour>({ max: size, dispose });
  }

  /** The table's record of `address`. One that is made here is in the table from the first request on. */
  get(address: Ipv4): Neighbour {
    return this.find(address) ?? new Neighbour(address);
  }

  private find(address: Ipv4): Neighbour | undefined {
    return this.cache.get(address) ?? this.asking.get(address) ?? this.failed.get(address);
  }

  /** The record that the table has of this neighbour now: a route may hold one that the table gave up. */
  current(one: Neighbour): Neighbour {
    return this.find(one.address) ?? one;
  }

  /** Whether frames wait for a neighbour to answer. */
  get holdsBack(): boolean {
    return [...this.asking.values()].some(({ queue }) => queue !== undefined);
  }

  /** Those that are resolved: address, MAC, and the ms when each was last heard of. */
  known(): [Ipv4, number[], number][] {
    return [...this.cache.values()]
      .filter((one) => one.resolved)
      .map((one) => [one.address, [...one.mac], one.confirmedAt]);
  }

  /** Its MAC may be used without a question. */
  fresh(one: Neighbour, clock: Moment): boolean {
    return one.resolved && clock.now - one.confirmedAt <= REACHABLE;
  }

  /** About to be used: asks when it must. True: `mac` is good. */
  use(one: Neighbour, now: number): boolean {
    // Once it is asked for, `poll` alone counts the requests and gives up: traffic must not put off the end.
    if (this.asking.has(one.address)) return one.resolved;
    if (one.resolved) {
      if (now - one.confirmedAt > REACHABLE && now - one.askedAt >= RETRANSMIT) this.ask(one, now);
      return true;
    }
    if (now - one.failedAt >= NEGATIVE && this.asking.size < this.asked && this.questions.take(now)) {
      this.failed.delete(one.address);
      this.ask(one, now);
    }
    return false;
  }

  /** Its MAC may be used, and `use` would ask nothing now: what asks writes over the frame that is to be sent. */
  unquestioned(one: Neighbour, now: number): boolean {
    return one.resolved && (now - one.askedAt < RETRANSMIT || this.asking.has(one.address));
  }

  /** Nothing can be sent there now, not even a question: a frame for it need not be kept. */
  hopeless(one: Neighbour, now: number): boolean {
    if (one.resolved || this.asking.has(one.address)) return false;
    const full = this.asking.size >= this.asked || this.questions.empty(now);
    if (full || now - one.failedAt < NEGATIVE) {
      this.drops.count(full ? TABLE_FULL : UNRESOLVED);
      return true;
    }
    return false;
  }

  private ask(one: Neighbour, now: number): void {
    one.tries++;
    one.askedAt = now;
    this.asking.delete(one.address);
    this.asking.set(one.address, one);
    // RFC 1122 2.3.2.1: a unicast poll for an entry that is only old.
    this.link.request(one.address, one.resolved ? one.mac : undefined);
  }

  /**
   * Keeps a frame until the address is resolved; the oldest gives way. False: it is not asked for, and the frame is
   * dropped.
   */
  enqueue(one: Neighbour, frame: Uint8Array): boolean {
    if (this.asking.get(one.address) !== one) {
      this.drops.count(UNRESOLVED);
      return false;
    }
    one.queue ??= [];
    if (one.queue.length >= QUEUE_PACKETS) {
      one.queue.shift();
      this.drops.count(QUEUE_FULL);
    }
    one.queue.push(frame);
    return true;
  }

  /**
   * `address` says that it is at `bytes[at..at+6)`. RFC 826: an entry that exists is updated, one that did not answer
   * too; a new one is made only when the packet was for us (`create`).
   */
  learn(address: Ipv4, bytes: Uint8Array, at: number, create: boolean, now: number): void {
    const known = this.cache.peek(address);
    const one =
      known ?? this.asking.get(address) ?? this.failed.get(address) ?? (create ? new Neighbour(address) : undefined);
    if (one === undefined) return;
    this.failed.delete(address);
    if (known === undefined) this.cache.set(address, one);
    this.resolve(one, bytes, at, now);
  }

  private resolve(one: Neighbour, bytes: Uint8Array, at: number, now: number): void {
    copyMac(one.mac, 0, bytes, at);
    one.resolved = true;
    one.confirmedAt = now;
    one.tries = 0;
    if (this.asking.get(one.address) === one) this.asking.delete(one.address);
    const queue = one.queue;
    one.queue = undefined;
    for (const frame of queue ?? []) this.link.release(frame, one.mac);
    this.onAnswer?.(one.address);
  }

  poll(now: number): number {
    for (const one of this.asking.values()) {
      const due = one.askedAt + RETRANSMIT;
      if (due > now) return due;
      if (one.resolved && now - one.confirmedAt <= REACHABLE) {
        one.tries = 0;
        this.asking.delete(one.address);
        // Others may have taken its place in the table meanwhile.
        this.cache.set(one.address, one);
        continue;
      }
      if (one.tries >= TRIES) {
        if (one.resolved) {
          // The unicast polls went unanswered: ask by broadcast, from anew.
          one.resolved = false;
          one.tries = 0;
        } else {
          this.fail(one, now);
          continue;
        }
      }
      this.ask(one, now);
    }
    return Number.POSITIVE_INFINITY;
  }

  private fail(one: Neighbour, now: number): void {
    this.asking.delete(one.address);
    this.cache.delete(one.address);
    this.failed.set(one.address, one);
    one.tries = 0;
    one.failedAt = now;
    this.forgetQueue(one);
    this.onSilent?.(one.address);
  }

  private forgetQueue(one: Neighbour): void {
    for (const _frame of one.queue ?? []) this.drops.count(UNRESOLVED);
    one.queue = undefined;
  }

  clear(): void {
    for (const one of this.asking.values()) this.forgetQueue(one);
    this.asking.clear();
    this.cache.clear();
    this.failed.clear();
  }
}
