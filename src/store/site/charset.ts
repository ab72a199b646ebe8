/** The encoding that a file declares itself: the field in an answer would overrule it. */

/** The bytes of a page in which a browser looks for it (HTML Living Standard 13.2.3.2); bytes. */
const LOOKED_AT = 1024;
const UTF8 = new Set(['utf-8', 'utf8', 'unicode-1-1-utf-8']);

/** The beginning of a file, each byte a character. */
function latin1(bytes: Uint8Array, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, length)).toString('latin1');
}

/** Of a byte order mark (Encoding Standard 6); undefined: there is none. */
function markedCharset(bytes: Uint8Array): string | undefined {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return 'utf-8';
  if (a === 0xfe && b === 0xff) return 'utf-16be';
  return a === 0xff && b === 0xfe ? 'utf-16le' : undefined;
}

/** Of a page: its mark, or the first `meta` that says one, in lower case; undefined: it says nothing. */
export function htmlCharset(bytes: Uint8Array): string | undefined {
  const marked = markedCharset(bytes);
  if (marked !== undefined) return marked;
  const text = latin1(bytes, LOOKED_AT);
  for (let at = 0; ; at++) {
    at = text.indexOf('<', at);
    if (at < 0) return undefined;
    if (text.startsWith('<!--', at)) {
      const end = text.indexOf('-->', at + 2);
      if (end < 0) return undefined;
      at = end + 2;
      continue;
    }
    const meta = /^<meta[\s/]((?:[^>"']|"[^"]*"|'[^']*')*)/i.exec(text.slice(at));
    const said = meta === null ? undefined : metaCharset(meta[1]!);
    if (said !== undefined) return said.startsWith('utf-16') ? 'utf-8' : said;
  }
}

const ATTRIBUTE = /([^\s"'>/=]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/g;

function metaCharset(attributes: string): string | undefined {
  const values = new Map<string, string>();
  for (const [, name, a, b, c] of attributes.matchAll(ATTRIBUTE)) {
    const key = name!.toLowerCase();
    if (!values.has(key)) values.set(key, a ?? b ?? c ?? '');
  }
  const content =
    values.get('http-equiv')?.trim().toLowerCase() === 'content-type'
      ? /charset\s*=\s*["']?([^\s;"']+)/i.exec(values.get('content') ?? '')?.[1]
      : undefined;
  return (values.get('charset') ?? content)?.trim().toLowerCase();
}

/** Of a style sheet: its mark, or `@charset` as its first bytes (CSS Syntax 3.2). */
export function cssCharset(bytes: Uint8Array): string | undefined {
  return markedCharset(bytes) ?? /^@charset "([^"]{1,64})";/.exec(latin1(bytes, 128))?.[1]?.toLowerCase();
}

/** Of an XML document: its mark, or its declaration (XML 1.0 4.3.3). */
export function xmlCharset(bytes: Uint8Array): string | undefined {
  const marked = markedCharset(bytes);
  if (marked !== undefined) return marked;
  if (bytes[0] === 0 || bytes[1] === 0) return 'utf-16';
  return /^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([\w.:-]+)["']/.exec(latin1(bytes, LOOKED_AT))?.[1]?.toLowerCase();
}

/** Whether a declared encoding is incompatible with UTF-8. ASCII is compatible. */
export function isForeign(charset: string | undefined): boolean {
  return charset !== undefined && !UTF8.has(charset) && charset !== 'us-ascii' && charset !== 'ascii';
}

/** The text of a page, in the declared encoding or in UTF-8. */
export function textOfPage(bytes: Uint8Array): string {
  const charset = htmlCharset(bytes);
  try {
    return new TextDecoder(isForeign(charset) ? charset : 'utf-8').decode(bytes);
  } catch (error) {
    // An unknown label: a browser ignores it.
    if (!(error instanceof RangeError)) throw error;
    return new TextDecoder().decode(bytes);
  }
}
