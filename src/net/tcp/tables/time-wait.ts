/**
 * TIME-WAIT (RFC 9293 3.6.1): what is needed to answer a late FIN, and to distinguish a new SYN from an old one; not a
 * connection. A busy server has tens of thousands of them for a minute each. So they are rows of typed arrays, some 60
 * bytes each. As objects, each garbage collection would copy them until they are old.
 *
 * Rows lie in pages, and their places move to a larger table step by step, so that no packet pays for all of them.
 */
import { type Handle, isIpv6, type Peers } from '../../ip/contracts/ip-output.js';
import type { KeyedHash } from '../../keyed-hash.js';
import { FlowHash } from './flow-hash.js';
import { PLACES_A_STEP } from './flow-table.js';

/** Twice the maximum segment lifetime, as Linux has it: 60 s. */
export const TIME_WAIT = 60_000;

/** Bits of `marks`. */
const STAMPED = 1;
const OPEN = 2;
/** The last answer was to a SYN. */
const SYN_ANSWERED = 4;

/** No row. */
export const NONE = -1;

/** A place holds the number of a row, and above it bits of its hash: a search looks at hardly any other row. */
const ROW_BITS = 20;
const ROW = (1 << ROW_BITS) - 1;

/** Marks a place of the smaller table whose row has moved: a search goes on behind it. */
const MOVED = -2;

/** Rows of a page, a power of two. */
const PAGE_BITS = 9;
const PAGE = 1 << PAGE_BITS;
const IN_PAGE = PAGE - 1;
/** With one page more, some rows would be taken for `NONE` and `MOVED`. */
const MOST_ROWS = (1 << ROW_BITS) - PAGE;

/** One connection in TIME-WAIT, as it is handed over. */
export interface TimeWait {
  readonly localAddress: Handle;
  readonly remoteAddress: Handle;
  readonly ports: number;
  readonly sndNxt: number;
  readonly rcvNxt: number;
  readonly timestamps: boolean;
  readonly tsRecent: number;
  readonly tsOffset: number;
  readonly expires: number;
  /** As it stood in the header of the last segment. */
  readonly window: number;
  /** The peer's FIN has yet to come: a connection in FIN-WAIT-2 whose owner has left it. */
  readonly open: boolean;
}

export class TimeWaitTable {
  size = 0;
  private readonly hash: FlowHash;
  private readonly most: number;
  /** Rows with bits of their hashes, by open addressing with linear probing, at most half full. */
  private slots = new Int32Array(128).fill(NONE);
  /** The smaller table, whose places before `emptied` are empty; undefined: all rows are in `slots`. */
  private smaller: Int32Array | undefined = undefined;
  private emptied = 0;
  private readonly pages: Page[] = [];
  /** The first free row; `later` leads to the next. */
  private free = NONE;
  /** In the order of their ends, which is that of their beginnings. */
  private first = NONE;
  private last = NONE;

  /** The oldest gives way beyond `most`. */
  constructor(
    hash: KeyedHash,
    most: number,
    private readonly peers: Peers,
  ) {
    this.most = Math.min(most, MOST_ROWS);
    this.hash = new FlowHash(hash);
  }

  /** The row of a four-tuple, good until the next change; `NONE`. */
  find(remote: Handle, local: Handle, ports: number): number {
    const hash = this.hash.of(remote, ports);
    const row = this.findIn(this.slots, hash, remote, local, ports);
    return row !== NONE || this.smaller === undefined ? row : this.findIn(this.smaller, hash, remote, local, ports);
  }

  /**
   * `expires` must not be before that of any other row. If it is by a little, the row only stays that little longer.
   */
  add(one: TimeWait): void {
    if (this.size >= this.most) this.delete(this.first);
    if (this.smaller !== undefined) this.empty(this.smaller);
    if ((this.size + 1) * 2 > this.slots.length) this.grow();
    if (this.free === NONE) this.addPage();
    const row = this.free;
    const page = this.page(row);
    const at = row & IN_PAGE;
    this.free = page.later[at] as number;
    page.remote[at] = one.remoteAddress;
    page.local[at] = one.localAddress;
    page.ports[at] = one.ports;
    page.sndNxt[at] = one.sndNxt;
    page.rcvNxt[at] = one.rcvNxt;
    page.marks[at] = (one.timestamps ? STAMPED : 0) | (one.open ? OPEN : 0);
    page.tsRecent[at] = one.tsRecent;
    page.tsOffset[at] = one.tsOffset;
    page.window[at] = one.window;
    this.append(row, one.expires);
    this.place(row);
    this.size++;
    if (isIpv6(one.remoteAddress)) {
      this.peers.hold(one.remoteAddress);
      this.peers.hold(one.localAddress);
    }
  }

