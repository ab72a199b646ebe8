import { createHash } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { Zstd } from '@hpcc-js/wasm-zstd';
import t, { type Test } from 'tap';
import { tasksOf } from '../../src/store/compress/compress.js';
import { servingOrder, TaskQueue } from '../../src/store/compress/compression-order.js';
import type { Task } from '../../src/store/compress/task.js';
import { bundleDirectory, type Store } from '../../src/store/index.js';
import { ServedDirectory } from '../../src/store/open/serve-directory.js';
import { blobOf } from '../../src/store/site/blob.js';
import { atOnce } from '../../src/store/slices.js';
import { Setup } from '../http/setup.js';
import { directory, identity, resource, tree } from './tree.js';

const CODINGS = ['identity', 'gzip', 'br', 'zstd'];

function page(n: number): string {
  return `<!doctype html><title>${n}</title>${`<p>paragraph ${n}</p>`.repeat(50)}`;
}

function site(pages: number): Record<string, string> {
  const numbers = Array.from({ length: pages }, (_, i) => [`p/${i}.html`, page(i)] as const);
  return {
    'index.html': page(-1),
    'a.css': 'a { color: red }\n'.repeat(50),
    'small.txt': 'small',
    ...Object.fromEntries(numbers),
  };
}

/** Opens a directory to be compressed in the background; `stores` are its versions, and `done` the last. */
async function opened(t: Test, dir: string, cache: string | false = false) {
  const stores: Store[] = [];
  const notes: string[] = [];
  let finished: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    finished = resolve;
  });
  const served = new ServedDirectory(dir, {
    cache,
    atOnce: 0,
    interval: 1,
    onCoded: (store) => stores.push(store),
    onNote: (note) => {
      notes.push(note);
      if (note.endsWith('all is compressed')) finished();
    },
  });
  t.teardown(() => served.close());
  stores.push(await served.open());
  served.begin();
  return { served, stores, notes, done };
}

let time = 0;

/** Until its end each look at the clock finds a slice used up; earlier slices have begun by one clock or the other. */
function slowly(): { end(): void } {
  const { now } = performance;
  time = Math.max(time, performance.now());
  performance.now = () => {
    time += 5;
    return time;
  };
  return {
    end: () => {
      performance.now = now;
    },
  };
}

function codings(store: Store, path: string): string[] {
  return resource(store, path).representations.map(({ coding }) => coding);
}

t.test('a directory is served as it is at first, and with all codings in the end', async (t) => {
  const { stores, notes, done } = await opened(t, tree(t, site(40)));
  t.same(codings(stores[0]!, '/p/7'), ['identity']);
  await done;
  t.same(codings(stores.at(-1)!, '/p/7'), CODINGS);
  t.same(codings(stores.at(-1)!, '/small.txt'), ['identity']);
  t.match(notes[0], /is served as it is; 42 files are compressed in the background/);
  t.match(notes.at(-1), /all is compressed/);
});

t.test(
  'the compression of a version rests while the next one is read, and goes on when that is not served',
  async (t) => {
    const dir = tree(t, site(300));
    const cache = directory(t);
    const entries = (): number =>
      readdirSync(cache, { recursive: true }).filter((name) => /[0-9a-f]{62}$/.test(String(name))).length;
    const { served, done } = await opened(t, dir, cache);
    while (entries() === 0) await new Promise((resolve) => setImmediate(resolve));
    const before = entries();
    const slow = slowly();
    await served.open();
    slow.end();
    // What was begun is finished: a task for each thread, and two more.
    t.ok(entries() - before <= availableParallelism() + 2, `${entries() - before} of 900 results came meanwhile`);
    await done;
    t.ok(entries() > 300);
  },
);

t.test('a version whose compression was ended is let go at once, however long its pause is', async (t) => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const dir = tree(t, site(400));
  const options = {
    cache: false,
    atOnce: 0,
    interval: 60_000,
    onCoded: () => undefined,
    onNote: () => undefined,
  } as const;
  const served = new ServedDirectory(dir, options);
  t.teardown(() => served.close());
  const first = new WeakRef(await served.open());
  served.begin();
  // A timer that is due later than the one that begins the work.
  await new Promise((done) => setTimeout(done, 100));
  writeFileSync(join(dir, 'index.html'), 'another');
  await served.open();
  served.begin();
  for (let i = 0; i < 200 && first.deref() !== undefined; i++) {
    await new Promise((done) => setTimeout(done, 10));
    gc();
  }
  t.equal(first.deref(), undefined);
});

