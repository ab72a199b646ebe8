/**
 * Packets in pieces, of either family (RFC 791 3.2, RFC 8200 4.5): bounded in number, memory and time. An overlap drops
 * all of a packet (RFC 5722).
 */
import { type Drops, dropReason } from '../../drops.js';

const OVERLAP = dropReason('fragment-overlap');
const TABLE_FULL = dropReason('fragment-table-full');
const TIMEOUT = dropReason('fragment-timeout');

const PACKETS = 64;
const FRAGMENTS = 128;
/** Memory of all of them, by what their parts were measured to cost. */
const MEMORY = 512 * 1024;
const PART_COST = 320;
const PACKET_COST = 512;

interface Part {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** A fragment as it lies in a frame: `bytes[start..end)` is its payload, `ip` the place of the IP header. */
interface Fragment {
  readonly bytes: Uint8Array;
  readonly ip: number;
  readonly start: number;
  readonly end: number;
  /** Where in the whole payload it belongs, and whether that goes on behind it. */
  readonly offset: number;
  readonly more: boolean;
}

/** A packet that is not whole yet. */
export class Partial {
  /** In the order of their offsets; they do not overlap. */
  readonly parts: Part[] = [];
  /** Bytes of its parts. */
  size = 0;
  /** Memory that it takes. */
  cost = PACKET_COST;
  /** Length of the whole payload; -1: the last fragment has not come. */
  total = -1;
  /** What is kept of the first fragment, for ICMP. */
  first: Uint8Array | undefined = undefined;
  /** Over IPv6: where in `first` the fragment header lies. */
  headerAt = 0;
  /** An overlap was seen: whatever comes is dropped until it expires. */
  poisoned = false;

  constructor(
    readonly key: string,
    readonly expires: number,
  ) {}

  /** The place of a part with this offset among `parts`. */
  placeOf(offset: number): number {
    const at = this.parts.findIndex((part) => part.offset >= offset);
    return at === -1 ? this.parts.length : at;
  }

  /** Whether `length` bytes at `offset`, with the place `index`, contradict the parts. `more`: they are not the end. */
  overlaps(index: number, offset: number, length: number, more: boolean): boolean {
    const next = this.parts[index];
    const previous = this.parts[index - 1];
    if (next !== undefined && offset + length > next.offset) return true;
    if (previous !== undefined && previous.offset + previous.bytes.length > offset) return true;
    // Two ends, or something behind the end.
    if (this.total !== -1 && (offset + length > this.total || !more)) return true;
    return !more && next !== undefined;
  }

  get whole(): boolean {
    return this.size === this.total;
  }

  /** Writes the payload into `into`, from `at` on. */
  join(into: Uint8Array, at: number): void {
    for (const { offset, bytes } of this.parts) into.set(bytes, at + offset);
  }
}

export class Pieces {
  private readonly table = new Map<string, Partial>();
  /** Bytes that all of them take. */
  memory = 0;

  /** `lifetime`: ms from the first fragment that came. */
  constructor(
    private readonly drops: Drops,
    private readonly lifetime: number,
  ) {}

  get size(): number {
    return this.table.size;
  }

  /** The packet with this key; a new one may take the place of the oldest. */
  of(key: string, now: number): Partial {
    const known = this.table.get(key);
    if (known !== undefined) return known;
    if (this.table.size >= PACKETS) this.remove(this.table.values().next().value as Partial, TABLE_FULL);
    const made = new Partial(key, now + this.lifetime);
    this.table.set(key, made);
    this.memory += PACKET_COST;
    return made;
  }

  /**
   * Keeps a fragment with the place `index`. `kept`: bytes that its packet keeps beside. The oldest packets give way to
   * it. False: it contradicts the others, which drops all of its packet, or there is no room, and it is dropped alone.
   */
  keep(one: Partial, index: number, fragment: Fragment, kept = 0): boolean {
    const { bytes, ip, start, end, offset, more } = fragment;
    const length = end - start;
    if (one.overlaps(index, offset, length, more)) {
      this.drops.count(OVERLAP, bytes, ip, end);
      this.poison(one);
      return false;
    }
    const cost = length + PART_COST + kept;
    while (this.memory + cost > MEMORY && this.table.size > 1) {
      const oldest = this.table.values().next().value as Partial;
      if (oldest === one) break;
      this.remove(oldest, TABLE_FULL);
    }
    if (this.memory + cost > MEMORY || one.parts.length >= FRAGMENTS) {
      this.drops.count(TABLE_FULL, bytes, ip, end);
      return false;
    }
    one.parts.splice(index, 0, { offset, bytes: bytes.slice(start, end) });
    one.size += length;
    one.cost += cost;
    this.memory += cost;
    if (!more) one.total = offset + length;
    return true;
  }

  /** RFC 5722 4: everything of it is forgotten, and what still comes of it is, too. */
  private poison(one: Partial): void {
    this.memory -= one.cost - PACKET_COST;
    one.cost = PACKET_COST;
    one.size = 0;
    one.parts.length = 0;
    one.first = undefined;
    one.poisoned = true;
  }

  /** It is whole. */
  forget(one: Partial): void {
    this.table.delete(one.key);
    this.memory -= one.cost;
  }

  private remove(one: Partial, reason: number): void {
    this.forget(one);
    this.drops.count(reason);
  }

  /** `timedOut` gets those whose first fragment came. Returns when it wants to be called again. */
  poll(now: number, timedOut: (one: Partial, first: Uint8Array) => void): number {
    for (const one of this.table.values()) {
      if (one.expires > now) return one.expires;
      this.remove(one, TIMEOUT);
      if (one.first !== undefined) timedOut(one, one.first);
    }
    return Number.POSITIVE_INFINITY;
  }

  clear(): void {
    this.table.clear();
    this.memory = 0;
  }
}
