/**
 * Node carries the data of every language (ICU), a third of its size. The server needs none of it but the roots and
 * English, as Node's own builds with "small-icu" have: the rest is blanked in the image's copy, which compresses to
 * nothing.
 */

/**
 * Where an ICU data file begins: header of 0x90 bytes, magic, little-endian, ASCII, two-byte characters, format "CmnD".
 */
const MARK = Buffer.from('9000da271400000000000200436d6e44', 'hex');
const KEPT =
  /(?:^|\/)(?:root|en|en_US|en_US_POSIX|res_index|pool|supplementalData|likelySubtags|timezoneTypes|zoneinfo64|metaZones|windowsZones|numberingSystems|plurals|pluralRanges|dayPeriods|keyTypeData|metadata|icustd|icuver|currencyNumericCodes|genderList|grammaticalFeatures|units|langInfo|tzdbNames)\.res$|\.(?:icu|nrm|cfu|spp)$|\/(?:char|word|line|sent|title)\.brk$/;

/** Blanks them in `file`, in place. Returns how many bytes; 0 where there is no such data. */
export function keepEnglishOnly(file: Uint8Array): number {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const at = bytes.indexOf(MARK);
  if (at < 0) return 0;
  const table = at + bytes.readUInt16LE(at);
  const count = bytes.readUInt32LE(table);
  const items: { name: string; from: number }[] = [];
  for (let i = 0; i < count; i++) {
    const name = table + bytes.readUInt32LE(table + 4 + i * 8);
    items.push({
      name: bytes.toString('latin1', name, bytes.indexOf(0, name)),
      from: table + bytes.readUInt32LE(table + 8 + i * 8),
    });
  }
  let blanked = 0;
  for (let i = 0; i + 1 < items.length; i++) {
    const { name, from } = items[i]!;
    const end = items[i + 1]!.from;
    if (end <= from || KEPT.test(name)) continue;
    bytes.fill(0, from, end);
    blanked += end - from;
  }
  return blanked;
}
