import t from 'tap';
import { outcome, storeOf } from './tree.js';

t.test('an index page answers at its directory, and the directory is redirected to its slash', async (t) => {
  const store = await storeOf(t, { 'index.html': 'home', 'blog/index.html': 'blog', 'blog/a/b/index.html': 'deep' });
  t.equal(outcome(store, '/'), '200 /index.html');
  t.equal(outcome(store, '/index.html'), '200 /index.html');
  t.equal(outcome(store, '/blog/'), '200 /blog/index.html');
  t.equal(outcome(store, '/blog'), '301 /blog/');
  t.equal(outcome(store, '/blog/a/b'), '301 /blog/a/b/');
  t.equal(outcome(store, '/blog/a/'), '404');
  t.equal(outcome(store, '/blog/index'), '301 /blog/');
});

t.test('/about answers with about.html, and a file beats what is derived', async (t) => {
  const store = await storeOf(t, {
    'about.html': 'a',
    'both.html': 'b',
    'both/index.html': 'c',
    plain: 'd',
    'plain.html': 'e',
  });
  t.equal(outcome(store, '/about'), '200 /about.html');
  t.equal(outcome(store, '/about.html'), '200 /about.html');
  t.equal(outcome(store, '/about/'), '301 /about');
  t.equal(outcome(store, '/both'), '200 /both.html');
  t.equal(outcome(store, '/both/'), '200 /both/index.html');
  t.equal(outcome(store, '/plain'), '200 /plain');
});

t.test('the nearest 404 page answers for what is missing', async (t) => {
  const store = await storeOf(t, { '404.html': 'r', 'a/b/404.html': 'n', 'a/b/c/x.txt': 'x', 'a/y.txt': 'y' });
  t.equal(outcome(store, '/no'), '404 /404.html');
  t.equal(outcome(store, '/a/no'), '404 /404.html');
  t.equal(outcome(store, '/a/b/no'), '404 /a/b/404.html');
  t.equal(outcome(store, '/a/b/'), '404 /a/b/404.html');
  t.equal(outcome(store, '/a/b/c/d/e/f'), '404 /a/b/404.html');
  t.equal(outcome(store, '/404.html'), '200 /404.html');
  t.equal(outcome(store, `/${'a/'.repeat(4000)}`), '404 /404.html');
  const bare = await storeOf(t, { 'index.html': 'x' });
  t.equal(outcome(bare, '/no'), '404');
  t.equal(outcome(bare, ''), '404');
});

t.test('case is kept, and a wrong one redirected where exactly one path fits', async (t) => {
  const store = await storeOf(t, {
    'About.html': 'a',
    'docs/Guide.pdf': 'g',
    'x/same.txt': '1',
    'x/Same.txt': '2',
    'Ünï/ß.txt': 'u',
    'low.css': 'c',
  });
  t.equal(outcome(store, '/About.html'), '200 /About.html');
  t.equal(outcome(store, '/about.html'), '301 /About.html');
  t.equal(outcome(store, '/ABOUT'), '301 /About');
  t.equal(outcome(store, '/DOCS/guide.PDF'), '301 /docs/Guide.pdf');
  t.equal(outcome(store, '/LOW.css'), '301 /low.css');
  t.equal(outcome(store, '/x/same.txt'), '200 /x/same.txt');
  t.equal(outcome(store, '/x/Same.txt'), '200 /x/Same.txt');
  t.equal(outcome(store, '/x/SAME.txt'), '404');
  t.equal(outcome(store, '/ünï/ß.txt'), '301 /%C3%9Cn%C3%AF/%C3%9F.txt');
  t.equal(outcome(store, '/U\u0308ni\u0308/ß.txt'), '301 /%C3%9Cn%C3%AF/%C3%9F.txt');
});

t.test('a location is percent-encoded and names no host', async (t) => {
  const store = await storeOf(t, { "Christ's 6 %?#é/index.html": 'x', 'a/x y.pdf': 'p' });
  t.equal(outcome(store, "/Christ's 6 %?#é"), "301 /Christ's%206%20%25%3F%23%C3%A9/");
  t.equal(outcome(store, '/a/x y.pdf/'), '301 /a/x%20y.pdf');
  t.equal(outcome(store, "//Christ's 6 %?#é"), '404');
});

t.test('--spa answers paths without a file with the one page, but not missing pictures', async (t) => {
  const store = await storeOf(t, { 'index.html': 'app', 'app.js': 'x' }, { spa: true });
  t.equal(outcome(store, '/some/where'), '200 /index.html');
  t.equal(outcome(store, '/app.js'), '200 /app.js');
  t.equal(outcome(store, '/img/none.png'), '404');
  await t.rejects(storeOf(t, { 'a.txt': 'x' }, { spa: true }), { message: /no \/index.html/ });
});

t.test('what was looked up before is the same object', async (t) => {
  const store = await storeOf(t, { 'Index.html': 'x', 'b/index.html': 'y', '404.html': 'z' });
  const bytes = new TextEncoder().encode('/b//b/index.html/INDEX.HTML/nothing');
  for (const [start, end] of [
    [0, 3],
    [3, 16],
    [0, 2],
    [16, 27],
    [27, 35],
  ] as const) {
    t.equal(store.lookup(bytes, start, end), store.lookup(bytes, start, end));
  }
});
