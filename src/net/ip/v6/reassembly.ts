/** Packets in pieces (RFC 8200 4.5); an overlap drops all of it (RFC 5722). */
import { type Drops, dropReason } from '../../drops.js';
import { FRAGMENT, ICMPV6, IPV6_HEADER } from '../../wire/ipv6.js';
import { putUint16, uint16At } from '../../wire/tcp.js';
import { type Partial, Pieces } from '../contracts/pieces.js';
import type { Packet6 } from './link.js';

const OVERLAP = dropReason('fragment-overlap');
const TOO_BIG = dropReason('fragment-too-big');
const DUPLICATE = dropReason('fragment-duplicate');

/** RFC 8200 4.5: 60 s from the first that came. */
const LIFETIME = 60_000;

export class Ipv6Reassembly {
  /**
   * Of the packet that `add` returned: where the first header behind the fragment header is, and the field that names
   * it.
   */
  resumeAt = 0;
  resumeField = 0;
  private readonly pieces: Pieces;

  constructor(
    private readonly drops: Drops,
    /** Gets the first fragment of a packet that timed out, if that fragment came. */
    private readonly timedOut: (first: Uint8Array) => void,
  ) {
    this.pieces = new Pieces(drops, LIFETIME);
  }

  get size(): number {
    return this.pieces.size;
  }

  /** Bytes that all of them take. */
  get memory(): number {
    return this.pieces.memory;
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
    const one = this.pieces.of(keyOf(bytes, ip, header), now);
    if (one.poisoned) {
      this.drops.count(OVERLAP, bytes, ip, end);
      return undefined;
    }
    const index = one.placeOf(offset);
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
    const first = offset === 0 ? end - ip : 0;
    if (!this.pieces.keep(one, index, { bytes, ip, start, end, offset, more }, first)) return undefined;
    if (offset === 0) {
      // For ICMPv6, and for what stands before the fragment header.
      one.first = bytes.slice(ip, end);
      one.headerAt = header - ip;
      // RFC 8200 4.5: what the first fragment says comes next is what counts.
      one.first[field - ip] = bytes[header];
    }
    return one.whole ? this.whole(one) : undefined;
  }

  private whole(one: Partial): Uint8Array | undefined {
    const { headerAt, total } = one;
    const first = one.first as Uint8Array;
    this.pieces.forget(one);
    if (headerAt - IPV6_HEADER + total > 0xffff) {
      this.drops.count(TOO_BIG);
      return undefined;
    }
    const whole = new Uint8Array(headerAt + total);
    whole.set(first.subarray(0, headerAt));
    one.join(whole, headerAt);
    putUint16(whole, 4, headerAt - IPV6_HEADER + total);
    this.resumeAt = headerAt;
    this.resumeField = fieldBefore(whole, headerAt);
    return whole;
  }

  /** Drops what has not become whole in time; returns when it wants to be called again. */
  poll(now: number): number {
    // RFC 8200 4.5: reported if the first fragment came.
    return this.pieces.poll(now, ({ headerAt }, first) => this.timedOut(restored(first, headerAt)));
  }

  clear(): void {
    this.pieces.clear();
  }
}

/** Source, destination and identification (RFC 8200 4.5). */
function keyOf(bytes: Uint8Array, ip: number, header: number): string {
  return String.fromCharCode(...bytes.subarray(ip + 8, ip + IPV6_HEADER), ...bytes.subarray(header + 4, header + 8));
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

function sameBytes(part: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < part.length; i++) if (part[i] !== bytes[start + i]) return false;
  return true;
}

/** RFC 7112 5: whether the first fragment has the whole chain of headers, and the upper layer's header. */
export function chainIsWhole(next: number, at: number, end: number): boolean {
  const least = next === 6 ? 20 : next === 17 ? 8 : next === ICMPV6 ? 4 : 0;
  return at + least <= end;
}
