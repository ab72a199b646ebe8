/** Numbers of up to 40 bits, as bundles have them: 32 in one place, the eight above in another. */

/** The value of the eight upper bits. */
export function highBits(byte: number): number {
  return byte * 0x1_0000_0000;
}

/** The eight upper bits of a number below 2^40. */
export function upperOf(value: number): number {
  return Math.floor(value / 0x1_0000_0000);
}