  delete(row: number): void {
    if (!this.unplace(row)) this.unplaceSmaller(row);
    this.unlink(row);
    const page = this.page(row);
    const at = row & IN_PAGE;
    if (isIpv6(page.remote[at] as number)) {
      this.peers.drop(page.remote[at] as number);
      this.peers.drop(page.local[at] as number);
    }
    page.later[at] = this.free;
    this.free = row;
    this.size--;
  }

  /** The peer's FIN has come, and is acknowledged from now on. */
  ended(row: number): void {
    const page = this.page(row);
    const at = row & IN_PAGE;
    page.rcvNxt[at] = (page.rcvNxt[at] as number) + 1;
    page.marks[at] = (page.marks[at] as number) & ~OPEN;
  }

  /** Notes whether what is answered now is a SYN. */
  answers(row: number, syn: boolean): void {
    const { marks } = this.page(row);
    const at = row & IN_PAGE;
    marks[at] = syn ? (marks[at] as number) | SYN_ANSWERED : (marks[at] as number) & ~SYN_ANSWERED;
  }

  answeredSyn(row: number): boolean {
    return ((this.page(row).marks[row & IN_PAGE] as number) & SYN_ANSWERED) !== 0;
  }

  /** Its time begins anew. */
  restart(row: number, now: number): void {
    this.unlink(row);
    this.append(row, now + TIME_WAIT);
  }

  /** Forgets the rows whose time is over. Returns when the next one's is: ms, or `Infinity`. */
  expire(now: number): number {
    while (this.first !== NONE && this.expiresOf(this.first) <= now) this.delete(this.first);
    return this.first === NONE ? Number.POSITIVE_INFINITY : this.expiresOf(this.first);
  }

  addressLost(local: Handle): void {
    for (let row = this.first; row !== NONE; ) {
      const page = this.page(row);
      const next = page.later[row & IN_PAGE] as number;
      if (page.local[row & IN_PAGE] === local) this.delete(row);
      row = next;
    }
  }

  at(row: number): TimeWait {
    const page = this.page(row);
    const at = row & IN_PAGE;
    return {
      localAddress: page.local[at] as number,
      remoteAddress: page.remote[at] as number,
      ports: page.ports[at] as number,
      sndNxt: page.sndNxt[at] as number,
      rcvNxt: page.rcvNxt[at] as number,
      timestamps: ((page.marks[at] as number) & STAMPED) !== 0,
      open: ((page.marks[at] as number) & OPEN) !== 0,
      tsRecent: page.tsRecent[at] as number,
      tsOffset: page.tsOffset[at] as number,
      expires: page.expires[at] as number,
      window: page.window[at] as number,
    };
  }

  /** Takes out all of them, the oldest first. */
  take(): TimeWait[] {
    const all: TimeWait[] = [];
    while (this.first !== NONE) {
      all.push(this.at(this.first));
      this.delete(this.first);
    }
    return all;
  }

  private page(row: number): Page {
    return this.pages[row >> PAGE_BITS] as Page;
  }

  private expiresOf(row: number): number {
    return this.page(row).expires[row & IN_PAGE] as number;
  }

  private append(row: number, expires: number): void {
    const page = this.page(row);
    const at = row & IN_PAGE;
    page.expires[at] = expires;
    page.earlier[at] = this.last;
    page.later[at] = NONE;
    if (this.last === NONE) this.first = row;
    else this.page(this.last).later[this.last & IN_PAGE] = row;
    this.last = row;
  }

