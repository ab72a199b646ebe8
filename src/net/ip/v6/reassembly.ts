/** Packets in pieces (RFC 8200 4.5), bounded in number, bytes and time; an overlap drops all of it (RFC 5722). */
import { type Drops, dropReason } from '../../drops.js';
import { FRAGMENT, ICMPV6, IPV6_HEADER } from '../../wire/ipv6.js';
import { putUint16, uint16At } from '../../wire/tcp.js';
import type { Packet6 } from './link.js';

const OVERLAP = dropReason('fragment-overlap');
const TOO_BIG = dropReason('fragment-too-big');
const TABLE_FULL = dropReason('fragment-table-full');
const TIMEOUT = dropReason('fragment-timeout');
const DUPLICATE = dropReason('fragment-duplicate');

const PACKETS = 64;
const FRAGMENTS = 128;
const BYTES = 512 * 1024;
/** RFC 8200 4.5: 60 s from the first that came. */
const LIFETIME = 60_000;

interface Part {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

interface Partial {
  readonly key: string;
  /** In the order of their offsets; they do not overlap. */
  readonly parts: Part[];
  size: number;
  /** Length of the whole fragmentable part; -1: the last fragment has not come. */
  total: number;
  readonly expires: number;
  /** The first fragment as it came, for ICMPv6, and for what stands before the fragment header. */
  first: Uint8Array | undefined;
  /** Where in `first` the fragment header lies. */
  headerAt: number;
  /** An overlap was seen: whatever comes is dropped until it expires. */
  poisoned: boolean;
}

export class Ipv6Reassembly {
  /**
   * Of the packet that `add` returned: where the first header behind the fragment header is, and the field that names
   * it.
   */
  resumeAt = 0;
  resumeField = 0;
  private readonly table = new Map<string, Partial>();
  private bytes = 0;

  constructor(
    private readonly drops: Drops,
    /** Gets the first fragment of a packet that timed out, if that fragment came. */
    private readonly timedOut: (first: Uint8Array) => void,
  ) {}

  get size(): number {
    return this.table.size;
  }

  /**
   * A fragment, `packet`, its fragment header at `header`. `field`: where the header before names the fragment header.
   * Returns the whole packet, without a fragment header, once it is there.
   */
  add({ bytes, ip, end }: Packet6, header: number, field: number, now: number): Uint8Array | undefined {
    const start = header + 8;
    const length = end - start;
    const word = uint16At(bytes, header + 2);
    const offset = word & 0xfff8;
    const more = (word & 1) !== 0;
    const one = this.of(bytes, ip, header, now);
    if (one.poisoned) {
      this.drops.count(OVERLAP, bytes, ip, end);
      return undefined;
    }
    const index = placeOf(one.parts, offset);
    const same = one.parts[index];
    // The very same fragment again does no harm, and is no overlap (RFC 8200 4.5 allows it).
    if (
      same !== undefined &&
      same.offset === offset &&
      same.bytes.length === length &&
      sameBytes(same.bytes, bytes, start)
    ) {
      this.drops.count(DUPLICATE, bytes, ip, end);
      return undefined;
    }
    if (overlaps(one, index, offset, length, more)) {
      this.poison(one);
      this.drops.count(OVERLAP, bytes, ip, end);
      return undefined;
    }
    if (one.parts.length >= FRAGMENTS || this.bytes + length > BYTES) {
      this.remove(one, one.parts.length >= FRAGMENTS ? TOO_BIG : TABLE_FULL);
      return undefined;
    }
    one.parts.splice(index, 0, { offset, bytes: bytes.slice(start, end) });
    one.size += length;
    this.bytes += length;
    if (!more) one.total = offset + length;
    if (offset === 0) {
      one.first = bytes.slice(ip, end);
      one.headerAt = header - ip;
      // RFC 8200 4.5: what the first fragment says comes next is what counts.
      one.first[field - ip] = bytes[header];
    }
    return one.size === one.total ? this.whole(one) : undefined;
  }

