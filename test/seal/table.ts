/** The table of attempts in docs/security.md: what each meets, on a host and in a machine image. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

export interface Attempt {
  readonly attempt: string;
  /** Names of errors, one of which it fails with. */
  readonly host: readonly string[];
  /** The same; or `done`, where it has something that is the server's own. */
  readonly machine: readonly string[];
}

const ROW = /^\| ([^|]+) \| ((?:`E[A-Z]+`(?: or )?)+) \| [^|]+ \| (?:the same|`(E[A-Z]+|done)`: [^|]+) \|$/gm;

export const TABLE: readonly Attempt[] = [...readFileSync(resolve('docs', 'security.md'), 'utf8').matchAll(ROW)].map(
  ([, attempt, errors, machine]) => {
    const host = [...errors!.matchAll(/E[A-Z]+/g)].map(([one]) => one);
    return { attempt: attempt!, host, machine: machine === undefined ? host : [machine] };
  },
);
