import { brotliCompressSync, gzipSync } from 'node:zlib';
import t from 'tap';
import { isCoded, precompressedByName } from '../../src/store/plan/precompressed.js';
import { fields, identity, outcome, resource, storeOf } from './tree.js';

const script = 'x = 1;\n'.repeat(100);
const gz = gzipSync(script);
const br = brotliCompressSync(script);

t.test('a name that says how its file is compressed gives it that coding, when the file is', (t) => {
  const said = (path: string, bytes: Uint8Array): string => precompressedByName(path, bytes)?.coding ?? 'none';
  t.equal(said('/a.svgz', gz), 'gzip');
  t.equal(said('/a.SVGZ', gz), 'gzip');
  t.equal(said('/a.svgz', Buffer.from('<svg/>')), 'none');
  t.equal(said('/game.js.br', br), 'br');
  t.equal(said('/game.js.br', Buffer.from(script)), 'none');
  t.equal(said('/game.wasm.gz', gz), 'gzip');
  t.equal(said('/game.data.gz', gz), 'gzip');
  t.equal(said('/page.html.br', br), 'br');
  t.equal(said('/app.css.zst', Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0)), 'zstd');
  for (const archive of [
    '/a.tar.gz',
    '/dump.sql.gz',
    '/sitemap.xml.gz',
    '/data.csv.gz',
    '/a.gz',
    '/a.json.zst',
    '/x.tar.br',
  ])
    t.equal(said(archive, archive.endsWith('br') ? br : gz), 'none', `${archive} is saved as it is`);
  t.ok(isCoded(brotliCompressSync(Buffer.alloc(10_000_000)), 'br'), 'no more than its beginning is read');
  t.end();
});

t.test('such a file is sent with its coding and the type of what comes out, and never compressed again', async (t) => {
  const store = await storeOf(
    t,
    { 'a.svgz': gz, 'game.js.br': br, 'b.txt.gz': gz },
    { compression: 'fast', cache: false },
  );
  const head = (path: string) => fields(identity(resource(store, path)).headOk);
  t.match(Object.fromEntries(head('/a.svgz')), {
    'content-encoding': 'gzip',
    'content-type': 'image/svg+xml; charset=utf-8',
  });
  t.match(Object.fromEntries(head('/game.js.br')), { 'content-encoding': 'br', 'content-type': /^text.javascript/ });
  t.equal(head('/game.js.br').get('content-length'), String(br.length));
  t.equal(resource(store, '/game.js.br').representations.length, 1);
  t.notOk(head('/game.js.br').has('vary'), 'there is nothing to choose');
  t.equal(head('/b.txt.gz').get('content-type'), 'application/gzip');
});

t.test('_headers: Content-Encoding says it of other names, and is left out where it is not true', async (t) => {
  const warnings: string[] = [];
  const files = {
    'a.json.gz': gz,
    'b.json.gz': 'no gzip',
    'c.txt': 'x',
    _headers: '/*.gz\n  Content-Encoding: gzip\n  Content-Type: application/json\n/c.txt\n  Content-Encoding: identity',
  };
  const store = await storeOf(t, files, { onWarning: (sentence) => warnings.push(sentence) });
  t.match(Object.fromEntries(fields(identity(resource(store, '/a.json.gz')).headOk)), {
    'content-encoding': 'gzip',
    'content-type': 'application/json',
  });
  t.notOk(fields(identity(resource(store, '/b.json.gz')).headOk).has('content-encoding'));
  t.equal(warnings.length, 2);
  t.match(warnings[0], /_headers:5: Content-Encoding is gzip, br or zstd/);
  t.match(warnings[1], /b\.json\.gz is not in the coding gzip/);
});

t.test('a name may begin with U+FEFF', async (t) => {
  const store = await storeOf(t, {
    '\uFEFFa.txt': 'x',
    'Dir/\uFEFF': 'y',
    '404.html': 'no',
    _redirects: '/to/* /:splat 301',
  });
  t.equal(outcome(store, '/\uFEFFa.txt'), '200 /\uFEFFa.txt');
  t.equal(outcome(store, '/a.txt'), '404 /404.html');
  t.equal(outcome(store, '/\uFEFFA.txt'), '301 /%EF%BB%BFa.txt');
  t.equal(outcome(store, '/to/\uFEFFa.txt'), '301 /%EF%BB%BFa.txt');
  t.equal(outcome(store, '/dir/\uFEFF'), '301 /Dir/%EF%BB%BF');
});
