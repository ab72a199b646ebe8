/**
 * How long an answer may be kept without asking again, by the file's type and whether its name is a fingerprint (RFC
 * 9111 5.2.2, RFC 8246).
 */
const IMMUTABLE = 'public, max-age=31536000, immutable';
/** May be kept, but is asked for each time: a 304 costs little, a stale page costs trust. */
const REVALIDATE = 'no-cache';
/** Pictures, fonts, sound and film of a fixed name: a page full of them is not asked for one by one on each visit. */
const SHORT = 'public, max-age=600, must-revalidate';

/**
 * The value of `Cache-Control` for a file that no rule of the site speaks of. `immutable`: what the path names never
 * changes.
 */
export function cacheControl(type: string, immutable: boolean): string {
  if (immutable) return IMMUTABLE;
  return /^(?:image|font|video|audio)\//.test(type) ? SHORT : REVALIDATE;
}
