/** Datagrams in pieces (RFC 791 3.2, RFC 815); overlap is refused, as RFC 5722 does for IPv6. */
import { type Drops, dropReason } from '../drops.js';
import type { Datagram } from './contracts/datagram.js';
import { Pieces } from './contracts/pieces.js';

const OVERLAP = dropReason('fragment-overlap');
const TOO_BIG = dropReason('fragment-too-big');
const DUPLICATE = dropReason('fragment-duplicate');
const MALFORMED = dropReason('fragment-malformed');

/**
 * RFC 1122 3.3.2 asks for 60 to 120 s; every host on the Internet now takes 30 or less, since memory is what is
 * attacked.
 */
const LIFETIME = 30_000;

export class IpReassembly {
  private readonly pieces: Pieces;

  constructor(
    private readonly drops: Drops,
    /** Gets the first fragment of a datagram that timed out, if that fragment came: its header and 8 bytes. */
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
    const one = this.pieces.of(`${source},${destination},${protocol},${id}`, now);
    if (one.poisoned) {
      this.drops.count(OVERLAP, bytes, ip, end);
      return undefined;
    }
    const index = one.placeOf(offset);
    const next = one.parts[index];
    // What is there already is harmless, be it the very same fragment or a part of one: the first copy stays (RFC 791
    // 3.2).
    const holder = next !== undefined && next.offset === offset ? next : one.parts[index - 1];
    const stop = offset + length;
    if (holder !== undefined && stop <= holder.offset + holder.bytes.length && (more || stop === one.total)) {
      this.drops.count(DUPLICATE, bytes, ip, end);
      return undefined;
    }
    if (!this.pieces.keep(one, index, { bytes, ip, start, end, offset, more })) return undefined;
    if (offset === 0) one.first = bytes.slice(ip, Math.min(end, start + 8));
    if (!one.whole) return undefined;
    const whole = new Uint8Array(one.total);
    one.join(whole, 0);
    this.pieces.forget(one);
    return whole;
  }

  /** Drops what has not become whole in time; returns when it wants to be called again. */
  poll(now: number): number {
    return this.pieces.poll(now, (_one, first) => this.timedOut(first));
  }

  clear(): void {
    this.pieces.clear();
  }
}
