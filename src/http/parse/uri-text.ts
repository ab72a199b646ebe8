/** For each octet that a URI must encode (RFC 3986 2), its percent-encoding; undefined for the others. */
const ENCODED: readonly (string | undefined)[] = Array.from({ length: 256 }, (_, c) =>
  c <= 0x20 || c >= 0x7f || '"<>\\^`{|}'.includes(String.fromCharCode(c))
    ? `%${c.toString(16).toUpperCase().padStart(2, '0')}`
    : undefined,
);

/** Percent-encodes the characters of `text`, which is Latin-1, that a URI must encode; existing encodings stay. */
export function uriText(text: string): string {
  let out = '';
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const encoded = ENCODED[text.charCodeAt(i)];
    if (encoded === undefined) continue;
    out += text.slice(from, i) + encoded;
    from = i + 1;
  }
  return from === 0 ? text : out + text.slice(from);
}
