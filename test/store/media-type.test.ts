import t from 'tap';
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
  t.equal(type('/f.xml', '\uFEFF<?xml version="1.0"?>\n<rss version="2.0">'), 'application/rss+xml; charset=utf-8');
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

t.test('a feed that names a style sheet is a page that browsers show', async (t) => {
  const sheet = '<?xml version="1.0"?>\n<?xml-stylesheet href="a.xsl" type="text/xsl"?>\n';
  for (const path of ['/f.xml', '/f.rss', '/f.atom', '/feed.feed'])
    t.equal(type(path, `${sheet}<rss version="2.0">`), 'application/xml; charset=utf-8', path);
  t.equal(type('/f.xml', `<!-- ${sheet} --><feed>`), 'application/atom+xml; charset=utf-8');
});

t.test('what declares another encoding is sent without ours, what declares UTF-8 or nothing with it', async (t) => {
  const foreign = '<?xml version="1.0" encoding="iso-8859-1"?>\n';
  const family: Readonly<Record<string, string>> = {
    xml: 'application/xml',
    svg: 'image/svg+xml',
    xhtml: 'application/xhtml+xml',
    rss: 'application/rss+xml',
    atom: 'application/atom+xml',
    rdf: 'application/rdf+xml',
    xsl: 'application/xml',
    xslt: 'application/xslt+xml',
    kml: 'application/vnd.google-earth.kml+xml',
    gpx: 'application/gpx+xml',
    xsd: 'application/xml',
    dtd: 'application/xml-dtd',
    mml: 'text/mathml',
    opml: 'text/x-opml',
  };
  for (const [extension, bare] of Object.entries(family)) {
    t.equal(type(`/a.${extension}`, foreign), bare, extension);
    t.equal(type(`/a.${extension}`, foreign.replace('iso-8859-1', 'UTF-8')), `${bare}; charset=utf-8`);
    t.equal(type(`/a.${extension}`, '\uFEFF'), `${bare}; charset=utf-8`);
    t.equal(mediaType(`/a.${extension}`, Uint8Array.of(0xff, 0xfe, 0x3c, 0)), bare, 'a mark of UTF-16');
  }
  t.equal(type('/a.foo', foreign, { foo: 'application/foo+xml' }), 'application/foo+xml');
  const html: Readonly<Record<string, string>> = {
    '<!doctype html><meta charset="windows-1252">': 'text/html',
    "<META HTTP-EQUIV=content-type CONTENT='text/html; charset=Shift_JIS'>": 'text/html',
    '<meta charset=utf-8>': 'text/html; charset=utf-8',
    '<!-- <meta charset=latin1> --><title>x</title>': 'text/html; charset=utf-8',
    '<meta charset=utf-8><meta charset=latin1>': 'text/html; charset=utf-8',
    '<meta name=x content="charset=latin1">': 'text/html; charset=utf-8',
    '\uFEFF<meta charset=latin1>': 'text/html; charset=utf-8',
  };
  for (const [page, is] of Object.entries(html)) t.equal(type('/a.html', page), is, page);
  t.equal(type('/a.css', '@charset "iso-8859-1";'), 'text/css');
  t.equal(type('/a.css', ' @charset "iso-8859-1";'), 'text/css; charset=utf-8');
  for (const [extension, bare] of [
    ['txt', 'text/plain'],
    ['js', 'text/javascript'],
    ['vtt', 'text/vtt'],
    ['csv', 'text/csv'],
  ] as const) {
    t.equal(mediaType(`/a.${extension}`, Uint8Array.of(0xff, 0xfe, 0x61, 0)), bare, 'a mark of UTF-16');
    t.equal(type(`/a.${extension}`, '\uFEFFa'), `${bare}; charset=utf-8`);
  }
});

t.test('source text is text, what only has its name is not', async (t) => {
  const text = 'text/plain; charset=utf-8';
  for (const name of 'a.rs a.org a.scm a.key a.ts a.go a.py a.sh a.pl a.php a.sql a.tex a.zig a.toml a.diff a.el a.pub a.nix'.split(
    ' ',
  ))
    t.equal(type(`/${name}`, 'fn main() { "é" }\n'), text, name);
  const binary = new Uint8Array([0x50, 0x4b, 3, 4, 0, 0]);
  t.equal(mediaType('/talk.key', binary), 'application/vnd.apple.keynote');
  t.equal(mediaType('/film.ts', Uint8Array.of(0x47, 0x40, 0, 0x10)), 'video/mp2t');
  t.equal(mediaType('/a.el', binary), 'application/octet-stream');
  t.equal(mediaType('/a.rs', Buffer.from('// caf\xe9\n', 'latin1')), 'text/plain', 'in an encoding that is not known');
  const long = new TextEncoder().encode(`${'x'.repeat(4095)}é and more`);
  t.equal(mediaType('/a.rs', long), text, 'a character at the end of what is looked at');
});

t.test('well-known names without an extension have their types', async (t) => {
  for (const name of ['Makefile', 'Dockerfile', 'README', 'SHA256SUMS', 'x/COPYING', 'NEWS'])
    t.equal(type(`/${name}`), 'text/plain; charset=utf-8', name);
  t.equal(type('/.well-known/openid-configuration'), 'application/json; charset=utf-8');
  t.equal(type('/.well-known/matrix/server'), 'application/json; charset=utf-8');
  t.equal(type('/.well-known/host-meta'), 'application/xrd+xml; charset=utf-8');
  t.equal(type('/apple-app-site-association'), 'application/json; charset=utf-8');
  t.equal(type('/matrix/server'), 'application/octet-stream');
});
