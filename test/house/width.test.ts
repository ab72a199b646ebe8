/** The house's own rules about text: comments and paragraphs of at most 120 columns. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const WIDEST = 120;
/** Of a row of a table, which cannot be broken. */
const WIDEST_ROW = 140;
/** A line that is nothing but a comment. */
const COMMENT = /^\s*(\/\/|\/\*|\*( |$|\/))/;

t.test('no comment is wider than 120 columns', async (t) => {
  let lines = 0;
  for (const root of ['src', 'test', 'bench']) {
    for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue;
      for (const [i, line] of readFileSync(join(root, name), 'utf8').split('\n').entries()) {
        if (!COMMENT.test(line)) continue;
        lines++;
        if (line.length > WIDEST) t.fail(`${join(root, name)}:${i + 1} has ${line.length} columns`);
      }
    }
  }
  t.ok(lines > 5000, `${lines} lines of comments were looked at`);
});

t.test('no row of a table in README or docs is wider than 140 columns', async (t) => {
  let rows = 0;
  const pages = readdirSync('docs').filter((name) => name.endsWith('.md'));
  for (const page of ['README.md', ...pages.map((name) => join('docs', name))]) {
    for (const [i, line] of readFileSync(page, 'utf8').split('\n').entries()) {
      if (!line.startsWith('|')) continue;
      rows++;
      if (line.length > WIDEST_ROW) t.fail(`${page}:${i + 1} has ${line.length} columns: say it below the table`);
    }
  }
  t.ok(rows > 400, `${rows} rows were looked at`);
});

/** One word, which cannot be broken: a link, a picture. Drawings (lines of HTML) are no paragraphs. */
const ONE_WORD = /^\s*(?:[-*>] |\d+\. )?\S+$/;

t.test('no paragraph of README, docs or the site is wider than 120 columns', async (t) => {
  let lines = 0;
  const pages = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md') && !/^(generated|_site|node_modules)\//.test(name))
      .map((name) => join(folder, name));
  const root = readdirSync('.').filter((name) => name.endsWith('.md'));
  for (const page of [...root, ...pages('docs'), ...pages('site')]) {
    let code = false;
    for (const [i, line] of readFileSync(page, 'utf8').split('\n').entries()) {
      if (/^\s*```/.test(line)) code = !code;
      if (code || /^[|#<]|^ {4}/.test(line) || ONE_WORD.test(line)) continue;
      lines++;
      if (line.length > WIDEST) t.fail(`${page}:${i + 1} has ${line.length} columns`);
    }
  }
  t.ok(lines > 3000, `${lines} lines were looked at`);
});
