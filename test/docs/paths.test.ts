/** A file that README, a page of docs/ or the site names is there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';

/** `src/net/tcp/`, `docs/http.md` in back quotes or as the end of a sentence; braces and stars stand for several. */
const NAMED = /`((?:src|test|bench|docs|site|scripts|examples|tools)\/[\w./@-]+)`/g;
const LINK = /\]\((?!https?:|mailto:|#|\/)([^)\s#]+)/g;

/** Written by the build or by what the sentence tells to run. */
const MADE = /^(?:dist|build)\//;

const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));

const texts = [
  ...readdirSync('.').filter((name) => name.endsWith('.md') && name !== 'CHANGELOG.md'),
  ...files('docs').filter((name) => !name.startsWith(join('docs', 'generated'))),
  ...files('site').filter((name) => !name.startsWith(join('site', '_site'))),
];

t.test('every path of the source that a page names is there', (t) => {
  let count = 0;
  for (const file of texts) {
    for (const [, path] of readFileSync(file, 'utf8').matchAll(NAMED)) {
      if (MADE.test(path!)) continue;
      count++;
      t.ok(existsSync(path!), `${file}: ${path}`);
    }
  }
  t.ok(count > 60, `${count} paths`);
  t.end();
});

t.test('each folder of the source is on the two maps of it', (t) => {
  const folders = readdirSync('src', { withFileTypes: true }).filter((one) => one.isDirectory());
  t.ok(folders.length > 15, `${folders.length} folders`);
  const [readme, architecture] = ['README.md', 'ARCHITECTURE.md'].map((page) => readFileSync(page, 'utf8'));
  for (const { name } of folders) {
    t.ok(readme!.includes(`\`src/${name}/\``), `README.md: src/${name}/`);
    t.match(architecture, new RegExp(`^.*(?<![\\w/])${name}/`, 'm'), `ARCHITECTURE.md: ${name}/`);
  }
  t.end();
});

t.test('every link from page to page leads to a file', (t) => {
  for (const file of texts.filter((name) => !name.startsWith('site'))) {
    for (const [, path] of readFileSync(file, 'utf8').matchAll(LINK))
      t.ok(existsSync(join(dirname(file), path!)), `${file}: ${path}`);
  }
  t.end();
});
