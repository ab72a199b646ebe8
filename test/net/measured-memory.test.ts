/**
 * What the budget and the tables count is what they take: measured in a process whose heap can be collected at will.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { Measured } from './measure-memory.js';

const FACTOR = 1.5;

t.test(`what is counted for each kind of state is what it takes, within a factor of ${FACTOR}`, async (t) => {
  const script = fileURLToPath(new URL('measure-memory.js', import.meta.url));
  const text = execFileSync(process.execPath, ['--expose-gc', script], { encoding: 'utf8', timeout: 300_000 });
  const results = JSON.parse(text) as Measured[];
  t.ok(results.length >= 9);
  for (const { what, counted, measured } of results) {
    t.ok(measured <= counted * FACTOR, `${what}: ${measured} bytes are no more than ${FACTOR} times ${counted}`);
    t.ok(measured >= counted / FACTOR, `${what}: ${measured} bytes are no less than a ${FACTOR}th of ${counted}`);
  }
});
