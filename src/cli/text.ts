/** Numbers as people read them. */

/** `1.4 MB`, in powers of 1000. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  let value = bytes;
  let unit = -1;
  do {
    value /= 1000;
    unit += 1;
  } while (value >= 999.95 && unit < 3);
  return `${value.toFixed(1)} ${['kB', 'MB', 'GB', 'TB'][unit]}`;
}

/** Lines with columns as wide as their widest cell; `right`: the columns that are numbers. */
export function table(rows: readonly (readonly string[])[], right: ReadonlySet<number>): string {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  const pad = (cell: string, i: number) => (right.has(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i]));
  return rows.map((row) => `${row.map(pad).join('  ').trimEnd()}\n`).join('');
}