  private unlink(row: number): void {
    const { later, earlier } = this.page(row);
    const after = later[row & IN_PAGE] as number;
    const before = earlier[row & IN_PAGE] as number;
    if (before === NONE) this.first = after;
    else this.page(before).later[before & IN_PAGE] = after;
    if (after === NONE) this.last = before;
    else this.page(after).earlier[after & IN_PAGE] = before;
  }

  private hashOf(row: number): number {
    const page = this.page(row);
    const at = row & IN_PAGE;
    return this.hash.of(page.remote[at] as number, page.ports[at] as number);
  }

  private findIn(slots: Int32Array, hash: number, remote: Handle, local: Handle, ports: number): number {
    const mask = slots.length - 1;
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const found = slots[place] as number;
      if (found === NONE) return NONE;
      if (((found ^ hash) & ~ROW) !== 0 || found === MOVED) continue;
      const row = found & ROW;
      const page = this.page(row);
      const at = row & IN_PAGE;
      if (page.ports[at] === ports && page.remote[at] === remote && page.local[at] === local) return row;
    }
  }

  private place(row: number): void {
    const { slots } = this;
    const mask = slots.length - 1;
    const hash = this.hashOf(row);
    let at = hash & mask;
    while (slots[at] !== NONE) at = (at + 1) & mask;
    slots[at] = inPlace(row, hash);
  }

  /** Takes a row out of its place. False: it has none in `slots`. */
  private unplace(row: number): boolean {
    const { slots } = this;
    const mask = slots.length - 1;
    const hash = this.hashOf(row);
    const wanted = inPlace(row, hash);
    let hole = hash & mask;
    for (; slots[hole] !== wanted; hole = (hole + 1) & mask) if (slots[hole] === NONE) return false;
    for (let at = (hole + 1) & mask; slots[at] !== NONE; at = (at + 1) & mask) {
      const home = this.hashOf((slots[at] as number) & ROW) & mask;
      // Moved back only when its home does not lie between the hole and where it is.
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots[hole] = slots[at] as number;
      hole = at;
    }
    slots[hole] = NONE;
    return true;
  }

  private unplaceSmaller(row: number): void {
    const smaller = this.smaller as Int32Array;
    const mask = smaller.length - 1;
    const hash = this.hashOf(row);
    const wanted = inPlace(row, hash);
    let at = hash & mask;
    while (smaller[at] !== wanted) at = (at + 1) & mask;
    smaller[at] = MOVED;
  }

  private grow(): void {
    // The table before this one has been empty for long: see `PLACES_A_STEP`.
    this.smaller = this.slots;
    this.emptied = 0;
    this.slots = new Int32Array(this.smaller.length * 2).fill(NONE);
  }

  private empty(smaller: Int32Array): void {
    const end = Math.min(this.emptied + PLACES_A_STEP, smaller.length);
    for (let at = this.emptied; at < end; at++) {
      const found = smaller[at] as number;
      if (found === NONE || found === MOVED) continue;
      smaller[at] = MOVED;
      this.place(found & ROW);
    }
    this.emptied = end;
    if (end === smaller.length) this.smaller = undefined;
  }

  /** More rows, all of them free. */
  private addPage(): void {
    const start = this.pages.length * PAGE;
    const page = new Page();
    for (let at = 0; at < PAGE; at++) page.later[at] = at + 1 < PAGE ? start + at + 1 : NONE;
    this.pages.push(page);
    this.free = start;
  }
}

function inPlace(row: number, hash: number): number {
  return (hash & ~ROW) | row;
}

/** Rows that lie together. */
class Page {
  readonly remote = new Int32Array(PAGE);
  readonly local = new Int32Array(PAGE);
  readonly ports = new Int32Array(PAGE);
  readonly sndNxt = new Int32Array(PAGE);
  readonly rcvNxt = new Int32Array(PAGE);
  readonly tsRecent = new Int32Array(PAGE);
  readonly tsOffset = new Int32Array(PAGE);
  readonly earlier = new Int32Array(PAGE);
  readonly later = new Int32Array(PAGE);
  readonly expires = new Float64Array(PAGE);
  readonly window = new Uint16Array(PAGE);
  readonly marks = new Uint8Array(PAGE);
}
