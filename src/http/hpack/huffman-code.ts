/** The Huffman code of HPACK (RFC 7541 appendix B), as lengths: it is canonical, so that the lengths define it. */

/** Bits of the code of each octet, 0 to 255, and of EOS. */
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26, 30,
];

/** Bits of the longest code. */
const LONGEST = 30;
/** The symbol that ends a code and is never sent. */
export const EOS = 256;

export interface HuffmanCode {
  /** Bits of each symbol's code. */
  readonly lengths: readonly number[];
  /** The code of each symbol, in the low bits. */
  readonly codes: Uint32Array;
}

/** The codes are derived from their lengths: in the order of length and symbol, each is the one before plus one. */
export function huffmanCode(): HuffmanCode {
  const next = new Uint32Array(LONGEST + 2);
  for (const length of LENGTHS) next[length + 1]!++;
  // From how many codes have a length to the first code of the length after it.
  for (let length = 1; length <= LONGEST; length++) next[length + 1] = (next[length]! + next[length + 1]!) * 2;
  return { lengths: LENGTHS, codes: Uint32Array.from(LENGTHS, (length) => next[length]!++) };
}
