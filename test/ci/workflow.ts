/**
 * `.github/workflows/ci.yml` as GitHub reads it: its jobs, a run of each for each row of its matrix, expressions
 * replaced.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

type Texts = Readonly<Record<string, string>>;

export interface Step {
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string | boolean>>;
  readonly run?: string;
  readonly env?: Texts;
}

interface JobText {
  readonly needs?: string | readonly string[];
  readonly if?: string;
  readonly env?: Texts;
  readonly strategy?: { readonly matrix: Readonly<Record<string, unknown>> };
  readonly steps: readonly Step[];
}

export interface Run {
  readonly job: string;
  readonly needs: readonly string[];
  readonly env: Texts;
  readonly steps: readonly Step[];
}

/** `${{ vars.NAME }}` and `${{ secrets.NAME }}` as a repository has them set. */
export interface Settings {
  readonly vars: Texts;
  readonly secrets: Texts;
}

/** Each run of each job, in order. Throws where an expression means nothing here. */
export function readWorkflow(file: string, settings: Settings): Run[] {
  const { jobs } = parse(readFileSync(file, 'utf8')) as { jobs: Readonly<Record<string, JobText>> };
  return Object.entries(jobs).flatMap(([job, text]) =>
    rowsOf(text.strategy?.matrix).map((matrix) => {
      const contexts: Readonly<Record<string, Texts>> = { ...settings, matrix };
      const resolved = replaced(text, contexts) as JobText;
      const needs = typeof text.needs === 'string' ? [text.needs] : (text.needs ?? []);
      return { job, needs, env: resolved.env ?? {}, steps: resolved.steps };
    }),
  );
}

/** Every combination of the lists, and the rows of `include`. */
function rowsOf(matrix: Readonly<Record<string, unknown>> = {}): Texts[] {
  const { include = [], ...lists } = matrix as Record<string, unknown[]>;
  let rows: Texts[] = [{}];
  for (const [name, values] of Object.entries(lists))
    rows = rows.flatMap((row) => values.map((value) => ({ ...row, [name]: String(value) })));
  if (include.length === 0) return rows;
  return [...(Object.keys(lists).length > 0 ? rows : []), ...(include as Texts[])];
}

function replaced(value: unknown, contexts: Readonly<Record<string, Texts>>): unknown {
  if (typeof value === 'string')
    return value.replace(/\$\{\{\s*(\w+)\.(\w+)\s*\}\}/g, (whole, context: string, name: string) => {
      const known = contexts[context];
      if (known === undefined) throw new Error(`${whole} means nothing here`);
      // As GitHub: what is not set is empty.
      return known[name] ?? '';
    });
  if (Array.isArray(value)) return value.map((one) => replaced(one, contexts));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, replaced(one, contexts)]));
  return value;
}
