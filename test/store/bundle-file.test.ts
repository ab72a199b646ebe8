import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { readHeader } from '../../src/store/format/bundle-header.js';
import { PAGE, SUM_BLOCK } from '../../src/store/format/format.js';
import { sha256 } from '../../src/store/format/hash-tree.js';
import { sumBytes } from '../../src/store/format/sums.js';
import { bundleDirectory, openStore, StoreError } from '../../src/store/index.js';
import { BundleStore } from '../../src/store/read/bundle-store.js';
import { blobOfFile } from '../../src/store/site/blob.js';
import { readWhole } from '../../src/store/site/read-file.js';
import { directory, identity, lookup, resource, type Tree, text, tree } from './tree.js';

const site: Tree = {
  'index.html': '<h1>home</h1>'.repeat(300),
  'about.html': 'about',
  'copy.html': 'about',
  'blog/index.html': 'blog',
  'blog/404.html': 'none in the blog',
  '404.html': 'none',
  'big.bin': Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7919) >> 3),
  'Ünï cödé.txt': 'u',
  _redirects: '/old/* /blog/:splat 301',
  _headers: '/*\n  X-A: 1',
};

const paths = ['/', '/about', '/blog', '/blog/no', '/no', '/big.bin', '/Ünï cödé.txt', '/old/x', '/ABOUT', '/copy'];

async function bundle(
  t: Parameters<typeof tree>[0],
  files = site,
  options = {},
): Promise<{ file: string; bytes: Uint8Array }> {
  const file = join(directory(t), 'site.bundle');
  await bundleDirectory(tree(t, files), file, { compression: 'fast', cache: false, ...options });
  return { file, bytes: new Uint8Array(readFileSync(file)) };
}

/** What is sent for a path: enough to see any difference. */
function answer(store: BundleStore, path: string): string {
  const found = lookup(store, path);
  if (found.kind === 'redirect') return `${found.status} ${found.location}`;
  const there = found.kind === 'resource' ? found.resource : found.page;
  if (!there) return '404';
  return there.representations
    .map((r) => text(r.headOk) + text(r.headNotModified) + text(r.headPartial) + text(r.headFailed) + text(r.body))
    .join();
}

function open(bytes: Uint8Array): BundleStore {
  return new BundleStore(bytes, { name: 'site.bundle', trusted: false });
}

t.test('the same tree gives the same bytes, whatever the order in which it was made', async (t) => {
  const first = await bundle(t);
  const names = Object.keys(site);
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(names, { minLength: names.length }), async (order) => {
      const again = await bundle(t, Object.fromEntries(order.map((name) => [name, site[name]!])));
      return Buffer.compare(again.bytes, first.bytes) === 0;
    }),
    { numRuns: 5 },
  );
});

t.test('a served directory and its bundle are the same store', async (t) => {
  const dir = tree(t, site);
  const file = join(directory(t), 'site.bundle');
  const made = await bundleDirectory(dir, file, { compression: 'none' });
  const live = await openStore(dir, { compression: 'none' });
  const filed = await openStore(file);
  t.equal(live.id, made.id);
  t.equal(filed.id, made.id);
  t.match(made.id, /^[0-9a-f]{64}$/);
  t.equal(made.bytes, readFileSync(file).length);
  t.equal(filed.size, live.size);
  for (const path of paths) t.equal(answer(live as BundleStore, path), answer(filed as BundleStore, path), path);
});

t.test('identical files are stored once', async (t) => {
  const bytes = new Uint8Array(50_000).map((_, i) => i % 251);
  const one = await bundle(t, { 'a.bin': bytes });
  const three = await bundle(t, { 'a.bin': bytes, 'b.bin': bytes, 'c/d.bin': bytes });
  t.ok(three.bytes.length < one.bytes.length + 10_000);
  const store = open(three.bytes);
  t.equal(identity(resource(store, '/a.bin')).body.start, identity(resource(store, '/c/d.bin')).body.start);
});

