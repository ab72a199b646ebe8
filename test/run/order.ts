/**
 * The order of a run: what takes longest begins first, so that no long file is left alone at the end. `seconds.json`
 * has what the files took in an earlier run of all of them; `RECORD=1 npm test` writes it anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const RECORD = join('test', 'run', 'seconds.json');
/** Files that take less are not recorded. */
const SHORT = 5;
/** Seconds that a file without a record counts: before the short ones, in case it is new and long. */
const UNKNOWN = 10;

export type Seconds = Readonly<Record<string, number>>;

export function recordedSeconds(): Seconds {
  return JSON.parse(readFileSync(RECORD, 'utf8'));
}

/** The paths `files`, longest first; those that take the same by name. */
export function longestFirst(files: readonly string[], seconds: Seconds): string[] {
  const of = (file: string): number => seconds[file] ?? UNKNOWN;
  return [...files].sort((a, b) => of(b) - of(a) || (a < b ? -1 : 1));
}

/** Writes what a run of all files took. */
export function record(files: readonly { readonly name: string; readonly milliseconds: number }[]): void {
  const long = files
    .map(({ name, milliseconds }): [string, number] => [name, Math.round(milliseconds / 1000)])
    .filter(([, seconds]) => seconds >= SHORT)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(RECORD, `${JSON.stringify(Object.fromEntries(long), null, 2)}\n`);
}
