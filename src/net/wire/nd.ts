/** Neighbour discovery (RFC 4861 4): options, walked once and checked; flags of advertisements. */

/** Option types. */
export const SOURCE_LINK_ADDRESS = 1;
export const TARGET_LINK_ADDRESS = 2;
export const PREFIX_INFORMATION = 3;
export const MTU_OPTION = 5;
/** RFC 7527 / RFC 3971 5.3.2. */
export const NONCE = 14;
/** RFC 4191 2.3. */
export const ROUTE_INFORMATION = 24;
/** RFC 8106 5. */
export const RDNSS = 25;

/** Flags of a neighbour advertisement, in the first of its four bytes. */
export const NA_ROUTER = 0x80;
export const NA_SOLICITED = 0x40;
export const NA_OVERRIDE = 0x20;

/** Every message of neighbour discovery carries it (RFC 4861 6.1, 7.1): it has crossed no router. */
export const ND_HOP_LIMIT = 255;

/** RFC 7527 4.1 asks for 48 bits. */
export const NONCE_BYTES = 6;

/** Options that one message may have: a packet of 1500 bytes has room for 185. */
const MOST_OPTIONS = 192;

/**
 * Calls `option` with the type, the place and the end of each option of `bytes[start..end)`. Returns whether the list
 * is whole: a length of zero, or one beyond the end, makes the message invalid (RFC 4861 4.6).
 */
export function walkOptions(
  bytes: Uint8Array,
  start: number,
  end: number,
  option: (type: number, at: number, end: number) => void,
): boolean {
  if (!optionsAreWhole(bytes, start, end)) return false;
  for (let at = start; at < end; at += bytes[at + 1] * 8) option(bytes[at], at, at + bytes[at + 1] * 8);
  return true;
}

function optionsAreWhole(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  for (let count = 0; at < end; count++) {
    if (count === MOST_OPTIONS || at + 2 > end || bytes[at + 1] === 0) return false;
    at += bytes[at + 1] * 8;
  }
  return at === end;
}

/** Where the first option of a type begins; -1: there is none. For a list that is whole. */
export function findOption(bytes: Uint8Array, start: number, end: number, type: number): number {
  for (let at = start; at < end; at += bytes[at + 1] * 8) if (bytes[at] === type) return at;
  return -1;
}