  private of(bytes: Uint8Array, ip: number, header: number, now: number): Partial {
    const key = String.fromCharCode(
      ...bytes.subarray(ip + 8, ip + IPV6_HEADER),
      ...bytes.subarray(header + 4, header + 8),
    );
    const known = this.table.get(key);
    if (known !== undefined) return known;
    if (this.table.size >= PACKETS) this.remove(this.table.values().next().value as Partial, TABLE_FULL);
    const times = { expires: now + LIFETIME, first: undefined, headerAt: 0, poisoned: false };
    const made: Partial = { key, parts: [], size: 0, total: -1, ...times };
    this.table.set(key, made);
    return made;
  }

  /** RFC 5722 4: everything of it is forgotten, and what still comes of it is, too. */
  private poison(one: Partial): void {
    this.bytes -= one.size;
    one.size = 0;
    one.parts.length = 0;
    one.first = undefined;
    one.poisoned = true;
  }

  private whole(one: Partial): Uint8Array | undefined {
    const { headerAt, total } = one;
    const first = one.first as Uint8Array;
    this.table.delete(one.key);
    this.bytes -= one.size;
    if (headerAt - IPV6_HEADER + total > 0xffff) {
      this.drops.count(TOO_BIG);
      return undefined;
    }
    const whole = new Uint8Array(headerAt + total);
    whole.set(first.subarray(0, headerAt));
    for (const { offset, bytes } of one.parts) whole.set(bytes, headerAt + offset);
    putUint16(whole, 4, headerAt - IPV6_HEADER + total);
    this.resumeAt = headerAt;
    this.resumeField = fieldBefore(whole, headerAt);
    return whole;
  }

  private remove(one: Partial, reason: number): void {
    this.table.delete(one.key);
    this.bytes -= one.size;
    this.drops.count(reason);
  }

  poll(now: number): number {
    for (const one of this.table.values()) {
      if (one.expires > now) return one.expires;
      const first = one.first;
      this.remove(one, TIMEOUT);
      // RFC 8200 4.5: reported if the first fragment came.
      if (first !== undefined) this.timedOut(restored(first, one.headerAt));
    }
    return Number.POSITIVE_INFINITY;
  }

  clear(): void {
    this.table.clear();
    this.bytes = 0;
  }
}

/** The packet as it came: the header before the fragment header names that again. */
function restored(first: Uint8Array, headerAt: number): Uint8Array {
  first[fieldBefore(first, headerAt)] = FRAGMENT;
  return first;
}

/** Where the header is named that stands at `headerAt`. */
function fieldBefore(packet: Uint8Array, headerAt: number): number {
  let field = 6;
  for (let at = IPV6_HEADER; at < headerAt; at += (packet[at + 1] + 1) * 8) field = at;
  return field;
}

/** The place of a part with this offset among `parts`. */
function placeOf(parts: readonly Part[], offset: number): number {
  const at = parts.findIndex((part) => part.offset >= offset);
  return at === -1 ? parts.length : at;
}

function overlaps(one: Partial, index: number, offset: number, length: number, more: boolean): boolean {
  const next = one.parts[index];
  const previous = one.parts[index - 1];
  if (next !== undefined && offset + length > next.offset) return true;
  if (previous !== undefined && previous.offset + previous.bytes.length > offset) return true;
  // Two ends, or something behind the end.
  if (one.total !== -1 && (offset + length > one.total || !more)) return true;
  return !more && next !== undefined;
}

function sameBytes(part: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < part.length; i++) if (part[i] !== bytes[start + i]) return false;
  return true;
}

/** RFC 7112 5: whether the first fragment has the whole chain of headers, and the upper layer's header. */
export function chainIsWhole(next: number, at: number, end: number): boolean {
  const least = next === 6 ? 20 : next === 17 ? 8 : next === ICMPV6 ? 4 : 0;
  return at + least <= end;
}
