import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { Zstd } from '@hpcc-js/wasm-zstd';
import t from 'tap';
import { COMPRESSED, worthKeeping } from '../../src/store/compress/codings.js';
import { compressNow } from '../../src/store/compress/compress-now.js';
import { CompressionCache } from '../../src/store/compress/compression-cache.js';
import { decompressNow, isChecked } from '../../src/store/compress/decompress-now.js';
import { bundleDirectory, openStore, type Progress } from '../../src/store/index.js';
import type { Coding } from '../../src/store/store.js';
import { directory, resource, storeOf, tree } from './tree.js';

const prose = Array.from({ length: 400 }, (_, i) => `line ${i * 7919} of a text that gets smaller`).join('\n');

/** Codings whose results a sealed server keeps. */
const CHECKED = COMPRESSED.filter(isChecked);

function files(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile())
    .map((e) => join(e.parentPath ?? e.path, e.name));
}

t.test('every coding gives back the bytes of the file', async (t) => {
  const zstd = await Zstd.load();
  const decode: Record<Coding, (bytes: Uint8Array) => Uint8Array> = {
    identity: (bytes) => bytes,
    gzip: gunzipSync,
    br: brotliDecompressSync,
    zstd: (bytes) => zstd.decompress(bytes),
  };
  const all = (['fast', 'full'] as const).flatMap((compression) =>
    (['node', 'packages'] as const).map((compressors) => ({ compression, compressors })),
  );
  for (const options of all) {
    const store = await storeOf(t, { 'a.txt': prose }, { ...options, cache: false });
    const { representations } = resource(store, '/a.txt');
    t.equal(representations.length, 4);
    for (const { coding, body } of representations) {
      const bytes = body.memory.bytes.slice(body.start, body.end);
      t.equal(
        Buffer.from(decode[coding](bytes)).toString(),
        prose,
        `${options.compression} by ${options.compressors}: ${coding}`,
      );
      if (coding === 'gzip')
        t.same([bytes[4], bytes[5], bytes[6], bytes[7], bytes[9]], [0, 0, 0, 0, 255], 'no time, no system (RFC 1952)');
    }
  }
});

t.test('a bundle has the same compressed bytes whatever Node and processor made it', async (t) => {
  // What it is under Node 20 and 26, whose own zlib and brotli differ. Other hashes are right only when a package here
  // got a new version.
  const expected = {
    gzip: '8e0f621845efd27837ab3c8716c873d50a347d461a84e8ca8ba49975d455163f',
    br: 'ffd3a68ad9b6047c6f579d8ad5cd523edd34fe438dff96fee4ac02a9ac7f09b3',
    zstd: 'cdd2576b30b42b124443db3556dfad97ffd6ba4d95466d031bfb2a39ad5b3b84',
  };
  const out = directory(t);
  const made = await bundleDirectory(tree(t, { 'a.txt': prose }), join(out, 'bundle'), { cache: false });
  t.ok(made.bytes > 0);
  const store = await openStore(join(out, 'bundle'));
  const { representations } = resource(store, '/a.txt');
  const hashes = representations
    .filter(({ coding }) => coding !== 'identity')
    .map(({ coding, body }) => [
      coding,
      createHash('sha256').update(body.memory.bytes.subarray(body.start, body.end)).digest('hex'),
    ]);
  t.same(Object.fromEntries(hashes), expected);
  store.close();
});

t.test('a served directory is compressed by what Node has: it is quicker, and goes nowhere', async (t) => {
  const dir = tree(t, { 'a.txt': prose });
  const out = directory(t);
  const here = { compression: 'fast', cache: join(out, 'cache') } as const;
  (await openStore(dir, here)).close();
  await bundleDirectory(dir, join(out, 'bundle'), here);
  t.equal(files(join(out, 'cache')).length, 5, 'gzip and br twice, zstd is the same');
  await bundleDirectory(dir, join(out, 'again'), { ...here, compressors: 'packages' });
  t.equal(files(join(out, 'cache')).length, 5);
});

t.test('a coding is kept only when it is smaller by a margin, and only types that can be', async (t) => {
  const store = await storeOf(
    t,
    {
      'small.txt': 'abc'.repeat(20),
      'p.png': prose,
      'r.txt': Uint8Array.from({ length: 300 }, (_, i) => (i * i * 31) % 251),
    },
    { compression: 'full', cache: false },
  );
  for (const path of ['/small.txt', '/p.png']) t.equal(resource(store, path).representations.length, 1, path);
  for (const { body, coding } of resource(store, '/r.txt').representations)
    if (coding !== 'identity') t.ok(body.end - body.start < 240);
  t.notOk(worthKeeping(990, 1000));
  t.notOk(worthKeeping(140, 200));
  t.ok(worthKeeping(100, 200));
});

t.test('a second run of an unchanged tree takes what the first one made, and gives the same bytes', async (t) => {
  const dir = tree(t, { 'a.txt': prose, 'b.css': prose, 'c.html': `${prose}.` });
  const out = directory(t);
  const cache = join(out, 'cache');
  await bundleDirectory(dir, join(out, '1'), { compression: 'fast', cache });
  const made = files(cache);
  t.equal(made.length, 6, 'equal files are compressed once');
  const marks = made.map((file) => statSync(file).ino);
  await bundleDirectory(dir, join(out, '2'), { compression: 'fast', cache });
  t.same(
    files(cache).map((file) => statSync(file).ino),
    marks,
  );
  t.ok(readFileSync(join(out, '1')).equals(readFileSync(join(out, '2'))));
});

