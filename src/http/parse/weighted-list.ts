import { CLASS, COMMA, DIGIT, SEMICOLON, skipSpace, trimEnd } from './octets.js';

/** A member of a list: `bytes[from..to)`, and its weight in thousandths, 0..1000. */
export type WeightedMember = (bytes: Uint8Array, from: number, to: number, weight: number) => void;

/**
 * Reads one field line's list of members with weights (RFC 9110 12.4.2, 5.6.1), as in `Accept-Encoding` and
 * `Accept-Language`. Members that do not parse are left out.
 */
export function eachWeighted(bytes: Uint8Array, start: number, end: number, each: WeightedMember): void {
  for (let at = start; at < end; ) {
    let stop = at;
    let parameters = -1;
    for (; stop < end && bytes[stop] !== COMMA; stop++) {
      if (bytes[stop] === SEMICOLON && parameters < 0) parameters = stop;
    }
    const from = skipSpace(bytes, at, stop);
    const to = trimEnd(bytes, from, parameters < 0 ? stop : parameters);
    const weight = parameters < 0 ? 1000 : qualityOf(bytes, parameters + 1, stop);
    if (weight >= 0 && to > from) each(bytes, from, to, weight);
    at = stop + 1;
  }
}

/** `q=0.5` among parameters, in thousandths; -1 when it is no `qvalue` (RFC 9110 12.4.2). */
function qualityOf(bytes: Uint8Array, start: number, end: number): number {
  const at = skipSpace(bytes, start, end);
  const stop = trimEnd(bytes, at, end);
  if (stop - at < 3 || (bytes[at]! | 0x20) !== 0x71 || bytes[at + 1] !== 0x3d) return -1;
  const whole = bytes[at + 2]! - 0x30;
  if (whole !== 0 && whole !== 1) return -1;
  let value = whole * 1000;
  if (stop === at + 3) return value;
  if (bytes[at + 3] !== 0x2e || stop - at > 7) return -1;
  let unit = 100;
  for (let i = at + 4; i < stop; i++) {
    if ((CLASS[bytes[i]!]! & DIGIT) === 0) return -1;
    value += (bytes[i]! - 0x30) * unit;
    unit /= 10;
  }
  return value > 1000 ? -1 : value;
}
