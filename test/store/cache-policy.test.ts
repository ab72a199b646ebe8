import { createHash } from 'node:crypto';
import t, { type Test } from 'tap';
import type { OpenOptions, Store } from '../../src/store/index.js';
import { KeptAssets } from '../../src/store/open/kept-assets.js';
import { fingerprintedByForm, looksFingerprinted } from '../../src/store/site/fingerprint.js';
import { atOnce } from '../../src/store/slices.js';
import { fields, identity, resource, storeOf, type Tree } from './tree.js';

function formed(paths: readonly string[]): Set<string> {
  return atOnce(fingerprintedByForm(paths.map((path) => ({ path }))));
}

const IMMUTABLE = 'public, max-age=31536000, immutable';

function cacheOf(store: Store, path: string): string | undefined {
  return fields(identity(resource(store, path)).headOk).get('cache-control');
}

async function immutableOf(t: Test, files: Tree, options: OpenOptions = {}): Promise<string[]> {
  const store = await storeOf(t, files, options);
  const paths = Array.from(store.resources(), ({ path }) => path);
  return paths.filter((path) => cacheOf(store, path) === IMMUTABLE);
}

t.test('a name whose form nobody writes by hand is a fingerprint', (t) => {
  for (const path of [
    '/app.5f1494977bbccc1f.js',
    '/app-3b9ac9f1.css',
    '/index-BkXk3qWz.js',
    '/x.5f149497.js.map',
    '/chunk-A1b2C3d4.js',
    '/f_5f1494977b.woff2',
    '/main-FK42CN3M.js',
  ])
    t.ok(looksFingerprinted(path), path);
  t.end();
});

t.test('words, names, dates, numbers and identifiers are no fingerprints', (t) => {
  const words = `trait.FromIterator.js trait.PartialEq.js jquery.mCustomScrollbar.js Leaflet.VectorGrid.js three.OrbitControls.js
    bootstrap-DatePicker3.css theme-DarkModeOnly.css lib-FileSaver2.js Inter-SemiBold.woff2 OpenSans-BoldItalic.woff2 gl-OAuth2Js.js
    net-IPv4IPv6.js convert-MP3toMP4.js lib-WebGL2Utils.js my-document.pdf facade.css a.deadbeef.js jquery-3.7.1.min.js bootstrap.bundle.js
    style.css x.stylesheet.css a-javascript.js lib-HTML5Shiv.js d3.v7.min.js`;
  const dates = `minutes-2023dec01.pdf minutes-2023dec01.js newsletter-2024feb29.css agenda-20240115a.js a-12345678.js style-20240101.css
    v-2024a1b2.css report-20240101.pdf IMG_20240101.jpg`;
  const data = `menu-cafe2024.jpg menu-cafe2024.js room_face2face.webp room_face2face.js cover-abba1979.jpg
    photo-9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d.jpg chunk-9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d.js
    avatar-205e460b479e2e5b48aec07710c08d50.jpg scan-5f1494977bbccc1f.pdf export.5f1494977bbccc1f.json`;
  for (const name of `${words} ${dates} ${data}`.split(/\s+/)) t.notOk(looksFingerprinted(`/x/${name}`), name);
  t.end();
});

t.test(
  'a form that leaves a doubt counts where all scripts and styles of the directory have it, and one has no doubt',
  (t) => {
    const vite = ['/assets/index-DiwrgTd3.js', '/assets/index-BkXk3qWz.js', '/assets/logo-CxW9dLmn.svg'];
    t.same([...formed(vite)].sort(), ['/assets/index-BkXk3qWz.js', '/assets/index-DiwrgTd3.js']);
    t.notOk(formed([...vite, '/assets/Inter-SemiBold.woff2']).has('/assets/Inter-SemiBold.woff2'));
    t.notOk(formed([...vite, '/assets/plain.js']).has('/assets/index-DiwrgTd3.js'));
    t.equal(formed(['/a/index-DiwrgTd3.js', '/b/index-BkXk3qWz.js']).size, 1, 'each directory for itself');
    t.end();
  },
);

