import t from 'tap';
import { cacheControl, fingerprinted } from '../../src/store/site/cache-policy.js';
import { compressible, mediaType } from '../../src/store/site/media-type.js';

const type = (path: string, content = '', mime = {}): string =>
  mediaType(path, new TextEncoder().encode(content), mime);

t.test('types and charsets by the name', async (t) => {
  const expected: Record<string, string> = {
    '/a.html': 'text/html; charset=utf-8',
    '/a.css': 'text/css; charset=utf-8',
    '/a.js': 'text/javascript; charset=utf-8',
    '/a.mjs': 'text/javascript; charset=utf-8',
    '/sw.js': 'text/javascript; charset=utf-8',
    '/m.webmanifest': 'application/manifest+json; charset=utf-8',
    '/a.wasm': 'application/wasm',
    '/a.ttf': 'font/ttf',
    '/a.woff2': 'font/woff2',
    '/a.csv': 'text/csv; charset=utf-8',
    '/a.ics': 'text/calendar; charset=utf-8',
    '/a.map': 'application/json; charset=utf-8',
    '/a.json': 'application/json; charset=utf-8',
    '/a.svg': 'image/svg+xml; charset=utf-8',
    '/favicon.ico': 'image/vnd.microsoft.icon',
    '/a.WEBP': 'image/webp',
    '/a.mp4': 'video/mp4',
    '/a.pdf': 'application/pdf',
    '/feed.atom': 'application/atom+xml; charset=utf-8',
    '/feed.rss': 'application/rss+xml; charset=utf-8',
    '/CNAME': 'text/plain; charset=utf-8',
    '/LICENSE': 'text/plain; charset=utf-8',
    '/html': 'application/octet-stream',
    '/a.unknown-thing': 'application/octet-stream',
    '/.nojekyll': 'application/octet-stream',
  };
  for (const [path, is] of Object.entries(expected)) t.equal(type(path), is, path);
});

t.test('feeds are known by their root element', async (t) => {
  t.equal(
    type('/f.xml', '<?xml version="1.0" encoding="utf-8"?><!-- <rss> --><feed xmlns="x">'),
    'application/atom+xml; charset=utf-8',
  );
  t.equal(
    type('/f.xml', '\uFEFF<?xml version="1.0"?>\n<?xml-stylesheet href="a"?>\n<rss version="2.0">'),
    'application/rss+xml; charset=utf-8',
  );
  t.equal(type('/f.xml', '<a:feed xmlns:a="x">'), 'application/atom+xml; charset=utf-8');
  t.equal(type('/f.xml', '<urlset><feed>'), 'application/xml; charset=utf-8');
  t.equal(type('/f.xml', ''), 'application/xml; charset=utf-8');
  t.equal(type('/f.xml', '<?xml version="1.0" encoding="iso-8859-1"?><rss>'), 'application/rss+xml');
});

t.test('--mime goes before all', async (t) => {
  t.equal(type('/a.foo', '', { foo: 'text/x-foo' }), 'text/x-foo; charset=utf-8');
  t.equal(type('/a.xml', '<rss>', { xml: 'text/xml; charset=latin1' }), 'text/xml; charset=latin1');
});

t.test('text is compressible, pictures are not', async (t) => {
  for (const path of [
    '/a.html',
    '/a.js',
    '/a.svg',
    '/a.json',
    '/a.webmanifest',
    '/a.wasm',
    '/a.ttf',
    '/a.atom',
    '/a.xml',
    '/a.ico',
    '/a.ics',
  ])
    t.ok(compressible(type(path)), path);
  for (const path of ['/a.png', '/a.webp', '/a.woff2', '/a.mp4', '/a.zip', '/a.pdf', '/a'])
    t.notOk(compressible(type(path)), path);
});

t.test('fingerprinted names are immutable, words, dates and numbers are not', async (t) => {
  for (const path of [
    '/app.5f1494977bbccc1f.js',
    '/app-3b9ac9f1.css',
    '/i/photo_.0123456789abcdef.webp',
    '/index-DiwrgTda.js',
    '/x.5f149497.js.map',
    '/chunk-A1b2C3d4.js',
    '/f_5f1494977b.woff2',
  ])
    t.ok(fingerprinted(path), path);
  for (const path of [
    '/my-document.pdf',
    '/report-20240101.pdf',
    '/a-12345678.png',
    '/facade.css',
    '/a.deadbeef.js',
    '/jquery-3.7.1.min.js',
    '/bootstrap.bundle.js',
    '/some-MacBookPro.jpg',
    '/a-javascript.js',
    '/style.css',
    '/IMG_20240101.jpg',
    '/x.stylesheet.css',
  ])
    t.notOk(fingerprinted(path), path);
});

t.test('HTML and service workers are asked for each time', async (t) => {
  t.equal(cacheControl('/a.html', 'text/html; charset=utf-8'), 'no-cache');
  t.equal(cacheControl('/x.5f1494977bbccc1f.html', 'text/html'), 'no-cache');
  t.equal(cacheControl('/sw.js', 'text/javascript'), 'no-cache');
  t.equal(cacheControl('/service-worker.5f1494977bbccc1f.js', 'text/javascript'), 'no-cache');
  t.equal(cacheControl('/a.css', 'text/css'), 'no-cache');
  t.equal(cacheControl('/a.5f1494977bbccc1f.css', 'text/css'), 'public, max-age=31536000, immutable');
  t.equal(cacheControl('/a.png', 'image/png'), 'public, max-age=600, must-revalidate');
});
