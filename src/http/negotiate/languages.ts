import type { Resource } from '../../store/store.js';
import { qualityOf } from '../parse/encodings.js';
import { FIELD, type Fields } from '../parse/fields.js';
import { COMMA, latin1, SEMICOLON, skipSpace, trimEnd } from '../parse/octets.js';

/** A language range (RFC 4647 2.1) in small letters, with its weight in thousandths. */
interface Range {
  readonly tag: string;
  readonly weight: number;
}

/** More ranges than this come from an attacker, not from a browser. */
const RANGES = 64;

/**
 * The translation that `Accept-Language` prefers (RFC 9110 12.5.4). Of equals, and when none is acceptable, the first:
 * a page in a foreign language is better than none.
 */
export function chooseLanguage(fields: Fields, languages: readonly Resource[]): Resource {
  if (!fields.has(FIELD.acceptLanguage)) return languages[0]!;
  const ranges: Range[] = [];
  fields.each(FIELD.acceptLanguage, (bytes, start, end) => readRanges(bytes, start, end, ranges));
  let best = languages[0]!;
  let bestWeight = 0;
  for (const one of languages) {
    const weight = weightOf((one.language ?? '').toLowerCase(), ranges);
    if (weight > bestWeight) {
      best = one;
      bestWeight = weight;
    }
  }
  return best;
}

function readRanges(bytes: Uint8Array, start: number, end: number, ranges: Range[]): void {
  for (let at = start; at < end && ranges.length < RANGES; ) {
    let stop = at;
    let parameters = -1;
    for (; stop < end && bytes[stop] !== COMMA; stop++) {
      if (bytes[stop] === SEMICOLON && parameters < 0) parameters = stop;
    }
    const from = skipSpace(bytes, at, stop);
    const to = trimEnd(bytes, from, parameters < 0 ? stop : parameters);
    const weight = parameters < 0 ? 1000 : qualityOf(bytes, parameters + 1, stop);
    if (weight >= 0 && to > from) ranges.push({ tag: latin1(bytes, from, to).toLowerCase(), weight });
    at = stop + 1;
  }
}

/**
 * The weight of the longest range that matches the tag (RFC 4647 3.3.1). `en-gb` also matches `en`, with a little less
 * weight (3.4), and `*` matches any tag.
 */
function weightOf(tag: string, ranges: readonly Range[]): number {
  let length = -1;
  let weight = 0;
  for (const range of ranges) {
    const inside = range.tag === '*' || tag === range.tag || tag.startsWith(`${range.tag}-`);
    const wider = range.tag.startsWith(`${tag}-`);
    if (tag === '' || (!inside && !wider)) continue;
    const specific = range.tag === '*' ? 0 : inside ? range.tag.length : 0.5;
    if (specific <= length) continue;
    length = specific;
    weight = inside ? range.weight : range.weight * 0.999;
  }
  return weight;
}
