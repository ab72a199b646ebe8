import type { Representation, Resource } from '../../store/store.js';
import { FIELD, type FieldId, type Fields } from '../parse/fields.js';
import { COMMA, isText, skipSpace } from '../parse/octets.js';
import { parseHttpDate } from './dates.js';

const PROCEED = 0;
export const NOT_MODIFIED = 1;
export const FAILED = 2;
export type Verdict = typeof PROCEED | typeof NOT_MODIFIED | typeof FAILED;

/** Returns milliseconds since 1970. A function, because most requests do not need the time. */
interface WallClock {
  readonly wallClock: number;
}

/** Of `Fields.present`: those that make a request conditional. */
export const CONDITIONS =
  (1 << FIELD.ifMatch) | (1 << FIELD.ifNoneMatch) | (1 << FIELD.ifModifiedSince) | (1 << FIELD.ifUnmodifiedSince);

/**
 * Evaluates the preconditions of a GET or HEAD against the selected representation, in the order of RFC 9110 13.2.2.
 * `clock` returns the time in milliseconds since 1970.
 */
export function evaluate(fields: Fields, resource: Resource, selected: Representation, clock: WallClock): Verdict {
  if ((fields.present & CONDITIONS) === 0) return PROCEED;
  const modified = resource.lastModified;
  if (fields.has(FIELD.ifMatch)) {
    if (!matches(fields, FIELD.ifMatch, selected.etag, false)) return FAILED;
  } else if (modified !== undefined) {
    const date = dateOf(fields, FIELD.ifUnmodifiedSince, clock);
    if (date !== undefined && modified > date) return FAILED;
  }
  if (fields.has(FIELD.ifNoneMatch)) {
    return matches(fields, FIELD.ifNoneMatch, selected.etag, true) ? NOT_MODIFIED : PROCEED;
  }
  if (modified !== undefined) {
    const date = dateOf(fields, FIELD.ifModifiedSince, clock);
    if (date !== undefined && modified <= date) return NOT_MODIFIED;
  }
  return PROCEED;
}

/** Whether `If-Range` allows the `Range` to be used: strong comparison, exact date (RFC 9110 13.1.5). */
export function rangeApplies(fields: Fields, resource: Resource, selected: Representation, clock: WallClock): boolean {
  if (!fields.has(FIELD.ifRange)) return true;
  if (fields.count(FIELD.ifRange) > 1) return false;
  const { bytes } = fields;
  const start = fields.start(FIELD.ifRange);
  const end = fields.end(FIELD.ifRange);
  if (isText(bytes, start, end, selected.etag)) return true;
  if (resource.lastModified === undefined) return false;
  // A date is strong only if it lies a while before the answer that carried it (RFC 9110 8.8.2.2); a bundle is made
  // before it is served.
  return parseHttpDate(bytes, start, end, clock.wallClock / 1000) === resource.lastModified;
}

function dateOf(fields: Fields, id: FieldId, clock: WallClock): number | undefined {
  // Several lines are no valid date, and an invalid date is ignored (RFC 9110 13.1.3, 13.1.4).
  if (!fields.has(id) || fields.count(id) > 1) return undefined;
  return parseHttpDate(fields.bytes, fields.start(id), fields.end(id), clock.wallClock / 1000);
}

function matches(fields: Fields, id: FieldId, etag: string, weak: boolean): boolean {
  if (fields.count(id) === 1) return listMatches(fields.bytes, fields.start(id), fields.end(id), etag, weak);
  let any = false;
  fields.each(id, (bytes, start, end) => {
    any ||= listMatches(bytes, start, end, etag, weak);
  });
  return any;
}

/**
 * `"*"` or a list of entity tags, RFC 9110 13.1.1; compared by 8.8.3.2: our tags are strong. Text that is no tag is
 * skipped up to the next comma.
 */
function listMatches(bytes: Uint8Array, start: number, end: number, etag: string, weak: boolean): boolean {
  if (end - start === 1 && bytes[start] === 0x2a) return true;
  for (let at = start; at < end; ) {
    at = skipSpace(bytes, at, end);
    const isWeak = at + 1 < end && bytes[at] === 0x57 && bytes[at + 1] === 0x2f;
    const open = isWeak ? at + 2 : at;
    if (open < end && bytes[open] === 0x22) {
      let close = open + 1;
      while (close < end && bytes[close] !== 0x22) close++;
      if (close === end) return false;
      if ((weak || !isWeak) && isText(bytes, open, close + 1, etag)) return true;
      at = close + 1;
    }
    while (at < end && bytes[at] !== COMMA) at++;
    at++;
  }
  return false;
}
