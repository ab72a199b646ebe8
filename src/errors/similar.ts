/** Words that the user may have meant. */

/**
 * The word of `known` that `word` is a slip of: a letter or two missing, added, changed or swapped; undefined: none.
 */
export function similar(word: string, known: readonly string[]): string | undefined {
  const most = Math.min(2, Math.floor(word.length / 2));
  let best: string | undefined;
  let least = most + 1;
  for (const one of known) {
    const distance = slips(word, one);
    if (distance >= least) continue;
    best = one;
    least = distance;
  }
  return best;
}

/**
 * Letters to add, take away, change, or swap with the next one, to make `b` of `a` (Damerau and Levenshtein, optimal
 * string alignment).
 */
function slips(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, rows[i - 2]![j - 2]! + 1);
      row.push(cost);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
