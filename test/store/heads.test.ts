import t from 'tap';
import { fields, identity, resource, storeOf, text } from './tree.js';

const words = 'the quick brown fox jumps over the lazy dog. '.repeat(100);

t.test('heads of a resource with codings: 200, 206, 304 and 412 have what RFC 9110 wants', async (t) => {
  const store = await storeOf(t, { 'a.html': words }, { compression: 'fast', cache: false });
  const page = resource(store, '/a.html');
  t.same(
    page.representations.map((r) => r.coding),
    ['identity', 'gzip', 'br', 'zstd'],
  );
  t.equal(new Set(page.representations.map((r) => r.etag)).size, 4);
  for (const rep of page.representations) {
    const ok = fields(rep.headOk);
    t.match(text(rep.headOk), /^HTTP\/1\.1 200 OK\r\n/);
    t.equal(ok.get('content-length'), String(rep.body.end - rep.body.start));
    t.equal(ok.get('content-type'), 'text/html; charset=utf-8');
    t.equal(ok.get('etag'), rep.etag);
    t.match(rep.etag, /^"[0-9a-f]{16}"$/);
    t.equal(ok.get('vary'), 'Accept-Encoding');
    t.equal(ok.get('content-encoding'), rep.coding === 'identity' ? undefined : rep.coding);
    t.equal(ok.get('accept-ranges'), 'bytes');
    t.equal(ok.get('cache-control'), 'no-cache');
    t.equal(ok.get('x-content-type-options'), 'nosniff');
    t.notOk(ok.has('last-modified'));
    t.match(text(rep.headNotModified), /^HTTP\/1\.1 304 Not Modified\r\n/);
    t.same([...fields(rep.headNotModified).keys()].sort(), ['cache-control', 'etag', 'vary']);
    const partial = fields(rep.headPartial);
    t.match(text(rep.headPartial), /^HTTP\/1\.1 206 Partial Content\r\n/);
    for (const name of ['content-length', 'content-range', 'content-type']) t.notOk(partial.has(name), name);
    t.equal(partial.get('vary'), 'Accept-Encoding');
    t.match(text(rep.headFailed), /^HTTP\/1\.1 412 Precondition Failed\r\nContent-Length: 0\r\n/);
    for (const head of [rep.headOk, rep.headNotModified, rep.headPartial, rep.headFailed])
      t.match(text(head), /[^\n]\r\n$/);
  }
});

t.test('what has one representation does not vary', async (t) => {
  const store = await storeOf(t, { 'a.png': words, 'empty.css': '' }, { compression: 'fast', cache: false });
  for (const path of ['/a.png', '/empty.css']) {
    t.equal(resource(store, path).representations.length, 1);
    t.notOk(fields(identity(resource(store, path)).headOk).has('vary'));
  }
});

t.test('a 404 page never becomes 304, 206 or 412', async (t) => {
  const store = await storeOf(t, { '404.html': words }, { compression: 'fast', cache: false });
  for (const rep of resource(store, '/none').representations) {
    t.match(text(rep.headOk), /^HTTP\/1\.1 404 Not Found\r\n/);
    t.equal(text(rep.headNotModified), text(rep.headOk));
    t.equal(text(rep.headPartial), text(rep.headOk));
    t.equal(text(rep.headFailed), text(rep.headOk));
    t.notOk(fields(rep.headOk).has('etag'));
    t.equal(fields(rep.headOk).get('vary'), 'Accept-Encoding');
  }
});

t.test('security fields are there by default, and can be turned off', async (t) => {
  const files = { 'a.html': 'x', 'b.png': 'y' };
  const by = await storeOf(t, files);
  t.equal(fields(identity(resource(by, '/a.html')).headOk).get('x-frame-options'), 'SAMEORIGIN');
  t.equal(fields(identity(resource(by, '/a.html')).headOk).get('referrer-policy'), 'strict-origin-when-cross-origin');
  t.notOk(fields(identity(resource(by, '/b.png')).headOk).has('x-frame-options'));
  const off = await storeOf(t, files, { security: false });
  t.notOk(fields(identity(resource(off, '/a.html')).headOk).has('x-frame-options'));
  t.equal(fields(identity(resource(off, '/a.html')).headOk).get('x-content-type-options'), 'nosniff');
});