t.test('in every version, tag, coding, length and Vary are those of the bytes that are sent', async (t) => {
  const files = site(20);
  const { stores, done } = await opened(t, tree(t, files));
  await done;
  const zstd = await Zstd.load();
  const decode: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
    identity: (bytes) => bytes,
    gzip: gunzipSync,
    br: brotliDecompressSync,
    zstd: (bytes) => zstd.decompress(bytes),
  };
  const byTag = new Map<string, string>();
  for (const store of stores) {
    const setup = new Setup({ store: () => store });
    for (const [path, content] of Object.entries(files)) {
      for (const coding of CODINGS) {
        const answer = setup.get(`/${path}`, `Accept-Encoding: ${coding}`);
        const sent = answer.fields.get('content-encoding') ?? 'identity';
        const etag = answer.fields.get('etag')!;
        const { body } = answer;
        const text = new TextDecoder().decode(decode[sent]!(body));
        if (text !== content) t.fail(`${path} in ${coding}: another content`);
        const digest = createHash('sha256').update(body).digest('hex').slice(0, 16);
        if (etag !== `"${digest}"`) t.fail(`${path} in ${coding}: the tag of other bytes`);
        const known = byTag.get(`${path} ${etag}`);
        if (known !== undefined && known !== sent) t.fail(`${path}: one tag for ${known} and ${sent}`);
        byTag.set(`${path} ${etag}`, sent);
        if (path !== 'small.txt' && !answer.fields.get('vary')?.includes('Accept-Encoding'))
          t.fail(`${path}: no Vary, though it has, or will have, several codings`);
        const again = setup.get(`/${path}`, `Accept-Encoding: ${coding}`, `If-None-Match: ${etag}`);
        if (again.status !== 304 || again.fields.get('etag') !== etag) t.fail(`${path} in ${coding}: ${again.status}`);
      }
    }
  }
  t.ok(stores.length >= 2, `${stores.length} versions`);
});

t.test('what was compressed is known at the next reading, and only what changed is done again', async (t) => {
  const dir = tree(t, site(30));
  const { served, stores, notes, done } = await opened(t, dir);
  await done;
  writeFileSync(join(dir, 'p/3.html'), page(1000));
  const again = await served.open();
  served.begin();
  t.same(codings(again, '/p/7'), CODINGS);
  t.same(codings(again, '/p/3'), ['identity']);
  t.match(notes.at(-1), /; 1 files are compressed|is served as it is; 1 /);
  served.close();
  t.ok(stores.length > 0);
});

t.test('the cache of `bundle` is used: what it made is served', async (t) => {
  const dir = tree(t, site(5));
  const cache = directory(t);
  const bundle = join(directory(t), 'bundle');
  await bundleDirectory(dir, bundle, { cache });
  const { stores, done } = await opened(t, dir, cache);
  await done;
  const { openStore } = await import('../../src/store/index.js');
  const made = await openStore(bundle);
  const tags = (store: Store): string[] => resource(store, '/p/2').representations.map(({ etag }) => etag);
  t.same(tags(stores.at(-1)!), tags(made));
});

t.test('a small site is compressed before it is served', async (t) => {
  const served = new ServedDirectory(tree(t, site(2)), { cache: false, onCoded: t.fail, onNote: t.fail });
  t.same(codings(await served.open(), '/p/1'), CODINGS);
});

t.test('a reading that is given up hands out nothing any more', async (t) => {
  const { served, stores } = await opened(t, tree(t, site(40)));
  served.close();
  const { length } = stores;
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(stores.length, length);
  t.equal(identity(resource(stores[0]!, '/p/1')).coding, 'identity', 'what was handed out stays what it was');
});

t.test('style sheets and scripts come first, then pages; what was asked for goes before them', (t) => {
  const files = [
    ['/deep/er/page.html', 'text/html'],
    ['/data.json', 'application/json'],
    ['/page.html', 'text/html'],
    ['/a.css', 'text/css'],
  ].map(([path, type]) => ({
    path: path!,
    type: type!,
    coded: [{ coding: 'identity' as const, blob: blobOf(Buffer.from(path!.repeat(100))) }],
  }));
  const queued = (): TaskQueue => atOnce(TaskQueue.of(atOnce(servingOrder(tasksOf(files), files))));
  const rest = (queue: TaskQueue): Task[] => {
    const tasks: Task[] = [];
    for (let task = queue.take(); task !== undefined; task = queue.take()) tasks.push(task);
    return tasks;
  };
  const order = (tasks: readonly Task[]): string[] => {
    const hashes = [...new Set(tasks.map(({ blob }) => blob.sha256))];
    return hashes.map((hash) => files.find(({ coded }) => coded[0]!.blob.sha256 === hash)!.path);
  };
  const all = rest(queued());
  t.same(order(all), ['/a.css', '/page.html', '/deep/er/page.html', '/data.json']);
  t.equal(all[0]!.coding, 'br');
  t.equal(all.length, 12);
  const queue = queued();
  const begun = queue.take()!;
  const hot = [files[1]!, files[3]!].map(({ coded }) => coded[0]!.blob.sha256);
  queue.promote(hot);
  queue.promote(hot);
  const left = rest(queue);
  t.same(order(left), ['/data.json', '/a.css', '/page.html', '/deep/er/page.html']);
  t.equal(left.length, 11, 'each once');
  t.notOk(left.includes(begun));
  t.end();
});

t.test('reading and laying out a site gives way to others again and again', async (t) => {
  const dir = tree(t, site(200));
  const slow = slowly();
  let turns = 0;
  let open = true;
  const count = (): void => {
    turns++;
    if (open) setImmediate(count);
  };
  setImmediate(count);
  try {
    await opened(t, dir).then(({ served }) => served.close());
  } finally {
    open = false;
    slow.end();
  }
  t.ok(turns > 600, `${turns} turns of the loop for 200 files: one a file read, an answer, a key and a body`);
});