t.test('resources come in the order of the bytes of their paths', async (t) => {
  const { bytes } = await bundle(t);
  const listed = Array.from(open(bytes).resources(), (r) => r.path);
  t.same(
    listed,
    [...listed].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  );
  t.equal(listed.length, Object.keys(site).length - 2);
});

t.test('a truncated bundle is refused with a sentence, wherever it is cut', async (t) => {
  const { bytes } = await bundle(t);
  const h = readHeader(bytes, bytes.length, 'x');
  const sections = [h.roots, h.leaves, h.slots, h.keys, h.answers, h.reps, h.strings, h.manifest, h.content, h.sums];
  const cuts = new Set([
    1,
    7,
    8,
    12,
    100,
    511,
    512,
    bytes.length - 1,
    ...sections.flatMap((s) => [s.at - 1, s.at, s.at + 1, s.end - 1]),
  ]);
  for (const cut of cuts) {
    if (cut >= bytes.length) continue;
    t.throws(
      () => open(bytes.slice(0, cut)),
      { name: 'StoreError', message: /site\.bundle is cut short: it has \d+ .*bytes/ },
      String(cut),
    );
  }
  t.throws(() => open(new Uint8Array(0)), { name: 'StoreError', message: /not a bundle/ });
  const longer = new Uint8Array(bytes.length + 3);
  longer.set(bytes);
  t.throws(() => open(longer), { name: 'StoreError', message: /3 bytes follow the end/ });
});

t.test('what is no bundle, or a newer one, is refused with a sentence that says so', async (t) => {
  t.throws(() => open(new TextEncoder().encode('hello')), {
    name: 'StoreError',
    message: /not a bundle of sitekernel/,
  });
  const { bytes } = await bundle(t);
  const newer = bytes.slice();
  new DataView(newer.buffer).setUint32(8, 3, true);
  newer.set(sha256(newer.subarray(0, 480)), 480);
  t.throws(() => open(newer), {
    name: 'StoreError',
    message: /newer sitekernel \(bundle version 3; this one reads 2\)/,
  });
  const older = bytes.slice();
  new DataView(older.buffer).setUint32(8, 1, true);
  older.set(sha256(older.subarray(0, 480)), 480);
  t.throws(() => open(older), {
    name: 'StoreError',
    message: /older sitekernel \(bundle version 1; this one reads 2\)/,
  });
  const dir = directory(t);
  await t.rejects(openStore(join(dir, 'none')), { name: 'StoreError', message: /none does not exist/ });
  writeFileSync(join(dir, 'text'), 'text');
  await t.rejects(openStore(join(dir, 'text')), { name: 'StoreError', message: /not a bundle/ });
});

t.test('corruption never gives wrong bytes: a sentence at opening, the right answer, or 500', async (t) => {
  const { bytes } = await bundle(t);
  const right = new Map(paths.map((path) => [path, answer(open(bytes), path)]));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 8 }),
      (flips) => {
        const bad = bytes.slice();
        for (const [at, x] of flips) bad[at]! ^= x;
        if (Buffer.compare(bad, bytes) === 0) return;
        let store: BundleStore;
        try {
          store = open(bad);
        } catch (error) {
          if (error instanceof StoreError && /damaged|not a bundle/.test(error.message)) return;
          throw error;
        }
        if (store.pages.check().length === 0) throw new Error('a check found nothing');
        for (const path of paths) {
          const got = answer(store, path);
          if (got !== right.get(path) && !got.startsWith('HTTP/1.1 500 '))
            throw new Error(`${path}: ${got.slice(0, 80)}`);
        }
      },
    ),
    { numRuns: 300 },
  );
});

