import type { Test } from 'tap';
import type { OpenOptions } from '../../../src/store/index.js';
import type { Response } from '../responses.js';
import type { Options, Step } from '../three-ways.js';

/** Something that is sent, and what must come back. */
export interface Case {
  readonly name: string;
  readonly steps: readonly Step[];
  /** Statuses of the answers in order, interim ones too; `''`: nothing comes back. */
  readonly statuses: string;
  readonly check?: ((t: Test, answers: readonly Response[], raw: string) => void) | undefined;
}

/** A line of what the server promises, and the cases that prove it over every network. */
export interface Line {
  readonly id: string;
  readonly text: string;
  readonly cases: readonly Case[];
  /** Tests elsewhere that prove what one exchange cannot: file, and the beginning of the test's name. */
  readonly also?: readonly (readonly [file: string, name: string])[] | undefined;
  readonly http?: Options | undefined;
  readonly site?: OpenOptions | undefined;
}

export function of(
  name: string,
  steps: string | readonly Step[],
  statuses: string | number,
  check?: Case['check'],
): Case {
  return { name, steps: typeof steps === 'string' ? [steps] : steps, statuses: String(statuses), check };
}

/** GET with `Host` and further lines. */
export function get(target: string, ...lines: string[]): string {
  return ask('GET', target, ...lines);
}

export function ask(method: string, target: string, ...lines: string[]): string {
  return [`${method} ${target} HTTP/1.1`, 'Host: example.org', ...lines, '', ''].join('\r\n');
}

/** Whether the last answer has exactly these values; undefined: it has no such field. */
export function has(expected: Readonly<Record<string, string | RegExp | undefined>>): NonNullable<Case['check']> {
  return (t, answers) => {
    const { fields } = answers.at(-1)!;
    for (const [name, value] of Object.entries(expected)) {
      if (value instanceof RegExp) t.match(fields.get(name) ?? '', value, name);
      else t.equal(fields.get(name), value, name);
    }
  };
}

export function body(text: string | RegExp): NonNullable<Case['check']> {
  return (t, answers) => t.match(answers.at(-1)!.text, text);
}

/** All of these. */
export function both(...checks: NonNullable<Case['check']>[]): NonNullable<Case['check']> {
  return (t, answers, raw) => {
    for (const check of checks) check(t, answers, raw);
  };
}

/** No second reading: whatever was hidden in the bytes is not answered. */
export const nothingHidden: NonNullable<Case['check']> = (t, _answers, raw) => t.notMatch(raw, /hidden file/);
