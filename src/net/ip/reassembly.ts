/**
 * Datagrams in pieces (RFC 791 3.2, RFC 815), bounded in number, bytes and time; overlap is refused, as RFC 5722 does
 * for IPv6.
 */
import { type Drops, dropReason } from '../drops.js';
import type { Datagram } from './contracts/datagram.js';

const OVERLAP = dropReason('fragment-overlap');
const TOO_BIG = dropReason('fragment-too-big');
const TABLE_FULL = dropReason('fragment-table-full');
const TIMEOUT = dropReason('fragment-timeout');
const DUPLICATE = dropReason('fragment-duplicate');
const MALFORMED = dropReason('fragment-malformed');

const DATAGRAMS = 64;
const FRAGMENTS = 128;
/** Memory of all of them, by what their parts were measured to cost. */
const BYTES = 512 * 1024;
const PART_COST = 320;
const DATAGRAM_COST = 512;
/**
 * RFC 1122 3.3.2 asks for 60 to 120 s; every host on the Internet now takes 30 or less, since memory is what is
 * attacked.
 */
const LIFETIME = 30_000;

interface Partial {
  readonly key: string;
  readonly parts: { offset: number; bytes: Uint8Array }[];
  /** Bytes of its parts. */
  size: number;
  /** Memory that it takes. */
  cost: number;
  /** Length of the whole payload; -1: the last fragment has not come. */
  total: number;
  readonly expires: number;
  /** Header and 8 bytes of the first fragment, for ICMP. */
  first: Uint8Array | undefined;
  /** An overlap was seen: whatever comes is dropped until it expires. */
  poisoned: boolean;
}

export class IpReassembly {
  private readonly table = new Map<string, Partial>();
  /** Memory that all of them take. */
  private bytes = 0;

  constructor(
    private readonly drops: Drops,
    /** Gets the first fragment of a datagram that timed out, if that fragment came. */
    private readonly timedOut: (first: Uint8Array) => void,
  ) {}

  get size(): number {
    return this.table.size;
  }

  /** A fragment, whose payload begins at `offset` in bytes. Returns the whole payload once it is there. */
  add(fragment: Datagram, protocol: number, id: number, offset: number, more: boolean): Uint8Array | undefined {
    const { source, destination, bytes, ip, start, end, now } = fragment;
    const length = end - start;
    if (length === 0 || (more && length % 8 !== 0)) {
      this.drops.count(MALFORMED, bytes, ip, end);
      return undefined;
    }
    if (offset + length > 65_515) {
      this.drops.count(TOO_BIG, bytes, ip, end);
      return undefined;
    }
    const key = `${source},${destination},${protocol},${id}`;
    let one = this.table.get(key);
    if (one === undefined) {
      if (this.table.size >= DATAGRAMS) this.remove(this.table.values().next().value as Partial, TABLE_FULL);
      const expires = now + LIFETIME;
      one = { key, parts: [], size: 0, cost: DATAGRAM_COST, total: -1, expires, first: undefined, poisoned: false };
      this.table.set(key, one);
      this.bytes += DATAGRAM_COST;
    }
    if (one.poisoned) {
      this.drops.count(OVERLAP, bytes, ip, end);
      return undefined;
    }
    const at = one.parts.findIndex((part) => part.offset >= offset);
    const index = at === -1 ? one.parts.length : at;
    const next = one.parts[index];
    const previous = one.parts[index - 1];
    // What is there already is harmless, be it the very same fragment or a part of one: the first copy stays (RFC 791
    // 3.2).
    const holder = next !== undefined && next.offset === offset ? next : previous;
    const stop = offset + length;
    if (holder !== undefined && stop <= holder.offset + holder.bytes.length && (more || stop === one.total)) {
      this.drops.count(DUPLICATE, bytes, ip, end);
      return undefined;
    }
    const overlaps =
      (next !== undefined && offset + length > next.offset) ||
      (previous !== undefined && previous.offset + previous.bytes.length > offset) ||
      (one.total !== -1 && (offset + length > one.total || !more)) ||
      (!more && one.parts.length > 0 && index < one.parts.length);
    if (overlaps) {
      this.drops.count(OVERLAP, bytes, ip, end);
      this.bytes -= one.cost - DATAGRAM_COST;
      one.cost = DATAGRAM_COST;
      one.size = 0;
      one.parts.length = 0;
      one.poisoned = true;
      return undefined;
    }
    const cost = length + PART_COST;
    while (this.bytes + cost > BYTES && this.table.size > 1) {
      const oldest = this.table.values().next().value as Partial;
      if (oldest === one) break;
      this.remove(oldest, TABLE_FULL);
    }
    if (this.bytes + cost > BYTES || one.parts.length >= FRAGMENTS) {
      this.drops.count(TABLE_FULL, bytes, ip, end);
      return undefined;
    }
    one.parts.splice(index, 0, { offset, bytes: bytes.slice(start, end) });
    one.size += length;
    one.cost += cost;
    this.bytes += cost;
    if (!more) one.total = offset + length;
    if (offset === 0) one.first = bytes.slice(ip, Math.min(end, start + 8));
    if (one.total === -1 || one.size !== one.total) return undefined;
    const whole = new Uint8Array(one.total);
    for (const part of one.parts) whole.set(part.bytes, part.offset);
    this.table.delete(key);
    this.bytes -= one.cost;
    return whole;
  }

  private remove(one: Partial, reason: number): void {
    this.table.delete(one.key);
    this.bytes -= one.cost;
    this.drops.count(reason);
  }

  poll(now: number): number {
    for (const one of this.table.values()) {
      if (one.expires > now) return one.expires;
      this.remove(one, TIMEOUT);
      if (one.first !== undefined && !one.poisoned) this.timedOut(one.first);
    }
    return Number.POSITIVE_INFINITY;
  }

  clear(): void {
    this.table.clear();
    this.bytes = 0;
  }
}
