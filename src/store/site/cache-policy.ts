/** How long an answer may be kept without asking again, by the file's name and type (RFC 9111 5.2.2, RFC 8246). */
const IMMUTABLE = 'public, max-age=31536000, immutable';
/** May be kept, but is asked for each time: a 304 costs little, a stale page costs trust. */
const REVALIDATE = 'no-cache';
/** Pictures, fonts, sound and film of a fixed name: a page full of them is not asked for one by one on each visit. */
const SHORT = 'public, max-age=600, must-revalidate';

/**
 * Whether the name carries a hash of the content, as bundlers write it: `name.HASH.ext`, `name-HASH.ext`, `name_HASH.ext`. To be
 * wrong freezes a file for a year, so a date, a word or a number is not taken for one: hex digits want letters and
 * figures both, and mixed letters count for scripts, styles and fonts only.
 */
export function fingerprinted(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const hex = /[^/]*[._-]_?([0-9a-f]{8,64})(?:\.[A-Za-z0-9]+){1,2}$/.exec(name)?.[1];
  if (hex !== undefined && /[a-f]/.test(hex) && /[0-9]/.test(hex)) return true;
  const mixed = /[^/]*[.-]([A-Za-z0-9_-]{8,12}|[A-Za-z0-9]{8,32})\.(?:js|mjs|css|woff2?|wasm|js\.map|css\.map)$/.exec(
    name,
  )?.[1];
  if (mixed === undefined || !/[a-z]/.test(mixed) || !/[A-Z]/.test(mixed.slice(1))) return false;
  return /[0-9]/.test(mixed) || /[a-z][A-Z]{2,}|[A-Z].*[a-z].*[A-Z].*[a-z]/.test(mixed);
}

/** The value of `Cache-Control` for a file that no rule of the site speaks of. */
export function cacheControl(path: string, type: string): string {
  if (type.startsWith('text/html') || /\/(?:sw|service-?worker)[^/]*\.m?js$/i.test(path)) return REVALIDATE;
  if (fingerprinted(path)) return IMMUTABLE;
  return /^(?:image|font|video|audio)\//.test(type) ? SHORT : REVALIDATE;
}
