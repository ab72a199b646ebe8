/**
 * Extension headers on the way in (RFC 8200 4): walked in order, bounded (RFC 8504 5.3), with what is to be done
 * about a bad one.
 */
import { ERRONEOUS_FIELD, UNRECOGNIZED_NEXT_HEADER, UNRECOGNIZED_OPTION } from '../../wire/icmpv6.js';
import {
  DESTINATION_AT,
  DESTINATION_OPTIONS,
  FRAGMENT,
  HOP_BY_HOP,
  IPV6_HEADER,
  isMulticast6,
  NEXT_HEADER_AT,
  NO_NEXT_HEADER,
  ROUTING,
} from '../../wire/ipv6.js';
import type { Packet6 } from './link.js';

/** Headers of one packet: as many as 1500 bytes have room for. Walking them all takes a few microseconds. */
const MOST_HEADERS = 184;
/** Options that are not padding, in one header, and bytes of padding in a row (RFC 8504 5.3; as Linux has it). */
const MOST_OPTIONS = 8;
const MOST_PADDING = 7;

/** What became of a chain. */
export const UPPER = 0;
export const FRAGMENTED = 1;
/** Nothing follows (RFC 8200 4.7). */
export const NOTHING = 2;
/** Dropped in silence: it is cut off, or beyond a bound. */
export const MALFORMED = 3;
/** Dropped, and answered by a parameter problem with `code` and `pointer`. */
export const PROBLEM = 4;
/** Dropped because of an option or a routing header; answered by a parameter problem if `code` is not -1. */
export const OPTION = 5;
export const ROUTED = 6;

const PAD1 = 0;
const PADN = 1;
const ROUTER_ALERT = 5;

/** Reads the chain of one packet; used again for the next. */
export class ExtensionHeaders {
  /** The header behind those that were walked, and where it begins. */
  next = 0;
  at = 0;
  /** Where the field is that names it. */
  field = 0;
  code = -1;
  /** From the IPv6 header on. */
  pointer = 0;

  /** Walks the headers of a packet from its first one on. */
  walk(packet: Packet6): number {
    return this.from(packet, packet.ip + IPV6_HEADER, packet.ip + NEXT_HEADER_AT, true);
  }

  /** Goes on at `start` with the header that `bytes[named]` names. `first`: nothing stands before it. */
  from({ bytes, ip, end }: Packet6, start: number, named: number, first = false): number {
    let at = start;
    let field = named;
    for (let count = 0; ; count++) {
      const next = bytes[field];
      this.next = next;
      this.at = at;
      this.field = field;
      if (next === NO_NEXT_HEADER) return NOTHING;
      if (next === HOP_BY_HOP && !(first && count === 0)) {
        // RFC 8200 4.1: right behind the IPv6 header or nowhere.
        return this.problem(UNRECOGNIZED_NEXT_HEADER, field - ip);
      }
      if (next === FRAGMENT) return at + 8 > end ? MALFORMED : FRAGMENTED;
      if (next !== HOP_BY_HOP && next !== DESTINATION_OPTIONS && next !== ROUTING) return UPPER;
      if (count === MOST_HEADERS || at + 8 > end) return MALFORMED;
      const stop = at + (bytes[at + 1] + 1) * 8;
      if (stop > end) return MALFORMED;
      const outcome = next === ROUTING ? this.routing(bytes, ip, at) : this.options(bytes, ip, at + 2, stop);
      if (outcome !== UPPER) return outcome;
      field = at;
      at = stop;
    }
  }

  private problem(code: number, pointer: number): number {
    this.code = code;
    this.pointer = pointer;
    return PROBLEM;
  }

  /**
   * RFC 8200 4.4: without segments left it is skipped, whatever its type; RFC 5095: type 0 is as unknown as any
   * other.
   */
  private routing(bytes: Uint8Array, ip: number, at: number): number {
    if (bytes[at + 3] === 0) return UPPER;
    this.code = ERRONEOUS_FIELD;
    this.pointer = at + 2 - ip;
    return ROUTED;
  }

  /** RFC 8200 4.2. */
  private options(bytes: Uint8Array, ip: number, start: number, stop: number): number {
    let options = 0;
    let padding = 0;
    for (let at = start; at < stop; ) {
      const type = bytes[at];
      if (type === PAD1) {
        at++;
        if (++padding > MOST_PADDING) return MALFORMED;
        continue;
      }
      if (at + 2 > stop) return MALFORMED;
      const length = 2 + bytes[at + 1];
      if (at + length > stop) return MALFORMED;
      if (type === PADN) {
        padding += length;
        if (padding > MOST_PADDING) return MALFORMED;
      } else {
        padding = 0;
        if (++options > MOST_OPTIONS) return MALFORMED;
        // What a router is to look at is nothing to a host.
        if (type !== ROUTER_ALERT) {
          const outcome = this.unknown(bytes, ip, at);
          if (outcome !== UPPER) return outcome;
        }
      }
      at += length;
    }
    return UPPER;
  }

  /** RFC 8200 4.2: its two highest bits say what is to be done about an option that is not known. */
  private unknown(bytes: Uint8Array, ip: number, at: number): number {
    const action = bytes[at] >> 6;
    if (action === 0) return UPPER;
    const tell = action === 2 || (action === 3 && !isMulticast6(bytes, ip + DESTINATION_AT));
    this.code = tell ? UNRECOGNIZED_OPTION : -1;
    this.pointer = at - ip;
    return OPTION;
  }
}

/**
 * Where the upper layer's header of a packet that was quoted begins, and its protocol, as `[at, protocol]`; undefined:
 * it is not in the quotation, or it is in a later fragment.
 */
export function upperLayer(bytes: Uint8Array, ip: number, end: number): readonly [number, number] | undefined {
  if (end - ip < IPV6_HEADER) return undefined;
  let at = ip + IPV6_HEADER;
  let next = bytes[ip + NEXT_HEADER_AT];
  for (let count = 0; count < MOST_HEADERS; count++) {
    if (next === FRAGMENT) {
      if (at + 8 > end || ((bytes[at + 2] << 8) | (bytes[at + 3] & 0xf8)) !== 0) return undefined;
      next = bytes[at];
      at += 8;
    } else if (next === HOP_BY_HOP || next === DESTINATION_OPTIONS || next === ROUTING) {
      if (at + 8 > end) return undefined;
      next = bytes[at];
      at += (bytes[at + 1] + 1) * 8;
    } else return at <= end ? [at, next] : undefined;
  }
  return undefined;
}
