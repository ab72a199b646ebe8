/** The dice, handed in. */

/** Random numbers as they are handed in: `random32()` returns an int32 with 32 unpredictable bits. */
export interface Random {
  random32(): number;
}
