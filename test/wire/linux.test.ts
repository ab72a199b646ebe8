/**
 * A second opinion: hand-made frames to our stack (virtual time) and to the kernel of this machine (over a TAP, in a
 * namespace of its own), the answers side by side. What differs is listed with its reason, here and in
 * docs/generated/linux-differences.md.
 */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { skipWithout } from './needs.js';
import { askLinux, askOurs } from './oracle/ask.js';
import { differences } from './oracle/differences.js';
import { renderDifferences } from './oracle/render.js';
import type { Answers } from './oracle/run.js';

/** Lines of a scenario in which the two differ, and the table does not say so. */
function unexpected(name: string, ours: Answers, linux: Answers): string[] {
  const listed = new Set((differences[name] ?? []).map((one) => one.ours));
  return (ours[name] as string[])
    .map((line, i) => [line, linux[name]?.[i] ?? 'no answer'] as const)
    .filter(([line, theirs]) => line !== theirs && !listed.has(line))
    .map(([line, theirs]) => `ours: ${line}; Linux: ${theirs}`);
}

t.test('our stack answers as Linux does, but for what is listed', { skip: skipWithout('unshare') }, async (t) => {
  const ours = await askOurs();
  let linux = askLinux();
  const names = Object.keys(ours);
  t.ok(names.length >= 280, `${names.length} scenarios`);
  // The kernel lives in real time: on a busy machine an answer may miss its look. What stays so is a difference.
  for (let again = 0; again < 3 && names.some((name) => unexpected(name, ours, linux).length > 0); again++) {
    const second = askLinux();
    linux = Object.fromEntries(
      names.map((name) => [name, (unexpected(name, ours, linux).length > 0 ? second[name] : linux[name]) as string[]]),
    );
  }
  for (const name of names) t.same(unexpected(name, ours, linux), [], name);
});

t.test('the table of differences says what our stack answers, and is in the documentation', async (t) => {
  const ours = await askOurs();
  for (const [name, rows] of Object.entries(differences)) {
    for (const row of rows) {
      t.ok(ours[name]?.includes(row.ours), `${name}: ${row.ours}`);
      t.not(row.ours, row.linux);
      t.ok(row.reason.length > 8);
    }
  }
  const file = new URL('../../../docs/generated/linux-differences.md', import.meta.url);
  t.equal(readFileSync(file, 'utf8'), renderDifferences(Object.keys(ours)), 'npm run linux-differences writes it');
});
