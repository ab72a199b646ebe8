/**
 * TIME-WAIT (RFC 9293 3.6.1): what is needed to answer a late FIN, and to know a new SYN from an old one; not a connection. A busy
 * server has tens of thousands of them for a minute each, so they are rows of typed arrays, some 60 bytes each: as objects they would
 * be copied by each collection of garbage until they are old.
 */
import { type Handle, isIpv6, type Peers } from '../../ip/ip-output.js';
import { FlowHash } from './flow-hash.js';
import type { KeyedHash } from './keyed-hash.js';

/** Twice the maximum segment lifetime, as Linux has it: 60 s. */
export const TIME_WAIT = 60_000;

/** Bits of `marks`. */
const STAMPED = 1;
const OPEN = 2;
/** The last answer was to a SYN. */
const SYN_ANSWERED = 4;

/** No row. */
export const NONE = -1;

/** One of them, for who hands it over. */
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
  /** The peer's FIN has yet to come: FIN-WAIT-2 of which the owner knows no more. */
  readonly open: boolean;
}

export class TimeWaitTable {
  size = 0;
  private readonly hash: FlowHash;
  /** Rows, by open addressing with linear probing, at most half full. */
  private slots = new Int32Array(128).fill(NONE);
  private rows!: Rows;
  private capacity = 64;
  /** A row that nobody has; `later` leads to the next. */
  private free = 0;
  /** In the order of their ends, which is that of their beginnings. */
  private first = NONE;
  private last = NONE;

  /** The oldest gives way beyond `most`. */
  constructor(
    hash: KeyedHash,
    private readonly most: number,
    private readonly peers: Peers,
  ) {
    this.hash = new FlowHash(hash);
    this.grow(0);
  }

  /** The row of a four-tuple, good until the next change; `NONE`. */
  find(remote: Handle, local: Handle, ports: number): number {
    const { slots, rows } = this;
    const mask = slots.length - 1;
    for (let at = this.hash.of(remote, ports) & mask; ; at = (at + 1) & mask) {
      const row = slots[at] as number;
      if (row === NONE) return NONE;
      if (rows.ports[row] === ports && rows.remote[row] === remote && rows.local[row] === local) return row;
    }
  }

  /** `expires` is not before that of any other; by little, it only lingers that little. */
  add(one: TimeWait): void {
    if (this.size >= this.most) this.delete(this.first);
    if (this.free === NONE) this.grow(this.capacity);
    const row = this.free;
    const { rows } = this;
    this.free = rows.later[row] as number;
    rows.remote[row] = one.remoteAddress;
    rows.local[row] = one.localAddress;
    rows.ports[row] = one.ports;
    rows.sndNxt[row] = one.sndNxt;
    rows.rcvNxt[row] = one.rcvNxt;
    rows.marks[row] = (one.timestamps ? STAMPED : 0) | (one.open ? OPEN : 0);
    rows.tsRecent[row] = one.tsRecent;
    rows.tsOffset[row] = one.tsOffset;
    rows.window[row] = one.window;
    this.append(row, one.expires);
    this.place(row);
    this.size++;
    if (isIpv6(one.remoteAddress)) {
      this.peers.hold(one.remoteAddress);
      this.peers.hold(one.localAddress);
    }
  }

  delete(row: number): void {
    this.unplace(row);
    this.unlink(row);
    const { remote, local, later } = this.rows;
    if (isIpv6(remote[row])) {
      this.peers.drop(remote[row]);
      this.peers.drop(local[row]);
    }
    later[row] = this.free;
    this.free = row;
    this.size--;
  }

  /** The peer's FIN has come, and is acknowledged from now on. */
  ended(row: number): void {
    const { rows } = this;
    rows.rcvNxt[row] = (rows.rcvNxt[row] as number) + 1;
    rows.marks[row] = (rows.marks[row] as number) & ~OPEN;
  }

  /** Notes whether what is answered now is a SYN. */
  answers(row: number, syn: boolean): void {
    const { marks } = this.rows;
    marks[row] = syn ? (marks[row] as number) | SYN_ANSWERED : (marks[row] as number) & ~SYN_ANSWERED;
  }

  answeredSyn(row: number): boolean {
    return ((this.rows.marks[row] as number) & SYN_ANSWERED) !== 0;
  }

  /** Its time begins anew. */
  restart(row: number, now: number): void {
    this.unlink(row);
    this.append(row, now + TIME_WAIT);
  }

