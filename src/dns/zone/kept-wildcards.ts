/**
 * Records beside those of a zone's file make names exist, and above them others. A wildcard answers for a name only
 * while that is not there (RFC 4592 3.3.1): a proof at `_acme-challenge.www` would take away what `*` says of `www`.
 */
import { MAX_NAME } from '../wire/constants.js';
import { isWildcard, isWithin, lowerName, type Name, nameKey, parentOf } from '../wire/name.js';
import type { Data } from './zone.js';

/**
 * What wildcards say of names that exist by `more` alone, and of names below these, as records to be added to both.
 * `own`: the records of the zone; `more`: records within it.
 */
export function keptWildcards(own: readonly Data[], more: readonly Data[], apex: Name): readonly Data[] {
  if (more.length === 0) return [];
  const wildcards = own.filter(({ owner }) => isWildcard(owner));
  if (wildcards.length === 0) return [];
  const there = new Set<string>([nameKey(apex)]);
  for (const { owner } of own) {
    for (let name = lowerName(owner); isWithin(name, apex) && !there.has(nameKey(name)); name = parentOf(name))
      there.add(nameKey(name));
  }
  const kept: Data[] = [];
  for (const { owner } of more) {
    /** From the name above `owner` up to the one below the closest encloser (RFC 4592 3.3.1). */
    const made: Name[] = [];
    let name = parentOf(lowerName(owner));
    for (; isWithin(name, apex) && !there.has(nameKey(name)); name = parentOf(name)) made.push(name);
    const source = nameKey(belowOf(name));
    const records = wildcards.filter((one) => nameKey(one.owner) === source);
    for (const one of made) {
      there.add(nameKey(one));
      for (const place of [one, belowOf(one)]) {
        if (place.length <= MAX_NAME) kept.push(...records.map((record) => ({ ...record, owner: place })));
      }
    }
  }
  return kept;
}

/** The wildcard of the names below `name`. */
function belowOf(name: Name): Name {
  return Uint8Array.of(1, 0x2a, ...name);
}