t.test('a body is answered when its sums, too, are what was bundled', async (t) => {
  const files = { 'small.txt': 'small', 'big.bin': new Uint8Array(10_000_000).fill(7) };
  const { bytes } = await bundle(t, files, { compression: 'none' });
  const { sums, content } = open(bytes).header;
  t.ok(sums.at - content.at > 2 * PAGE && sums.end - sums.at > 2 * PAGE, 'pages of their own');
  const { start, end } = identity(resource(open(bytes), '/big.bin')).body;
  /** The bundle in which the sum for this byte is another. */
  const damaged = (place: number): BundleStore => {
    const bad = bytes.slice();
    bad[sums.at + 2 * Math.floor((place - content.at) / SUM_BLOCK)]! ^= 1;
    return open(bad);
  };
  for (const place of [start, (start + end) >> 1, end - 1])
    t.match(answer(damaged(place), '/big.bin'), /^HTTP\/1\.1 500 /, `the sum at ${place}`);
  t.match(answer(damaged((start + end) >> 1), '/small.txt'), /^HTTP\/1\.1 200 /, 'others have other sums');
  t.end();
});

t.test('each byte hangs on the identity: a check finds any one that is changed', async (t) => {
  const { bytes } = await bundle(t, { 'a.txt': 'a', '404.html': 'n' }, { compression: 'none' });
  for (let at = 0; at < bytes.length; at++) {
    bytes[at]! ^= 1;
    let found = false;
    try {
      found = open(bytes).pages.check().length > 0;
    } catch (error) {
      found = error instanceof StoreError;
    }
    if (!found) t.fail(`byte ${at}`);
    bytes[at]! ^= 1;
  }
  t.same(open(bytes).pages.check(), []);
});

t.test('a bundle with right hashes and lying contents throws nothing', async (t) => {
  const { bytes } = await bundle(t);
  const h = readHeader(bytes, bytes.length, 'x');
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: h.slots.at, max: h.manifest.end - 1 }), fc.nat(255)), {
        minLength: 1,
        maxLength: 200,
      }),
      (changes) => {
        const bad = bytes.slice();
        for (const [at, x] of changes) bad[at] = x;
        const store = new BundleStore(bad, { name: 'site.bundle', trusted: true });
        for (const path of paths) lookup(store, path);
      },
    ),
    { numRuns: 300 },
  );
});

t.test('verify: open refuses a bundle with one wrong byte of content', async (t) => {
  const { file, bytes } = await bundle(t);
  bytes[bytes.length - 2000]! ^= 1;
  writeFileSync(file, bytes);
  await t.rejects(openStore(file, { verify: 'open' }), { name: 'StoreError', message: /damaged near byte/ });
  await t.resolves(openStore(file));
});

t.test('a bundle that is written into its own site is no part of it', async (t) => {
  const dir = tree(t, { 'index.html': 'x' });
  const file = join(dir, 'site.bundle');
  const first = await bundleDirectory(dir, file, { compression: 'none' });
  const second = await bundleDirectory(dir, file, { compression: 'none' });
  t.equal(second.id, first.id);
});

t.test('a file that changes between reading and writing is noticed', async (t) => {
  const dir = tree(t, { 'a.txt': 'before' });
  const file = join(dir, 'a.txt');
  const blob = blobOfFile(file, await readWhole(file));
  t.equal(new TextDecoder().decode(await blob.load()), 'before');
  writeFileSync(file, 'after!');
  await t.rejects(Promise.resolve(blob.load()), {
    name: 'StoreError',
    message: /a\.txt changed while the site was bundled/,
  });
});

t.test('running sums of a bundle are the sums of its bytes', async (t) => {
  const { bytes } = await bundle(t);
  const store = open(bytes);
  for (const { representations } of store.resources()) {
    for (const { body, headOk } of representations) {
      for (const { memory, start, end } of [body, headOk]) {
        t.equal(memory.sum!(start, end) % 0xffff, sumBytes(bytes, start, end) % 0xffff);
        if (end > start) t.equal(memory.sum!(start + 1, end) % 0xffff, sumBytes(bytes, start + 1, end) % 0xffff);
      }
    }
  }
  const without = open((await bundle(t, site, { sums: false })).bytes);
  t.equal(identity(resource(without, '/')).body.memory.sum, undefined);
  t.equal(answer(without, '/about'), answer(store, '/about'));
});