  /** Forgets those whose time is over. When the next one's is: ms, or `Infinity`. */
  expire(now: number): number {
    while (this.first !== NONE && (this.rows.expires[this.first] as number) <= now) this.delete(this.first);
    return this.first === NONE ? Number.POSITIVE_INFINITY : (this.rows.expires[this.first] as number);
  }

  addressLost(local: Handle): void {
    for (let row = this.first; row !== NONE; ) {
      const next = this.rows.later[row] as number;
      if (this.rows.local[row] === local) this.delete(row);
      row = next;
    }
  }

  at(row: number): TimeWait {
    const { rows } = this;
    return {
      localAddress: rows.local[row] as number,
      remoteAddress: rows.remote[row] as number,
      ports: rows.ports[row] as number,
      sndNxt: rows.sndNxt[row] as number,
      rcvNxt: rows.rcvNxt[row] as number,
      timestamps: ((rows.marks[row] as number) & STAMPED) !== 0,
      open: ((rows.marks[row] as number) & OPEN) !== 0,
      tsRecent: rows.tsRecent[row] as number,
      tsOffset: rows.tsOffset[row] as number,
      expires: rows.expires[row] as number,
      window: rows.window[row] as number,
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

  private append(row: number, expires: number): void {
    const { rows } = this;
    rows.expires[row] = expires;
    rows.earlier[row] = this.last;
    rows.later[row] = NONE;
    if (this.last === NONE) this.first = row;
    else rows.later[this.last] = row;
    this.last = row;
  }

  private unlink(row: number): void {
    const { later, earlier } = this.rows;
    const after = later[row] as number;
    const before = earlier[row] as number;
    if (before === NONE) this.first = after;
    else later[before] = after;
    if (after === NONE) this.last = before;
    else earlier[after] = before;
  }

  private home(row: number): number {
    const { remote, ports } = this.rows;
    return this.hash.of(remote[row] as number, ports[row] as number) & (this.slots.length - 1);
  }

  private place(row: number): void {
    const { slots } = this;
    const mask = slots.length - 1;
    let at = this.home(row);
    while (slots[at] !== NONE) at = (at + 1) & mask;
    slots[at] = row;
  }

  private unplace(row: number): void {
    const { slots } = this;
    const mask = slots.length - 1;
    let hole = this.home(row);
    while (slots[hole] !== row) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; slots[at] !== NONE; at = (at + 1) & mask) {
      const home = this.home(slots[at] as number);
      // Moved back only when its home does not lie between the hole and where it is.
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots[hole] = slots[at] as number;
      hole = at;
    }
    slots[hole] = NONE;
  }

  /** Room for twice as many; `used` rows are there. */
  private grow(used: number): void {
    if (used > 0) this.capacity *= 2;
    const rows = new Rows(this.capacity);
    if (used > 0) rows.copy(this.rows);
    this.rows = rows;
    for (let row = used; row < this.capacity; row++) rows.later[row] = row + 1 < this.capacity ? row + 1 : NONE;
    this.free = used;
    if (used === 0) return;
    this.slots = new Int32Array(this.capacity * 2).fill(NONE);
    for (let row = 0; row < used; row++) this.place(row);
  }
}

class Rows {
  readonly remote: Int32Array;
  readonly local: Int32Array;
  readonly ports: Int32Array;
  readonly sndNxt: Int32Array;
  readonly rcvNxt: Int32Array;
  readonly tsRecent: Int32Array;
  readonly tsOffset: Int32Array;
  readonly earlier: Int32Array;
  readonly later: Int32Array;
  readonly expires: Float64Array;
  readonly window: Uint16Array;
  readonly marks: Uint8Array;

  constructor(capacity: number) {
    this.remote = new Int32Array(capacity);
    this.local = new Int32Array(capacity);
    this.ports = new Int32Array(capacity);
    this.sndNxt = new Int32Array(capacity);
    this.rcvNxt = new Int32Array(capacity);
    this.tsRecent = new Int32Array(capacity);
    this.tsOffset = new Int32Array(capacity);
    this.earlier = new Int32Array(capacity);
    this.later = new Int32Array(capacity);
    this.expires = new Float64Array(capacity);
    this.window = new Uint16Array(capacity);
    this.marks = new Uint8Array(capacity);
  }

  copy(old: Rows): void {
    for (const name of Object.keys(old) as (keyof Rows & keyof typeof old)[]) {
      const array = this[name] as unknown as { set(from: ArrayLike<number>): void };
      array.set(old[name] as unknown as ArrayLike<number>);
    }
  }
}
