/** The house's own rules about errors: a catch names what it catches, and code decides by codes. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

/** A catch that takes whatever comes. */
const ALL = /\bcatch \{/;
/** A decision by what a message says. */
const BY_TEXT = [
  /\b(error|cause|\w*Error)\.(message|stderr)\.(startsWith|endsWith|includes|match|search|indexOf)\(/,
  /\.(test|exec)\((error|cause|\w*Error)\.(message|stderr)\b/,
  /\b(error|cause|\w*Error)\.message (===|!==|==|!=) ['`]/,
  /\.(test|exec)\((errorText|messageOf)\(/,
];

function* lines(): Generator<{ readonly place: string; readonly line: string; readonly next: string }> {
  for (const name of readdirSync('src', { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    const all = readFileSync(join('src', name), 'utf8').split('\n');
    for (const [i, line] of all.entries()) yield { place: `src/${name}:${i + 1}`, line, next: all[i + 1] ?? '' };
  }
}

t.test('a catch without a name says in a comment why it takes every error', async (t) => {
  let catches = 0;
  for (const { place, line, next } of lines()) {
    if (/\bcatch (\(\w+\) )?\{/.test(line)) catches++;
    if (ALL.test(line) && !/^\s*\/\/ \S.{19}/.test(next))
      t.fail(`${place} catches everything; name the codes (src/errors/codes.ts), or say why on the next line`);
  }
  t.ok(catches > 100, `${catches} catches were looked at`);
});

t.test('no decision hangs on what an error message says', async (t) => {
  let seen = 0;
  for (const { place, line } of lines()) {
    seen++;
    if (BY_TEXT.some((one) => one.test(line))) t.fail(`${place} decides by a message; give the error a code`);
  }
  t.ok(seen > 10_000, `${seen} lines were looked at`);
});
