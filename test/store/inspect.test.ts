import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { linksOfPage } from '../../src/store/html/links.js';
import { bundleDirectory, describe, openStore, renderDescription } from '../../src/store/index.js';
import { directory, storeOf, tree } from './tree.js';

t.test('what nothing links to, links that lead nowhere, missing images and mixed case are found', async (t) => {
  const store = await storeOf(t, {
    'index.html': `<link rel=stylesheet href=/s.css><a href="about">A</a> <a href='/Blog/'>B</a><img src="/none.png" alt="">
      <img srcset="/p.png 1x, /p2.png 2x" src=/p.png><a href="/nowhere#x">n</a><a href="https://other.example/none">o</a>
      <a href="#top">t</a><a href="mailto:a@b.c">m</a><!-- <a href=/commented> --><script>"<a href=/scripted>"</script>
      <a href="/a%20b.txt?q=1">s</a><a href="https://www.example.org/gone">own</a><a href="data:text/plain,x">d</a>`,
    'about.html': '<base href="/blog/"><a href="index.html">x</a>',
    'blog/index.html': '<a href="../">home</a>',
    's.css': 'body { background: url("bg.png") } /* url(no.png) */ @import "t.css";',
    't.css': '',
    'p.png': 'p',
    'bg.png': 'p',
    'a b.txt': 'x',
    'alone.txt': 'y',
    'robots.txt': 'r',
    CNAME: 'www.example.org\n',
  });
  const d = describe(store);
  t.same(d.unlinked, ['/alone.txt']);
  t.same(
    d.problems.map((p) => [p.kind, p.from, p.to]),
    [
      ['case', '/index.html', '/Blog/'],
      ['image', '/index.html', '/none.png'],
      ['image', '/index.html', '/p2.png'],
      ['link', '/index.html', '/nowhere#x'],
      ['link', '/index.html', 'https://www.example.org/gone'],
    ],
  );
  t.match(d.problems[1]!.sentence, '/index.html shows the image /none.png, which is not there');
  t.same(d.duplicates, [['/bg.png', '/p.png']]);
  const table = renderDescription(d);
  t.match(table, /^path +type +identity +gzip/);
  t.match(table, /problems:\n/);
  t.match(table, /\/alone\.txt/);
});

t.test('a link to a page in several languages leads to all of them', async (t) => {
  const files = { 'index.html': '<a href="/team">team</a>', 'team.en.html': 'team', 'team.de.html': 'Mannschaft' };
  const description = describe(await storeOf(t, files, { languages: ['en', 'de'] }));
  t.same([description.problems, description.unlinked], [[], []]);
});

t.test('sizes, ratios and totals of each coding', async (t) => {
  const d = describe(
    await storeOf(t, { 'a.txt': 'a'.repeat(10_000), 'b.png': 'x', 'c.css': '' }, { compression: 'fast', cache: false }),
  );
  const [a, b, c] = d.files;
  t.equal(a!.sizes.identity, 10_000);
  t.ok(a!.sizes.br! < 100);
  t.ok(a!.ratio < 0.01);
  t.equal(b!.ratio, 1);
  t.equal(c!.ratio, 1);
  t.equal(d.totals.identity, 10_001);
  t.match(d.compressors, { br: /^brotli .* level 5$/, gzip: /^zlib /, zstd: /^@hpcc-js.wasm-zstd / });
});

t.test('verify finds a damaged page of a bundle', async (t) => {
  const file = join(directory(t), 'b');
  await bundleDirectory(tree(t, { 'a.bin': new Uint8Array(100_000) }), file, { compression: 'none' });
  t.same(describe(await openStore(file), { verify: true }).damage, []);
  const bytes = readFileSync(file);
  bytes[60_000]! ^= 1;
  writeFileSync(file, bytes);
  t.match(describe(await openStore(file), { verify: true }).damage, [/damaged near byte \d+/]);
});

t.test('links of a page: attributes in any quotes, entities, styles', (t) => {
  const { links, base } =
    linksOfPage(`<base href="/b/"><a class="x>y" href=/one>1</a><A HREF = "/t&amp;wo">2</A><p style="background:url(/three)">
    <meta http-equiv=refresh content="3; url=/four"><object data=/five></object><video poster=/six><source src=/seven></video>
    <link rel="preconnect" href="https://x"><use xlink:href="/eight#i"/>`);
  t.equal(base, '/b/');
  t.same(
    links.map((l) => l.to),
    ['/one', '/t&wo', '/three', '/four', '/five', '/six', '/seven', '/eight#i'],
  );
  t.end();
});
