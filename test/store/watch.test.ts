import { linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Store, type WatchOptions, watchStore } from '../../src/store/index.js';
import { identity, outcome, resource, text, tree } from './tree.js';

/** Collects stores; `next` waits for one that satisfies. */
class Stores {
  readonly all: Store[] = [];
  private wake: (() => void) | undefined;

  readonly on = (store: Store): void => {
    this.all.push(store);
    this.wake?.();
  };

  async next(good: (store: Store) => boolean): Promise<Store> {
    for (;;) {
      const last = this.all.at(-1);
      if (last && good(last)) return last;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}

async function watched(t: Parameters<typeof tree>[0], files: Record<string, string>, options: WatchOptions = {}) {
  const dir = tree(t, files);
  const stores = new Stores();
  const watcher = await watchStore(dir, options, stores.on);
  t.teardown(() => watcher.close());
  return { dir, stores };
}

const home = (store: Store): string => text(identity(resource(store, '/')).body);

t.test('a change gives a new store, and the old one stays what it was', async (t) => {
  const { dir, stores } = await watched(t, { 'index.html': 'one', 'a/b.txt': 'b' });
  const first = await stores.next(() => true);
  writeFileSync(join(dir, 'index.html'), 'two');
  const second = await stores.next((s) => home(s) === 'two');
  t.not(first.id, second.id);
  t.equal(home(first), 'one');
  mkdirSync(join(dir, 'new/deep'), { recursive: true });
  writeFileSync(join(dir, 'new/deep/x.txt'), 'x');
  await stores.next((s) => outcome(s, '/new/deep/x.txt') === '200 /new/deep/x.txt');
  writeFileSync(join(dir, 'new/deep/y.txt'), 'y');
  await stores.next((s) => outcome(s, '/new/deep/y.txt') === '200 /new/deep/y.txt');
  rmSync(join(dir, 'a'), { recursive: true });
  await stores.next((s) => outcome(s, '/a/b.txt') === '404');
});

t.test('a half-written build is never served', async (t) => {
  const { dir, stores } = await watched(t, { 'index.html': 'v1', 'a.html': 'v1', 'z.html': 'v1' });
  await stores.next(() => true);
  writeFileSync(join(dir, 'index.html'), '');
  writeFileSync(join(dir, 'a.html'), 'v2');
  await new Promise((resolve) => setTimeout(resolve, 150));
  writeFileSync(join(dir, 'index.html'), 'v2');
  writeFileSync(join(dir, 'z.html'), 'v2');
  await stores.next((s) => home(s) === 'v2');
  for (const store of stores.all) {
    const versions = new Set(Array.from(store.resources(), (r) => text(identity(r).body)));
    t.equal(versions.size, 1, [...versions].join(' '));
  }
});

t.test('a tree that is removed and built again is served again', async (t) => {
  const { dir, stores } = await watched(t, { 'index.html': 'v1' });
  await stores.next(() => true);
  renameSync(dir, `${dir}.old`);
  t.teardown(() => rmSync(`${dir}.old`, { recursive: true, force: true }));
  await new Promise((resolve) => setTimeout(resolve, 120));
  mkdirSync(dir);
  writeFileSync(join(dir, 'index.html'), 'v2');
  await stores.next((s) => home(s) === 'v2');
  t.equal(stores.all.length, 2);
});

t.test('files that come, go and change one by one are followed', async (t) => {
  const { dir, stores } = await watched(t, { 'index.html': 'one', 'a.txt': 'a', 'docs/docs': 'd' });
  await stores.next(() => true);
  for (let i = 0; i < 3; i++) {
    writeFileSync(join(dir, 'index.html'), `version ${i}`);
    await stores.next((s) => home(s) === `version ${i}`);
  }
  writeFileSync(join(dir, 'b.txt'), 'b');
  await stores.next((s) => outcome(s, '/b.txt') === '200 /b.txt');
  renameSync(join(dir, 'a.txt'), join(dir, 'docs/c.txt'));
  const moved = await stores.next((s) => outcome(s, '/docs/c.txt') === '200 /docs/c.txt');
  t.equal(outcome(moved, '/a.txt'), '404');
  rmSync(join(dir, 'b.txt'));
  await stores.next((s) => outcome(s, '/b.txt') === '404');
  writeFileSync(join(dir, 'docs/docs'), 'changed');
  await stores.next((s) => text(identity(resource(s, '/docs/docs')).body) === 'changed');
  writeFileSync(join(dir, '.hidden'), 'x');
  writeFileSync(join(dir, 'last.txt'), 'x');
  const last = await stores.next((s) => outcome(s, '/last.txt') === '200 /last.txt');
  t.equal(outcome(last, '/.hidden'), '404');
});

t.test('what was written by another name of a file is noticed, too', async (t) => {
  const { dir, stores } = await watched(t, { 'index.html': 'one', 'a.txt': 'a' });
  const elsewhere = join(t.testdir({}), 'a');
  linkSync(join(dir, 'a.txt'), elsewhere);
  writeFileSync(join(dir, 'index.html'), 'two');
  await stores.next((s) => home(s) === 'two');
  // Nobody who watches the directory is told of this.
  writeFileSync(elsewhere, 'b');
  const last = await stores.next((s) => text(identity(resource(s, '/a.txt')).body) === 'b');
  t.equal(home(last), 'two');
});

t.test('what cannot be served is said, and what is served stays', async (t) => {
  const errors: string[] = [];
  let said: (() => void) | undefined;
  const { dir, stores } = await watched(
    t,
    { 'index.html': 'v1' },
    {
      onError: (sentence) => {
        errors.push(sentence);
        said?.();
      },
    },
  );
  await stores.next(() => true);
  await new Promise<void>((resolve) => {
    said = resolve;
    writeFileSync(join(dir, '_redirects'), 'nonsense');
  });
  t.match(errors[0], /_redirects:1: nonsense leads nowhere/);
  t.equal(stores.all.length, 1);
});

t.test('a directory that cannot be served at first is refused', async (t) => {
  await t.rejects(
    watchStore(join(tree(t, {}), 'none'), {}, () => t.fail('no store')),
    { name: 'StoreError', message: /does not exist/ },
  );
});
