/**
 * How long an answer may be cached without revalidation, by the file's type and whether its name is a fingerprint (RFC
 * 9111 5.2.2, RFC 8246).
 */
const IMMUTABLE = 'public, max-age=31536000, immutable';
/** May be cached, but is revalidated each time: a 304 costs little, a stale page costs trust. */
const REVALIDATE = 'no-cache';
/** Pictures, fonts, sound and film of a fixed name: they are not revalidated one by one on each visit of a page. */
const SHORT = 'public, max-age=600, must-revalidate';

/**
 * The value of `Cache-Control` for a file that no rule of the site matches. `immutable`: the content at the path never
 * changes.
 */
export function cacheControl(type: string, immutable: boolean): string {
  if (immutable) return IMMUTABLE;
  return /^(?:image|font|video|audio)\//.test(type) ? SHORT : REVALIDATE;
}
