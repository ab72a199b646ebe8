import t from 'tap';
import { htmlReader } from '../../src/store/html/html.js';
import { refreshOf } from '../../src/store/html/meta-refresh.js';
import { outcome, storeOf } from './tree.js';

const refresh = (to: string): string =>
  `<!doctype html><meta charset=utf-8><meta http-equiv="refresh" content="0; url=${to}"><p>moved`;

t.test('pages that are nothing but a meta refresh are redirects, by option', async (t) => {
  const files = {
    'index.html': 'home',
    'page/1/index.html': refresh('/'),
    'old.html': refresh('new.html?a=b&amp;c=d#e'),
    'away.html': refresh('https://example.com/x'),
    'self.html': refresh('/self'),
    'slow.html': refresh('/').replace('0;', '30;'),
    'evil.html': refresh('//evil.example/'),
  };
  const plain = await storeOf(t, files);
  t.equal(outcome(plain, '/page/1/'), '200 /page/1/index.html');
  const store = await storeOf(t, files, { metaRefresh: true });
  t.equal(outcome(store, '/page/1/'), '301 /');
  t.equal(outcome(store, '/page/1/index.html'), '301 /');
  t.equal(outcome(store, '/old'), '301 /new.html?a=b&c=d#e');
  t.equal(outcome(store, '/away'), '301 https://example.com/x');
  t.equal(outcome(store, '/self'), '200 /self.html');
  t.equal(outcome(store, '/slow'), '200 /slow.html');
  t.equal(outcome(store, '/evil'), '301 http://evil.example/', 'where the page itself sends to');
});

t.test('what is no refresh is none', async (t) => {
  const read = await htmlReader();
  const refreshed = (path: string, html: string) => refreshOf(path, html, read);
  t.equal(refreshed('/a.html', '<p>x'), undefined);
  t.equal(refreshed('/a.html', '<!-- <meta http-equiv=refresh content="0;url=/b"> -->'), undefined);
  t.equal(refreshed('/a.html', '<meta http-equiv=refresh content="5">'), undefined);
  t.equal(refreshed('/a.html', '<meta http-equiv=refresh content="0;url=javascript:alert(1)">'), undefined);
  t.equal(refreshed('/d/a.html', "<META HTTP-EQUIV='Refresh' content='0;URL=b.html'>"), '/d/b.html');
});

const META = '<meta http-equiv="refresh" content="0; url=/next">';

t.test('a refresh counts where a browser that runs scripts obeys it, and nowhere else', async (t) => {
  const read = await htmlReader();
  const page = (head: string, body = ''): string | undefined =>
    refreshOf('/a/page.html', `<!doctype html><html><head>${head}</head><body>${body}</body></html>`, read);
  const none: Readonly<Record<string, string | undefined>> = {
    noscript: page(`<noscript>${META}</noscript>`),
    'noscript in the body': page('', `<noscript>${META}</noscript>`),
    template: page(`<template>${META}</template>`),
    'template in a template': page(`<template><div><template>${META}</template></div></template>`),
    script: page(`<script>var s='${META}'</script>`),
    style: page(`<style>/* ${META} */</style>`),
    title: page(`<title>the ${META} element</title>`),
    comment: page(`<!-- ${META} -->`),
    'a comment that never ends': page(`<!-- ${META}`),
    'a doctype': page(`<!foo ${META.slice(1, -1)}>`),
    textarea: page('', `<textarea>${META}</textarea>`),
    xmp: page('', `<xmp>${META}</xmp>`),
    iframe: page('', `<iframe>${META}</iframe>`),
    noframes: page('', `<noframes>${META}</noframes>`),
    plaintext: page('', `<plaintext>${META}`),
    attribute: page('', `<p data-x='${META}'>x</p>`),
    select: page('', `<select>${META.replace('meta', 'metadata')}</select>`),
    'an element of SVG': page('', `<svg><g>${META.replace('<meta', '<x')}</g></svg>`),
    'another pragma': page(META.replace('refresh', 'refreshing')),
    'no pragma': page(META.replace('http-equiv', 'name')),
  };
  for (const [where, location] of Object.entries(none)) t.equal(location, undefined, where);
  t.equal(page(META), '/next');
  t.equal(page('', META), '/next', 'in the body, too');
  t.equal(page(`<template></template>${META}`), '/next');
  t.equal(page(`<base href="/docs/">${META.replace('/next', 'next')}`), '/docs/next');
  t.equal(page(`<template><base href="/docs/"></template>${META.replace('/next', 'next')}`), '/a/next');
});

t.test('the content of a refresh is read as browsers read it', async (t) => {
  const read = await htmlReader();
  const cases: Readonly<Record<string, string | undefined>> = {
    '0; url=/b': '/b',
    '0;/b': '/b',
    '0 /b': '/b',
    '0,URL = "/b" and more': '/b',
    "0;url='/b": '/b',
    '.5; url=/b': '/b',
    '1.9; url=/b': '/b',
    '2; url=/b': undefined,
    '0x; url=/b': undefined,
    'now; url=/b': undefined,
    '0': undefined,
    '0; url=caf&eacute;.html': '/caf%C3%A9.html',
    '0; url=?a=1&amp;b=&quot;2&quot;#c': '/a.html?a=1&b=%222%22#c',
    '0; url=mailto:a@b.c': undefined,
  };
  for (const [content, location] of Object.entries(cases)) {
    const quoted = content.replace(/"/g, '&#34;');
    t.equal(refreshOf('/a.html', `<meta http-equiv=refresh content="${quoted}">`, read), location, content);
  }
  const latin1 = Buffer.from('<meta charset=iso-8859-1><meta http-equiv=refresh content="0;url=/caf\xe9">', 'latin1');
  const store = await storeOf(t, { 'a.html': latin1 }, { metaRefresh: true });
  t.equal(outcome(store, '/a'), '301 /caf%C3%A9', 'in the encoding that the page says');
});

t.test('absolute paths of pages begin at the host, below which the site is served', async (t) => {
  const files = {
    'new/index.html': 'new',
    'old.html': refresh('/docs/new/'),
    'out.html': refresh('/elsewhere/'),
    'home.html': refresh('/docs'),
    'self.html': refresh('/docs/self'),
    'near.html': refresh('new/'),
  };
  const store = await storeOf(t, files, { metaRefresh: true, servedAt: '/docs' });
  t.equal(outcome(store, '/old'), '301 /new/', 'below the base, which HTTP puts before it');
  t.equal(outcome(store, '/near'), '301 /new/');
  t.equal(outcome(store, '/home'), '301 /');
  t.equal(outcome(store, '/out'), '200 /out.html', 'where the site does not lie it redirects nobody');
  t.equal(outcome(store, '/self'), '200 /self.html');
});
