/**
 * IPv6 addresses by handle: a slab of 16-byte entries with a keyed hash over them. An entry that nothing holds stays
 * for a while, and the one that is idle longest is used again: a flood of sources takes no memory, and the handle of a
 * frame's source is good until that frame is dealt with.
 */

import type { Random } from '../../random.js';
import { formatIpv4, parseIpv4 } from '../../wire/address.js';
import { fold } from '../../wire/checksum.js';
import { formatIpv6, type Ipv6Bytes, parseIpv6 } from '../../wire/ipv6.js';
import { int32At, putInt32 } from '../../wire/tcp.js';
import { isIpv6, type Peers, type WordHash } from '../contracts/ip-output.js';

/** Entries that may be idle before one of them is used again: far more than one frame makes. */
const IDLE = 256;
const FIRST_SIZE = 1024;
/** Entries at most, of some 48 bytes each. The bounds of those that hold entries are reached before. */
const MOST = 1 << 20;
/** No entry. */
const NONE = 0;

export class PeerTable implements Peers {
  /** Entries that are in use, held or idle. */
  size = 0;
  private capacity = FIRST_SIZE;
  private words = new Int32Array(FIRST_SIZE * 4);
  private references = new Int32Array(FIRST_SIZE);
  /** Folded one's-complement sums of the addresses, for pseudo-headers. */
  private sums = new Uint16Array(FIRST_SIZE);
  private marks = new Uint8Array(FIRST_SIZE);
  /** Idle entries, the one that is idle longest first. */
  private later = new Int32Array(FIRST_SIZE);
  private earlier = new Int32Array(FIRST_SIZE);
  private first = NONE;
  private last = NONE;
  private idle = 0;
  /** Handles by open addressing with linear probing, at most half full. */
  private slots = new Int32Array(FIRST_SIZE * 2);
  private salt = 0;
  private salt2 = 1;

  /** `most`: entries at most; less in tests. */
  constructor(private readonly most = MOST) {}

  /** Chooses the places of addresses anew, so that no stranger knows which of them share one. */
  rekey(random: Random): void {
    this.salt = random.random32();
    this.salt2 = random.random32() | 1;
    this.slots.fill(NONE);
    for (let handle = 1; handle <= this.size; handle++) this.place(handle);
  }

  /**
   * The handle of the address at `bytes[at..at+16)`; 0: everything is held, and the table is full. `known`: what `find`
   * has just answered for it.
   */
  intern(bytes: Uint8Array, at = 0, known = this.find(bytes, at)): number {
    if (known === NONE) return this.make(bytes, at);
    // It is not the one that is idle longest any more: the next frame's addresses may not take its place.
    if (this.references[known] === 0 && this.last !== known) {
      this.unlink(known);
      this.append(known);
    }
    return known;
  }

  /** The handle of an address that has one; 0: it has none. */
  find(bytes: Uint8Array, at = 0): number {
    const a = int32At(bytes, at);
    const b = int32At(bytes, at + 4);
    const c = int32At(bytes, at + 8);
    const d = int32At(bytes, at + 12);
    const { slots, words } = this;
    const mask = slots.length - 1;
    for (let slot = this.hash(a, b, c, d) & mask; ; slot = (slot + 1) & mask) {
      const handle = slots[slot];
      if (handle === NONE) return NONE;
      const word = handle * 4;
      if (words[word + 3] === d && words[word + 2] === c && words[word + 1] === b && words[word] === a) return handle;
    }
  }

  private hash(a: number, b: number, c: number, d: number): number {
    let h = Math.imul(a ^ this.salt, this.salt2);
    h = Math.imul(h ^ (h >>> 15) ^ b, 0x2c1b3c6d);
    h = Math.imul(h ^ (h >>> 13) ^ c, 0x297a2d39);
    h = Math.imul(h ^ (h >>> 15) ^ d, this.salt2);
    h = Math.imul(h ^ (h >>> 13) ^ this.salt, 0x2c1b3c6d);
    return h ^ (h >>> 16);
  }

  private home(handle: number): number {
    const { words } = this;
    const at = handle * 4;
    return this.hash(words[at], words[at + 1], words[at + 2], words[at + 3]) & (this.slots.length - 1);
  }

  private make(bytes: Uint8Array, at: number): number {
    const handle = this.room();
    if (handle === NONE) return NONE;
    const { words } = this;
    let sum = 0;
    for (let i = 0; i < 4; i++) {
      const word = int32At(bytes, at + i * 4);
      words[handle * 4 + i] = word;
      sum += (word >>> 16) + (word & 0xffff);
    }
    this.sums[handle] = fold(sum);
    this.references[handle] = 0;
    this.marks[handle] = 0;
    this.place(handle);
    this.append(handle);
    return handle;
  }

