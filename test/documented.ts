/**
 * Bounds as the documents say them. A test that takes a bound from there, and not from the constant that it is about,
 * fails when the constant is another one.
 */
import { readFileSync } from 'node:fs';

const UNITS: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 * 1024 };
const NUMBER = /(\d[\d,]*)(?:\^(\d+))?(?: (KiB|MiB)\b)?/g;

/**
 * The numbers in a cell of a table: `row` is the text of the row's first cell, `cell` counts from 1. With a unit of
 * memory, in bytes; times as they are written. Throws when there is no such row, or no number in the cell.
 */
export function documented(file: string, row: string, cell = 2): readonly number[] {
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`| ${row} |`));
  const numbers = [...(line?.split('|')[cell] ?? '').matchAll(NUMBER)].map(
    ([, digits = '', power = '1', unit]) =>
      Number(digits.replaceAll(',', '')) ** Number(power) * (UNITS[unit ?? ''] ?? 1),
  );
  if (numbers.length === 0) throw new Error(`${file}: no number in cell ${cell} of "${row}"`);
  return numbers;
}

/** The first of them. */
export function bound(file: string, row: string, cell = 2): number {
  return documented(file, row, cell)[0] as number;
}
