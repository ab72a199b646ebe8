import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { htmlReader } from '../../src/store/html/html.js';
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
  const d = await describe(store);
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
  const description = await describe(await storeOf(t, files, { languages: ['en', 'de'] }));
  t.same([description.problems, description.unlinked], [[], []]);
});

t.test('sizes, ratios and totals of each coding', async (t) => {
  const d = await describe(
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
  t.same((await describe(await openStore(file), { verify: true })).damage, []);
  const bytes = readFileSync(file);
  bytes[60_000]! ^= 1;
  writeFileSync(file, bytes);
  t.match((await describe(await openStore(file), { verify: true })).damage, [/damaged near byte \d+/]);
});

t.test('links of a page: attributes in any quotes, entities, styles', async (t) => {
  const read = await htmlReader();
  const { links, base } = linksOfPage(
    read(
      `<base href="/b/"><a class="x>y" href=/one>1</a><A HREF = "/t&amp;wo">2</A><p style="background:url(/three)">
    <meta http-equiv=refresh content="3; url=/four"><object data=/five></object><video poster=/six><source src=/seven></video>
    <link rel="preconnect" href="https://x"><svg><use xlink:href="/eight#i"/></svg>`,
      { scripting: false },
    ),
  );
  t.equal(base, '/b/');
  t.same(
    links.map((l) => l.to),
    ['/one', '/t&wo', '/three', '/four', '/five', '/six', '/seven', '/eight#i'],
  );
});

t.test('what browsers take for a link is one: references, sets of pictures, addresses that are refused', async (t) => {
  const store = await storeOf(t, {
    'index.html': `<!doctype html><a href="caf&eacute;.html">name</a><a href=&#x2f;b.html>figures</a>
      <img srcset="img/a.jpg 1x,img/b.jpg 2x"><img srcset=" img/c,d.jpg, img/dead.jpg 2x,,img/e.jpg 100w (a, b),">
      <a href="/%">400</a><a href="/b%00.html">400</a><a href="http://[">no address</a>
      <template><a href="/none">later</a></template><textarea><a href="/none">text</a></textarea>
      <noscript><img src="img/f.jpg"></noscript><div><template shadowrootmode=open><img src="img/g.jpg"></template></div>
      <style>body { background: url(img/h.jpg) }</style><svg><style>g { fill: url(img/i.jpg) }</style></svg>`,
    'café.html': 'x',
    'b.html': 'x',
    'pic.svg': '<svg><!-- <image href="no.png"/> --><script href="s.js"/><a href="b.html?a=1&amp;b=2"/></svg>',
    's.js': '',
    ...Object.fromEntries('a b c,d e f g h i'.split(' ').map((name) => [`img/${name}.jpg`, name])),
  });
  const { problems, unlinked } = await describe(store);
  t.same(problems.map(({ to }) => to).sort(), ['/%', '/b%00.html', 'img/dead.jpg']);
  t.same(unlinked, ['/pic.svg']);
});

t.test('a site below a base is checked there: as it is said, or as most of its absolute links have it', async (t) => {
  const store = await storeOf(t, {
    'index.html':
      '<a href=/docs/new/>n</a><a href=/docs/none>gone</a><script src="/docs/app.js"></script><a href="/">host</a>',
    'new/index.html': '<a href="../">home</a><a href="/docs/">home</a>',
    'app.js': '',
  });
  for (const options of [{}, { base: '/docs' }]) {
    const { problems, base, unlinked } = await describe(store, options);
    t.equal(base, '/docs');
    t.same(
      problems.map(({ to }) => to),
      ['/docs/none'],
    );
    t.same(unlinked, []);
  }
  t.equal((await describe(store, { base: '' })).problems.length, 4);
  const other = await describe(await storeOf(t, { 'index.html': '<a href=/a>a</a><a href=/x/a>b</a>', 'a.html': '' }));
  t.same([other.base, other.problems.length], ['', 1], 'one dead link makes no base');
});
