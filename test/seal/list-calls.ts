/**
 * Prints what sealed servers call, by the ways of serving in which strace saw it, beside the lists and their reasons:
 * `npm run -s build:test && node build/test/seal/list-calls.js`. Ends with 1 when a call is on no list or was refused.
 * A call that no way of serving made is to be looked at by hand. Needs root.
 */
import { base } from '../../src/seal/lists/base.js';
import * as more from '../../src/seal/lists/more.js';
import { Lab } from '../wire/lab.js';
import { traceModes } from './modes.js';
import type { Made } from './strace.js';
import { WAYS } from './ways.js';

const endings: (() => Promise<void>)[] = [];
const owner = { teardown: (callback: () => Promise<void>) => endings.push(callback) };
try {
  const traced = new Map<string, Made>();
  for (const [, ways] of WAYS)
    for (const [way, made] of await traceModes(new Lab(owner, '10.79.0.1/24'), ways)) traced.set(way, made);
  const rules = [...base(1, []), ...Object.values(more).flat()];
  const lines: string[] = [];
  const known = new Set<string>();
  for (const { calls, why } of rules) {
    for (const name of calls) {
      known.add(name);
      const modes = [...traced].filter(([, made]) => made.has(name)).map(([mode]) => mode);
      lines.push(`${name.padEnd(20)} ${(modes.length === traced.size ? 'all' : modes.join(' ')).padEnd(40)} ${why}`);
    }
  }
  console.log(lines.join('\n'));
  for (const [mode, made] of traced) {
    for (const [name, { refused }] of made) {
      if (known.has(name) && refused === 0) continue;
      console.log(`${mode}: ${name} ${known.has(name) ? `was refused ${refused} times` : 'is on no list'}`);
      process.exitCode = 1;
    }
  }
} finally {
  for (const end of endings) await end();
}
