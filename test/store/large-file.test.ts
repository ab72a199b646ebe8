/** Files that no call takes whole. They are sparse: they take no room on the disk, but for the marks in them. */
import { closeSync, mkdirSync, openSync, renameSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { BundleDisk } from '../../src/store/bundle/bundle-disk.js';
import { bundleDirectory, openStore } from '../../src/store/index.js';
import { BundleStore } from '../../src/store/read/bundle-store.js';
import { LARGE_FILE, largeFrom } from '../../src/store/site/large-file.js';
import { atOnce } from '../../src/store/slices.js';
import type { ContentSource } from '../../src/store/store.js';
import { directory, identity, resource, text, tree } from './tree.js';

const MARK = 'a mark far behind';

/** A site with a film of `size` bytes, MARK at `at`. */
function site(t: Parameters<typeof directory>[0], size: number, at: number): string {
  const dir = tree(t, { 'index.html': 'home', 'z/last.txt': 'behind the film' });
  writeFileSync(join(dir, 'film.mp4'), '');
  truncateSync(join(dir, 'film.mp4'), size);
  const fd = openSync(join(dir, 'film.mp4'), 'r+');
  writeSync(fd, MARK, at);
  closeSync(fd);
  return dir;
}

async function read(source: ContentSource | undefined, start: number, length: number): Promise<string | undefined> {
  const reader = await source?.open();
  const piece = await reader?.read(start, start + length);
  reader?.close();
  return piece && text(piece);
}

t.test('a large file of a directory stays on the disk, and is sent only as what it was', async (t) => {
  const size = LARGE_FILE + 12_345;
  const at = size - 100;
  const dir = site(t, size, at);
  const store = await openStore(dir, { compression: 'fast', cache: false, preload: 'link', metaRefresh: true });
  const { body, headOk } = identity(resource(store, '/film.mp4'));
  t.equal(body.end - body.start, size);
  t.equal(body.memory.bytes.length, 0, 'none of it is in memory');
  t.match(text(headOk), `Content-Length: ${size}`);
  t.equal(await read(body.source, at, MARK.length), MARK);
  t.equal(text(identity(resource(store, '/z/last.txt')).body), 'behind the film');
  // One that has it open goes on with what it was when another file takes its name; a new one is told that it is gone.
  const reader = await body.source!.open();
  writeFileSync(join(dir, 'other'), 'short');
  renameSync(join(dir, 'other'), join(dir, 'film.mp4'));
  const piece = await reader!.read(at, at + MARK.length);
  t.equal(piece && text(piece), MARK);
  reader!.close();
  t.equal(await read(body.source, 0, 5), undefined);
  truncateSync(join(dir, 'film.mp4'), 0);
  t.equal(await read(body.source, 0, 5), undefined);
});

t.test('a bundle of which only the beginning is in memory reads the rest, and verifies what it reads', async (t) => {
  const dir = tree(t, {
    'index.html': 'home',
    'one.bin': new Uint8Array(200_000).fill(1),
    'two.bin': new Uint8Array(300_000).map((_, i) => i % 251),
  });
  mkdirSync(join(dir, 'out'), { recursive: true });
  const file = join(directory(t), 'site.bundle');
  const made = await bundleDirectory(dir, file, { compression: 'none' });
  const { readFileSync } = await import('node:fs');
  const whole = new Uint8Array(readFileSync(file));
  const front = whole.slice(0, whole.length - 320_000);
  const disk = { file: new BundleDisk(openSync(file, 'r')), fileBytes: whole.length };
  const store = new BundleStore(front, { name: file, trusted: false, disk });
  t.equal(store.id, made.id);
  t.equal(text(identity(resource(store, '/')).body), 'home');
  const { body } = identity(resource(store, '/two.bin'));
  t.ok(body.source !== undefined && body.end === 300_000);
  t.equal(identity(resource(store, '/')).body.memory.sum, undefined, 'the sums are on the disk');
  const summed = (length: number): boolean => {
    const from = new BundleStore(whole.slice(0, length), { name: file, trusted: false, disk });
    return identity(resource(from, '/')).body.memory.sum !== undefined;
  };
  t.same([summed(whole.length - 1), summed(whole.length)], [false, true], 'all of them have to be in memory');
  const all = new BundleStore(whole, { name: file, trusted: false });
  const right = text(identity(resource(all, '/two.bin')).body);
  for (const [start, length] of [
    [0, 10],
    [16_384, 20_000],
    [1, 299_999],
    [299_990, 10],
  ] as const)
    t.equal(
      await read(body.source, start, length),
      new TextDecoder().decode(
        identity(resource(all, '/two.bin')).body.memory.bytes.subarray(
          identity(resource(all, '/two.bin')).body.start + start,
          identity(resource(all, '/two.bin')).body.start + start + length,
        ),
      ),
    );
  t.equal(right.length > 0, true);
  t.same(store.pages.check(), []);
  const fd = openSync(file, 'r+');
  writeSync(fd, 'X', identity(resource(all, '/two.bin')).body.start + 150_000);
  closeSync(fd);
  t.equal(await read(body.source, 140_000, 20_000), undefined, 'a changed byte is not sent');
  t.equal(await read(body.source, 0, 10), right.slice(0, 10), 'what has not changed is');
  t.equal(store.pages.check().length, 1);
});

t.test('where all files together are more than is held, the largest of them stay on the disk', async (t) => {
  t.equal(atOnce(largeFrom([1, 2, 3])), LARGE_FILE);
  t.equal(atOnce(largeFrom([LARGE_FILE * 20])), LARGE_FILE);
  const photos = Array.from({ length: 3000 }, () => 2 ** 20);
  t.equal(atOnce(largeFrom([...photos, 10, 20])), 2 ** 20);
  t.equal(atOnce(largeFrom(Array.from({ length: 1000 }, () => 2 ** 20))), LARGE_FILE);
});