t.test('a change of one page compresses that page alone, and its bundle is that of a tree made afresh', async (t) => {
  const pages = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${i}.html`, `${prose}${i}`]));
  const out = directory(t);
  const [cache, elsewhere] = [join(out, 'cache'), join(out, 'other')];
  await bundleDirectory(tree(t, pages), join(out, '1'), { compression: 'fast', cache });
  const before = new Set(files(cache));
  const changed = { ...pages, '7.html': `${prose}changed` };
  await bundleDirectory(tree(t, changed), join(out, '2'), { compression: 'fast', cache });
  t.equal(files(cache).filter((file) => !before.has(file)).length, 3, 'one page in three codings');
  await bundleDirectory(tree(t, changed), join(out, '3'), { compression: 'fast', cache: elsewhere });
  t.ok(readFileSync(join(out, '2')).equals(readFileSync(join(out, '3'))));
});

t.test('a damaged entry of the cache is made again', async (t) => {
  const dir = tree(t, { 'a.txt': prose });
  const out = directory(t);
  const cache = join(out, 'cache');
  await bundleDirectory(dir, join(out, '1'), { compression: 'fast', cache });
  for (const [i, file] of files(cache).entries()) {
    const bytes = readFileSync(file);
    if (i === 0) bytes[bytes.length - 1]! ^= 1;
    writeFileSync(file, i === 1 ? bytes.subarray(0, 20) : i === 2 ? '' : bytes);
  }
  await bundleDirectory(dir, join(out, '2'), { compression: 'fast', cache });
  t.ok(readFileSync(join(out, '1')).equals(readFileSync(join(out, '2'))));
});

t.test('a cache that cannot be written is done without', async (t) => {
  const out = directory(t);
  writeFileSync(join(out, 'file'), '');
  const made = await bundleDirectory(tree(t, { 'a.txt': prose }), join(out, '1'), {
    compression: 'fast',
    cache: join(out, 'file'),
  });
  t.ok(made.bytes > 0);
});

t.test('the cache is bounded: the longest unused goes', async (t) => {
  const dir = directory(t);
  const entry = new Uint8Array(1000);
  const first = new CompressionCache(dir, { largest: 2500 });
  for (const name of ['a', 'b', 'c']) await first.put(name, 's', entry);
  for (const [i, file] of files(dir).entries()) utimesSync(file, 1000 + i, 1000 + i);
  const oldest = files(dir)[0]!;
  await first.trim();
  t.equal(files(dir).length, 2);
  t.notOk(files(dir).includes(oldest));
});

t.test('an entry of a sealed server counts when the content comes out of it', async (t) => {
  const [dir, sealed] = [tree(t, { 'a.txt': prose }), directory(t)];
  const [first, second] = [directory(t), directory(t)];
  const options = { compression: 'fast', sealedCache: () => sealed } as const;
  const one = await bundleDirectory(dir, join(first, 'bundle'), { ...options, cache: join(first, 'cache') });
  const made = files(sealed);
  t.equal(made.length, CHECKED.length);
  const inodes = (): number[] => files(sealed).map((file) => statSync(file).ino);
  const before = inodes();
  await bundleDirectory(dir, join(second, 'same'), { ...options, cache: join(second, 'cache') });
  t.same(inodes(), before, 'taken');
  // A link, a pipe that nobody writes, and what is no entry, in the place of all.
  const others = [
    (file: string) => symlinkSync('/dev/zero', file),
    (file: string) => execFileSync('mkfifo', [file]),
    (file: string) => writeFileSync(file, 'short'),
  ];
  for (const [i, place] of others.entries()) {
    for (const file of made) {
      rmSync(file);
      place(file);
    }
    const again = { ...options, cache: join(second, String(i)) };
    t.equal((await bundleDirectory(dir, join(second, 'bundle'), again)).id, one.id);
  }
});

for (const coding of CHECKED)
  t.test(`${coding}: content without its coding is at most as large as it should be`, async (t) => {
    const bytes = Buffer.from(prose);
    const coded = await compressNow(bytes, coding, 3, 'node');
    t.same(Buffer.from(decompressNow(coded, coding, bytes.length)), bytes);
    t.throws(() => decompressNow(coded, coding, bytes.length - 1));
    t.throws(() => decompressNow(coded.subarray(0, coded.length / 2), coding, bytes.length));
    t.throws(() => decompressNow(Buffer.from('no such coding'), coding, bytes.length));
    t.throws(() => decompressNow(new Uint8Array(0), coding, bytes.length));
  });

t.test('progress ends at the whole', async (t) => {
  const seen: Progress[] = [];
  const out = directory(t);
  await bundleDirectory(tree(t, { 'a.txt': prose, 'b.png': 'x' }), join(out, '1'), {
    compression: 'fast',
    cache: false,
    onProgress: (p) => seen.push(p),
  });
  for (const phase of ['read', 'compress', 'write']) {
    const last = seen.filter((p) => p.phase === phase).at(-1);
    t.ok(last && last.done === last.total, phase);
  }
});
