/** The project's own site: what it says of the source holds, and its pages suit the reader's screen and language. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const BUILT = join('site', '_site');

const pages = (): string[] =>
  readdirSync(BUILT, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.html'));

t.test('a page says which language it is in: that of its source, else that of the site', (t) => {
  const language = (page: string): string | undefined =>
    /<html lang="([^"]*)"/.exec(readFileSync(join(BUILT, page), 'utf8'))?.[1];
  for (const page of pages()) {
    // The list of downloads is made by hand, without the layout.
    const german = page.includes('über-größe');
    t.equal(language(page), german ? 'de' : 'en', page);
  }
  t.end();
});

t.test('each page of the layout leads to the source and to the API reference', (t) => {
  for (const page of pages()) {
    const text = readFileSync(join(BUILT, page), 'utf8');
    if (!text.includes('<footer')) continue;
    t.match(text, /<a href="https?:\/\/[^"]+">Source<\/a>/, page);
    t.match(text, /<a href="\/api\/">API reference<\/a>/, page);
  }
  t.end();
});

t.test("the benchmarks' charts have a dark form of each colour, and one of them fits a phone", (t) => {
  for (const [name, width] of [
    ['bench.svg', 800],
    ['bench-narrow.svg', 420],
  ] as const) {
    const chart = readFileSync(join(BUILT, 'assets', name), 'utf8');
    t.ok(Number(/<svg[^>]* width="(\d+)/.exec(chart)![1]) <= width, name);
    const rules = /<style>@media \(prefers-color-scheme:dark\)(.*?)<\/style>/.exec(chart)![1]!;
    const colours = new Set([...chart.matchAll(/ (?:fill|stroke)="(#\w+)"/g)].map((match) => match[1]!));
    t.ok(colours.size >= 5);
    for (const colour of colours) t.ok(rules.includes(`[fill="${colour}"]`), `${name}: ${colour}`);
  }
  const page = readFileSync(join(BUILT, 'benchmarks', 'index.html'), 'utf8');
  t.match(page, /<source media="\(max-width:[^"]*" srcset="\/assets\/bench-narrow\.svg">/);
  t.end();
});