t.test('a name with a digest of the content is a fingerprint, of whatever type', async (t) => {
  const content = 'a picture';
  const hex = (name: string): string => createHash(name).update(content).digest('hex');
  const files = {
    [`a-${hex('md5')}.png`]: content,
    [`b.${hex('sha1').slice(0, 8).toUpperCase()}.pdf`]: content,
    [`c_${hex('sha256').slice(0, 20)}.txt`]: content,
    [`${hex('sha512')}.svg`]: content,
    [`d-${hex('md5')}.png`]: 'another picture',
    [`e.${hex('sha256')}.html`]: content,
  };
  const expected = Object.keys(files)
    .slice(0, 4)
    .map((name) => `/${name}`);
  t.same((await immutableOf(t, files)).sort(), expected.sort());
});

t.test('the site says what never changes: in the manifest of its build tool, or by a pattern', async (t) => {
  const files = {
    'css/app.abcdefgh.css': '1',
    'logo-ABCDEFGH.png': '2',
    'assets/index-DiwrgTda.js': '3',
    'assets/photo-SemiBold.jpg': '4',
    'lib/1.2.3/a.js': '5',
    'icon-192x192.png': '6',
    'rev-manifest.json': JSON.stringify({ 'css/app.css': 'css/app.abcdefgh.css', 'logo.png': '/logo-ABCDEFGH.png' }),
    'assets/manifest.json': JSON.stringify({
      'index.html': {
        file: 'assets/index-DiwrgTda.js',
        src: 'index.html',
        isEntry: true,
        assets: ['assets/photo-SemiBold.jpg'],
      },
    }),
    'manifest.json': JSON.stringify({
      name: 'x',
      icons: [{ src: 'icon-192x192.png', sizes: '192x192' }],
      start_url: '/',
    }),
  };
  t.same(await immutableOf(t, files, { immutable: ['/lib/*'] }), [
    '/assets/index-DiwrgTda.js',
    '/assets/photo-SemiBold.jpg',
    '/css/app.abcdefgh.css',
    '/lib/1.2.3/a.js',
    '/logo-ABCDEFGH.png',
  ]);
  await t.rejects(storeOf(t, files, { immutable: ['lib'] }), { name: 'StoreError', message: /begin with a slash/ });
});

t.test('pages, service workers, and other paths of a fingerprinted file are asked for each time', async (t) => {
  const store = await storeOf(t, {
    'x.5f1494977bbccc1f.html': 'page',
    'sw.js': 'worker',
    'service-worker.5f1494977bbccc1f.js': 'worker',
    'app.5f1494977bbccc1f.js': 'app',
    'a.css': 'style',
    'a.png': 'picture',
    _redirects: '/latest.js /app.5f1494977bbccc1f.js 200\n/any/* /app.5f1494977bbccc1f.js 200',
  });
  t.equal(cacheOf(store, '/app.5f1494977bbccc1f.js'), IMMUTABLE);
  for (const path of ['/x.5f1494977bbccc1f', '/sw.js', '/service-worker.5f1494977bbccc1f.js', '/a.css'])
    t.equal(cacheOf(store, path), 'no-cache', path);
  t.equal(cacheOf(store, '/a.png'), 'public, max-age=600, must-revalidate');
  for (const path of ['/latest.js', '/any/thing.js'])
    t.equal(cacheOf(store, path), 'no-cache', `${path} names what is the latest, and that changes`);
});

t.test('what is kept of a former site is what was said never to change, and no page', async (t) => {
  const old = await storeOf(t, {
    'app.5f1494977bbccc1f.js': 'app',
    'minutes-2023dec01.pdf': 'minutes',
    'own/a.txt': 'by the site',
    'own/page.html': 'a page',
    _headers: '/own/*\n  Cache-Control: max-age=31536000, immutable',
  });
  const next = await storeOf(t, { 'index.html': 'home' });
  const kept = new KeptAssets({ time: 1000, files: 10, bytes: 10_000 }, () => 0);
  (await kept.prepare(old, next))();
  const has = (path: string): boolean => {
    const bytes = new TextEncoder().encode(path);
    return kept.lookup(bytes, 0, bytes.length) !== undefined;
  };
  t.same(['/app.5f1494977bbccc1f.js', '/minutes-2023dec01.pdf', '/own/a.txt', '/own/page.html'].map(has), [
    true,
    false,
    true,
    false,
  ]);
});
