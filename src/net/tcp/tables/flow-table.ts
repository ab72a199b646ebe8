/**
 * Finds a connection by its four-tuple: open addressing over an array, integer keys, keyed hash against chosen
 * collisions, no allocation a look-up. At most half full; linear probing, deletion by shifting back.
 *
 * A table that has become too small moves its entries to a larger one step by step. Each entry that is added moves a
 * few places, so that no packet pays for all of them. Until then an entry is in one of the two tables.
 */
import { isIpv6, type Peers } from '../../ip/contracts/ip-output.js';
import type { KeyedHash } from '../../keyed-hash.js';
import { FlowHash } from './flow-hash.js';

export interface Keyed {
  readonly remoteAddress: number;
  readonly localAddress: number;
  /** `remote << 16 | local`. */
  readonly ports: number;
}

/**
 * Places of the smaller table that each added entry empties. The smaller table is empty long before the larger one
 * has to grow: after a quarter of the entries that this takes.
 */
export const PLACES_A_STEP = 8;

/** Marks a place of the smaller table whose entry has moved: a search goes on behind it. */
const MOVED = Symbol('moved');

export class FlowTable<T extends Keyed> {
  size = 0;
  private slots: (T | undefined)[] = new Array<T | undefined>(64).fill(undefined);
  private mask = 63;
  /** The smaller table, whose places before `emptied` are empty; undefined: all entries are in `slots`. */
  private smaller: (T | typeof MOVED | undefined)[] | undefined = undefined;
  private emptied = 0;
  private readonly hash: FlowHash;

  /** `peers`: keeps the addresses of those that are in the table. */
  constructor(
    hash: KeyedHash,
    private readonly peers: Peers,
  ) {
    this.hash = new FlowHash(hash);
  }

  private home(remote: number, ports: number): number {
    return this.hash.of(remote, ports) & this.mask;
  }

  get(remote: number, local: number, ports: number): T | undefined {
    let at = this.home(remote, ports);
    for (;;) {
      const one = this.slots[at];
      if (one === undefined) return this.smaller === undefined ? undefined : this.inSmaller(remote, local, ports);
      if (one.ports === ports && one.remoteAddress === remote && one.localAddress === local) return one;
      at = (at + 1) & this.mask;
    }
  }

  add(one: T): void {
    if (this.smaller !== undefined) this.empty(this.smaller);
    if ((this.size + 1) * 2 > this.slots.length) this.grow();
    this.place(one);
    this.size++;
    if (isIpv6(one.remoteAddress)) {
      this.peers.hold(one.remoteAddress);
      this.peers.hold(one.localAddress);
    }
  }

  delete(one: T): boolean {
    let at = this.home(one.remoteAddress, one.ports);
    while (this.slots[at] !== one) {
      if (this.slots[at] === undefined) return this.deleteFromSmaller(one);
      at = (at + 1) & this.mask;
    }
    this.size--;
    this.release(one);
    let hole = at;
    for (;;) {
      at = (at + 1) & this.mask;
      const next = this.slots[at];
      if (next === undefined) break;
      const home = this.home(next.remoteAddress, next.ports);
      // Move it back only when its home does not lie between the hole and where it is.
      if (((at - home) & this.mask) >= ((at - hole) & this.mask)) {
        this.slots[hole] = next;
        hole = at;
      }
    }
    this.slots[hole] = undefined;
    return true;
  }

  /** Its addresses are not kept for it any more. */
  private release(one: T): void {
    if (!isIpv6(one.remoteAddress)) return;
    this.peers.drop(one.remoteAddress);
    this.peers.drop(one.localAddress);
  }

  /** Places, taken or not. */
  get places(): number {
    return this.slots.length + (this.smaller === undefined ? 0 : this.smaller.length);
  }

  /** What is at a place, `0..places - 1`. */
  at(place: number): T | undefined {
    if (place < this.slots.length) return this.slots[place];
    const one = this.smaller?.[place - this.slots.length];
    return one === MOVED ? undefined : one;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (const one of this.slots) if (one !== undefined) yield one;
    for (const one of this.smaller ?? []) if (one !== undefined && one !== MOVED) yield one;
  }

  private place(one: T): void {
    let at = this.home(one.remoteAddress, one.ports);
    while (this.slots[at] !== undefined) at = (at + 1) & this.mask;
    this.slots[at] = one;
  }

  private grow(): void {
    // The table before this one has been empty for long: see `PLACES_A_STEP`.
    this.smaller = this.slots;
    this.emptied = 0;
    this.slots = new Array<T | undefined>(this.smaller.length * 2).fill(undefined);
    this.mask = this.slots.length - 1;
  }

  private empty(smaller: (T | typeof MOVED | undefined)[]): void {
    const end = Math.min(this.emptied + PLACES_A_STEP, smaller.length);
    for (let at = this.emptied; at < end; at++) {
      const one = smaller[at];
      if (one === undefined || one === MOVED) continue;
      smaller[at] = MOVED;
      this.place(one);
    }
    this.emptied = end;
    if (end === smaller.length) this.smaller = undefined;
  }

  private inSmaller(remote: number, local: number, ports: number): T | undefined {
    const smaller = this.smaller as (T | typeof MOVED | undefined)[];
    const mask = smaller.length - 1;
    for (let at = this.hash.of(remote, ports) & mask; ; at = (at + 1) & mask) {
      const one = smaller[at];
      if (one === undefined) return undefined;
      if (one === MOVED || one.ports !== ports || one.remoteAddress !== remote || one.localAddress !== local) continue;
      return one;
    }
  }

  private deleteFromSmaller(one: T): boolean {
    const { smaller } = this;
    if (smaller === undefined) return false;
    const mask = smaller.length - 1;
    let at = this.hash.of(one.remoteAddress, one.ports) & mask;
    for (; smaller[at] !== one; at = (at + 1) & mask) if (smaller[at] === undefined) return false;
    smaller[at] = MOVED;
    this.size--;
    this.release(one);
    return true;
  }
}