  /** An entry to write to: a new one, or the one that is idle longest. */
  private room(): number {
    if (this.idle < IDLE || this.first === NONE) {
      if (this.size + 1 === this.capacity && this.capacity < this.most) this.grow();
      if (this.size + 1 < this.capacity) return ++this.size;
    }
    const oldest = this.first;
    if (oldest === NONE) return NONE;
    this.unlink(oldest);
    this.unplace(oldest);
    return oldest;
  }

  private grow(): void {
    this.capacity *= 2;
    const grown = <T extends Int32Array | Uint16Array | Uint8Array>(old: T, next: T): T => {
      next.set(old);
      return next;
    };
    this.words = grown(this.words, new Int32Array(this.capacity * 4));
    this.references = grown(this.references, new Int32Array(this.capacity));
    this.sums = grown(this.sums, new Uint16Array(this.capacity));
    this.marks = grown(this.marks, new Uint8Array(this.capacity));
    this.later = grown(this.later, new Int32Array(this.capacity));
    this.earlier = grown(this.earlier, new Int32Array(this.capacity));
    this.slots = new Int32Array(this.capacity * 2);
    for (let handle = 1; handle <= this.size; handle++) this.place(handle);
  }

  private place(handle: number): void {
    const { slots } = this;
    const mask = slots.length - 1;
    let slot = this.home(handle);
    while (slots[slot] !== NONE) slot = (slot + 1) & mask;
    slots[slot] = handle;
  }

  private unplace(handle: number): void {
    const { slots } = this;
    const mask = slots.length - 1;
    let hole = this.home(handle);
    while (slots[hole] !== handle) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; slots[at] !== NONE; at = (at + 1) & mask) {
      // Moved back only when its home does not lie between the hole and where it is.
      if (((at - this.home(slots[at])) & mask) < ((at - hole) & mask)) continue;
      slots[hole] = slots[at];
      hole = at;
    }
    slots[hole] = NONE;
  }

  private append(handle: number): void {
    this.earlier[handle] = this.last;
    this.later[handle] = NONE;
    if (this.last === NONE) this.first = handle;
    else this.later[this.last] = handle;
    this.last = handle;
    this.idle++;
  }

  private unlink(handle: number): void {
    const after = this.later[handle];
    const before = this.earlier[handle];
    if (before === NONE) this.first = after;
    else this.later[before] = after;
    if (after === NONE) this.last = before;
    else this.earlier[after] = before;
    this.idle--;
  }

  hold(handle: number): void {
    if (this.references[handle]++ === 0) this.unlink(handle);
  }

  drop(handle: number): void {
    if (--this.references[handle] === 0) this.append(handle);
  }

  /** How many hold it. */
  holders(handle: number): number {
    return this.references[handle];
  }

  /** Entries that something holds. */
  get held(): number {
    return this.size - this.idle;
  }

  /** Bits that the IP layer keeps with a held address. */
  markOf(handle: number): number {
    return this.marks[handle];
  }

  setMark(handle: number, bits: number): void {
    this.marks[handle] = bits;
  }

  /** One's-complement sum of the address, folded. */
  sumOf(handle: number): number {
    return this.sums[handle];
  }

  /** A 32-bit word of the address, 0..3. */
  word(handle: number, index: number): number {
    return this.words[handle * 4 + index];
  }

  /** Writes the address to `target[at..at+16)`. */
  write(handle: number, target: Uint8Array, at: number): void {
    const { words } = this;
    const from = handle * 4;
    putInt32(target, at, words[from]);
    putInt32(target, at + 4, words[from + 1]);
    putInt32(target, at + 8, words[from + 2]);
    putInt32(target, at + 12, words[from + 3]);
  }

  bytes(handle: number): Ipv6Bytes {
    const bytes = new Uint8Array(16);
    this.write(handle, bytes, 0);
    return bytes;
  }

  digest(handle: number, hash: WordHash): number {
    if (!isIpv6(handle)) return handle;
    const { words } = this;
    const at = handle * 4;
    return hash.of(words[at], words[at + 1], words[at + 2], words[at + 3]);
  }

  text(handle: number): string {
    return isIpv6(handle) ? formatIpv6(this.bytes(handle)) : formatIpv4(handle);
  }

  fromText(text: string): number | undefined {
    if (!text.includes(':')) return parseIpv4(text);
    const bytes = parseIpv6(text);
    return bytes === undefined ? undefined : this.intern(bytes) || undefined;
  }
}
