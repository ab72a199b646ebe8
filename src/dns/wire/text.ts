/** The data of a TXT record (RFC 1035 3.3.14). */

const LONGEST = 255;

/** `bytes` as strings of 255 octets at most: whoever reads the record puts them together again. */
export function textData(bytes: Uint8Array): Uint8Array {
  const strings = Math.max(1, Math.ceil(bytes.length / LONGEST));
  const data = new Uint8Array(strings + bytes.length);
  for (let i = 0; i < strings; i++) {
    const string = bytes.subarray(i * LONGEST, (i + 1) * LONGEST);
    data[i * (LONGEST + 1)] = string.length;
    data.set(string, i * (LONGEST + 1) + 1);
  }
  return data;
}
