/** The contents of very many small files share memory; those of few do not. */
import t from 'tap';
import { CompressPool } from '../../src/store/compress/compress-pool.js';
import { blobOf } from '../../src/store/site/blob.js';
import { Slabs } from '../../src/store/site/slabs.js';
import { identity, resource, storeOf } from './tree.js';

const buffers = (all: readonly Uint8Array[]): number => new Set(all.map(({ buffer }) => buffer)).size;

t.test('a few contents have memory of their own: an old neighbour keeps none of theirs', (t) => {
  const slabs = new Slabs();
  const first = Array.from({ length: 1024 }, () => slabs.take(100));
  t.equal(buffers(first), 1024);
  t.end();
});

t.test('very many small contents share memory, and none lies over another', (t) => {
  const slabs = new Slabs();
  const all = Array.from({ length: 6000 }, (_, i) => slabs.take(i % 500).fill(i));
  t.ok(buffers(all) < 1024 + 10, `${buffers(all)} buffers for ${all.length} contents`);
  for (const [i, bytes] of all.entries()) if (bytes.some((byte) => byte !== i % 256)) t.fail(`${i} was written over`);
  t.equal(buffers([slabs.take(100), slabs.take(20_000), slabs.take(20_000)]), 3, 'large ones lie alone');
  t.end();
});

t.test('what is held in a slab is the same content', async (t) => {
  const slabs = new Slabs();
  for (let i = 0; i < 1100; i++) {
    const blob = blobOf(new TextEncoder().encode(`content ${i}`));
    const held = await slabs.hold(blob);
    t.equal(Buffer.from(await held.load()).toString(), `content ${i}`);
    if (held.sha256 !== blob.sha256 || held.size !== blob.size) t.fail(`${i} is another`);
  }
});

t.test('a thread is sent the content alone, and not what lies beside it', async (t) => {
  const pool = new CompressPool();
  t.teardown(() => pool.close());
  const around = new Uint8Array(2 ** 18).fill(1);
  const bytes = around.subarray(1000, 1000 + 3000);
  const job = { bytes, coding: 'gzip', level: 6, compressors: 'node' } as const;
  t.ok((await pool.run(job)).length < 100);
  t.equal(bytes.length, 3000, 'it is copied, and stays');
});

t.test('a site of many files is answered from shared memory', async (t) => {
  const files = Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`${i}.txt`, `text ${i}`]));
  const store = await storeOf(t, files);
  for (const i of [0, 1023, 1024, 1499]) {
    const { memory, start, end } = identity(resource(store, `/${i}.txt`)).body;
    t.equal(Buffer.from(memory.bytes.subarray(start, end)).toString(), `text ${i}`);
  }
});
