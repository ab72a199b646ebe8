import type { Resource } from '../../store/store.js';
import { FIELD, type Fields } from '../parse/fields.js';
import { latin1 } from '../parse/octets.js';
import { eachWeighted, type WeightedMember } from '../parse/weighted-list.js';

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
  const take: WeightedMember = (bytes, from, to, weight) => {
    if (ranges.length < RANGES) ranges.push({ tag: latin1(bytes, from, to).toLowerCase(), weight });
  };
  fields.each(FIELD.acceptLanguage, (bytes, start, end) => eachWeighted(bytes, start, end, take));
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
