/** `Priority`, RFC 9218 4 and 5: a dictionary of structured fields (RFC 8941 3.2), of which `u` and `i` matter. */
import { CLASS, COMMA, DIGIT, HTAB, SP } from '../parse/octets.js';

export const DEFAULT_URGENCY = 3;
export const LOWEST_URGENCY = 7;

/** The priority that a client gives an answer. */
export class Priority {
  /** 0 (first) to 7 (last). */
  urgency = DEFAULT_URGENCY;
  /** Parts of the answer are useful: it shares the connection with others. */
  incremental = false;

  reset(): void {
    this.urgency = DEFAULT_URGENCY;
    this.incremental = false;
  }

  /**
   * Reads `bytes[start..end)`. Unknown members, and values that a member cannot have, are ignored (RFC 9218 4). A text
   * that is no dictionary is ignored as a whole (RFC 8941 4.2). Of equal keys the last counts.
   */
  parse(bytes: Uint8Array, start: number, end: number): void {
    this.reset();
    let urgency = DEFAULT_URGENCY;
    let incremental = false;
    for (let at = skip(bytes, start, end, false); at < end; ) {
      const keyStart = at;
      if (!isKeyStart(bytes[at]!)) return;
      while (at < end && isKey(bytes[at]!)) at++;
      const key = at - keyStart === 1 ? bytes[keyStart] : 0;
      const valueStart = at;
      at = itemEnd(bytes, at, end);
      if (at < 0) return;
      const valueEnd = parameters(bytes, valueStart, at);
      if (key === 0x75) urgency = urgencyOf(bytes, valueStart, valueEnd, urgency);
      else if (key === 0x69) incremental = incrementalOf(bytes, valueStart, valueEnd, incremental);
      at = skip(bytes, at, end, true);
      if (at === end) break;
      if (bytes[at] !== COMMA) return;
      at = skip(bytes, at + 1, end, true);
      // A comma at the end is an error (RFC 8941 4.2.2).
      if (at === end) return;
    }
    this.urgency = urgency;
    this.incremental = incremental;
  }
}

function skip(bytes: Uint8Array, at: number, end: number, tabs: boolean): number {
  while (at < end && (bytes[at] === SP || (tabs && bytes[at] === HTAB))) at++;
  return at;
}

function isKeyStart(c: number): boolean {
  return (c >= 0x61 && c <= 0x7a) || c === 0x2a;
}

function isKey(c: number): boolean {
  return isKeyStart(c) || (CLASS[c]! & DIGIT) !== 0 || c === 0x5f || c === 0x2d || c === 0x2e;
}

/**
 * Where a member with its parameters ends: at a comma or space outside of strings and lists; -1: a string or list does
 * not end.
 */
function itemEnd(bytes: Uint8Array, start: number, end: number): number {
  let quoted = false;
  let listed = false;
  let at = start;
  for (; at < end; at++) {
    const c = bytes[at]!;
    if (quoted) {
      if (c === 0x5c) at++;
      else if (c === 0x22) quoted = false;
    } else if (c === 0x22) quoted = true;
    else if (c === 0x28) listed = true;
    else if (c === 0x29) listed = false;
    else if (!listed && (c === COMMA || c === SP || c === HTAB)) break;
  }
  return quoted || listed ? -1 : at;
}

/** Where the value ends and its parameters begin. */
function parameters(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) if (bytes[at] === 0x3b) return at;
  return end;
}

/** `=0` to `=7`, RFC 9218 4.1; any other value changes nothing. */
function urgencyOf(bytes: Uint8Array, start: number, end: number, otherwise: number): number {
  if (end - start !== 2 || bytes[start] !== 0x3d) return otherwise;
  const value = bytes[start + 1]! - 0x30;
  return value >= 0 && value <= LOWEST_URGENCY ? value : otherwise;
}

/** Nothing, or `=?1` or `=?0`, RFC 9218 4.2. */
function incrementalOf(bytes: Uint8Array, start: number, end: number, otherwise: boolean): boolean {
  if (end === start) return true;
  if (end - start !== 3 || bytes[start] !== 0x3d || bytes[start + 1] !== 0x3f) return otherwise;
  return bytes[start + 2] === 0x31 ? true : bytes[start + 2] === 0x30 ? false : otherwise;
}
