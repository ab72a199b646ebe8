/**
 * Finds a connection by its four-tuple: open addressing over typed arrays, integer keys, keyed hash against made-up
 * collisions, no allocation a look-up. At most half full; linear probing, deletion by shifting back.
 */
import { isIpv6, type Peers } from '../../ip/ip-output.js';
import { FlowHash } from './flow-hash.js';
import type { KeyedHash } from './keyed-hash.js';

export interface Keyed {
  readonly remoteAddress: number;
  readonly localAddress: number;
  /** `remote << 16 | local`. */
  readonly ports: number;
}

export class FlowTable<T extends Keyed> {
  size = 0;
  private slots: (T | undefined)[] = new Array<T | undefined>(64).fill(undefined);
  private mask = 63;
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
      if (one === undefined) return undefined;
      if (one.ports === ports && one.remoteAddress === remote && one.localAddress === local) return one;
      at = (at + 1) & this.mask;
    }
  }

  add(one: T): void {
    if ((this.size + 1) * 2 > this.slots.length) this.grow();
    this.place(one);
    this.size++;
    if (isIpv6(one.remoteAddress)) {
      this.peers.hold(one.remoteAddress);
      this.peers.hold(one.localAddress);
    }
  }

  private place(one: T): void {
    let at = this.home(one.remoteAddress, one.ports);
    while (this.slots[at] !== undefined) at = (at + 1) & this.mask;
    this.slots[at] = one;
  }

  private grow(): void {
    const old = this.slots;
    this.slots = new Array<T | undefined>(old.length * 2).fill(undefined);
    this.mask = this.slots.length - 1;
    for (const one of old) if (one !== undefined) this.place(one);
  }

  delete(one: T): boolean {
    let at = this.home(one.remoteAddress, one.ports);
    while (this.slots[at] !== one) {
      if (this.slots[at] === undefined) return false;
      at = (at + 1) & this.mask;
    }
    this.size--;
    if (isIpv6(one.remoteAddress)) {
      this.peers.drop(one.remoteAddress);
      this.peers.drop(one.localAddress);
    }
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

  /** Places, taken or not. */
  get places(): number {
    return this.slots.length;
  }

  /** What is at a place, `0..places - 1`. */
  at(place: number): T | undefined {
    return this.slots[place];
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (const one of this.slots) if (one !== undefined) yield one;
  }
}
