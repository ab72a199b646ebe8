/** Paths as they stand in a `Location` field. */
const encoder = new TextEncoder();
const HEX = '0123456789ABCDEF';

/** The characters that RFC 3986 3.3 allows in a path: pchar and the slash. */
const PLAIN = new Uint8Array(256);
for (const c of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/")
  PLAIN[c.charCodeAt(0)] = 1;

/**
 * The characters allowed in the value of a query's parameter: those of a path, without separators (RFC 3986 3.4, and
 * forms).
 */
const IN_QUERY = Uint8Array.from(PLAIN);
for (const c of "&'+;=") IN_QUERY[c.charCodeAt(0)] = 0;

/** Characters that a URI must encode (RFC 3986 2): browsers send some of them unencoded all the same. */
const NOWHERE = new Uint8Array(256);
for (const c of '"<>\\^`{|}') NOWHERE[c.charCodeAt(0)] = 1;

/** Of such characters alone most paths are: a string that grows by a character at a time is garbage for each. */
const ALL_PLAIN = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/]*$/;

/** Percent-encodes a decoded path, byte by byte (RFC 3986 2.1). NUL, which no path has, stands for an encoded slash. */
export function encodePath(path: string): string {
  return ALL_PLAIN.test(path) ? path : encodeBut(path, PLAIN);
}

/** The same for text in a query. */
export function encodeQuery(text: string): string {
  return encodeBut(text, IN_QUERY);
}

function encodeBut(text: string, plain: Uint8Array): string {
  const bytes = encoder.encode(text);
  let out = '';
  for (const b of bytes) {
    if (b === 0) out += '%2F';
    else out += plain[b] ? String.fromCharCode(b) : `%${HEX[b >> 4]}${HEX[b & 15]}`;
  }
  return out;
}

/** What `sameOrigin` leaves as it is. */
const ON_THIS_HOST = /^\/(?![/\\])[A-Za-z0-9\-._~!$&'()*+,;=:@/?#%[\]]*$/;

/**
 * Turns `location` into an origin-relative reference that stays on this host: exactly one slash at its beginning, no
 * backslash (browsers treat it as a slash), no control character. Encoded characters stay encoded.
 */
export function sameOrigin(location: string): string {
  if (ON_THIS_HOST.test(location)) return location;
  let out = '';
  for (const b of encoder.encode(location.replace(/^[/\\]*/, '/'))) {
    out += b > 0x20 && b < 0x7f && !NOWHERE[b] ? String.fromCharCode(b) : `%${HEX[b >> 4]}${HEX[b & 15]}`;
  }
  return out;
}

/** Lower case and one normal form, so that paths that differ only in these become equal. */
export function foldPath(path: string): string {
  // ASCII text is its own normal form; most paths are ASCII.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  return (/^[\x00-\x7f]*$/.test(path) ? path : path.normalize('NFC')).toLowerCase();
}
