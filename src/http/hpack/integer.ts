/** Integers with a prefix, RFC 7541 5.1. */

/** Continuation octets that are read: 28 bits, more than any valid number here. */
const MOST_OCTETS = 4;

/** Reads them; the place behind the last one is in `at`. One for all connections. */
export class IntegerReader {
  at = 0;

  /**
   * The integer whose first octet is `bytes[at]`, with a prefix of `bits`; -1: it does not end before `end`, or is too
   * large.
   */
  read(bytes: Uint8Array, at: number, end: number, bits: number): number {
    const most = (1 << bits) - 1;
    let value = bytes[at++]! & most;
    if (value === most) {
      for (let shift = 0; ; shift += 7) {
        if (at >= end || shift === 7 * MOST_OCTETS) return -1;
        const octet = bytes[at++]!;
        value += (octet & 0x7f) * 2 ** shift;
        if (octet < 0x80) break;
      }
    }
    this.at = at;
    return value;
  }
}

/** Appends `value` with a prefix of `bits`; `pattern` is what stands before it in the first octet. */
export function putInteger(out: number[], pattern: number, bits: number, value: number): void {
  const most = (1 << bits) - 1;
  if (value < most) {
    out.push(pattern | value);
    return;
  }
  out.push(pattern | most);
  for (value -= most; value >= 0x80; value = Math.floor(value / 128)) out.push((value & 0x7f) | 0x80);
  out.push(value);
}
