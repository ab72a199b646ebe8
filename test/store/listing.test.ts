import t from 'tap';
import { fields, identity, outcome, resource, storeOf, text } from './tree.js';

t.test('--listing answers for directories without an index page, with what is in them', async (t) => {
  const files = {
    'index.html': 'home',
    'files/a <b>.txt': 'x',
    'files/ü/deep.bin': new Uint8Array(3_400_000),
    'blog/index.html': 'b',
  };
  const store = await storeOf(t, files, { listing: true });
  t.equal(outcome(store, '/'), '200 /index.html');
  t.equal(outcome(store, '/blog/'), '200 /blog/index.html');
  t.equal(outcome(store, '/files'), '301 /files/');
  t.equal(outcome(store, '/files/'), '200 /files/');
  const page = text(identity(resource(store, '/files/')).body);
  t.match(page, '<a href="./a%20%3Cb%3E.txt">a &#60;b&#62;.txt</a><td>1 B');
  t.match(page, '<a href="./%C3%BC/">ü/</a>');
  t.match(text(identity(resource(store, '/files/ü/')).body), '3.4 MB');
  t.equal(fields(identity(resource(store, '/files/')).headOk).get('content-type'), 'text/html; charset=utf-8');
  t.equal(outcome(await storeOf(t, files), '/files/'), '404');
});

t.test('--base puts the site at a path', async (t) => {
  const files = { 'index.html': 'home', 'a/b.html': 'b', '404.html': 'none' };
  const store = await storeOf(t, files, { base: 'docs/' });
  t.equal(outcome(store, '/'), '302 /docs/');
  t.equal(outcome(store, '/docs'), '301 /docs/');
  t.equal(outcome(store, '/docs/'), '200 /docs/index.html');
  t.equal(outcome(store, '/docs/a/b'), '200 /docs/a/b.html');
  t.equal(outcome(store, '/docs/no'), '404 /docs/404.html');
  t.equal(outcome(store, '/no'), '404');
  const spa = await storeOf(t, files, { base: '/docs', spa: true });
  t.equal(outcome(spa, '/docs/any/where'), '200 /docs/index.html');
  t.equal(outcome(spa, '/any/where'), '404');
  await t.rejects(storeOf(t, files, { base: '/../x' }), { name: 'StoreError', message: /not a path like/ });
});
