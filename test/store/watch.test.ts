import { linkSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Store, type WatchOptions, watchStore } from '../../src/store/index.js';
import { stepsOf } from '../../src/store/open/watch-path.js';
import { directory, identity, outcome, resource, text, tree } from './tree.js';

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
    writeFileSync(join(dir, '_redirects'), 'nonsense!');
  });
  t.match(errors[0], /_redirects:1: nonsense! leads nowhere/);
  t.equal(stores.all.length, 1);
});

t.test('a directory that cannot be served at first is refused', async (t) => {
  await t.rejects(
    watchStore(join(tree(t, {}), 'none'), {}, () => t.fail('no store')),
    { name: 'StoreError', message: /does not exist/ },
  );
});

/**
 * Ways in which a path comes to mean another directory, each done at once; `site` below `dir` has the page `two`
 * afterwards.
 */
const REPLACED: Readonly<Record<string, { readonly path: string; readonly replace: (dir: string) => void }>> = {
  'the directory is removed and made again': {
    path: 'a/site',
    replace: (dir) => {
      rmSync(join(dir, 'a/site'), { recursive: true });
      mkdirSync(join(dir, 'a/site'));
      writeFileSync(join(dir, 'a/site/index.html'), 'two');
    },
  },
  'another one takes its name': {
    path: 'a/site',
    replace: (dir) => {
      renameSync(join(dir, 'a/site'), join(dir, 'a/old'));
      renameSync(join(dir, 'b/site'), join(dir, 'a/site'));
    },
  },
  'a directory above it is replaced': {
    path: 'a/site',
    replace: (dir) => {
      renameSync(join(dir, 'a'), join(dir, 'old'));
      renameSync(join(dir, 'b'), join(dir, 'a'));
    },
  },
  'a link on the way is switched': {
    path: 'current/site',
    replace: (dir) => {
      symlinkSync('b', join(dir, 'next'));
      renameSync(join(dir, 'next'), join(dir, 'current'));
    },
  },
  'a link behind a link is switched': {
    path: 'via/site',
    replace: (dir) => {
      symlinkSync('b', join(dir, 'next'));
      renameSync(join(dir, 'next'), join(dir, 'current'));
    },
  },
};

for (const [how, { path, replace }] of Object.entries(REPLACED)) {
  t.test(`a path that comes to mean another directory is followed: ${how}`, async (t) => {
    const dir = tree(t, { 'a/site/index.html': 'one', 'b/site/index.html': 'two', 'b/site/deep/x.txt': 'x' });
    symlinkSync('a', join(dir, 'current'));
    symlinkSync(join(dir, 'current'), join(dir, 'via'));
    const stores = new Stores();
    const watcher = await watchStore(join(dir, path), {}, stores.on);
    t.teardown(() => watcher.close());
    replace(dir);
    await stores.next((s) => home(s) === 'two');
    writeFileSync(join(dir, path, 'index.html'), 'three');
    await stores.next((s) => home(s) === 'three');
    mkdirSync(join(dir, path, 'deep'), { recursive: true });
    writeFileSync(join(dir, path, 'deep/y.txt'), 'y');
    await stores.next((s) => outcome(s, '/deep/y.txt') === '200 /deep/y.txt');
  });
}

t.test('a directory of the site that another one replaces is followed to its depth', async (t) => {
  const { dir, stores } = await watched(t, { 'index.html': 'one', 'a/b/c/x.txt': 'x' });
  const elsewhere = tree(t, { 'a/b/c/x.txt': 'new' });
  renameSync(join(dir, 'a'), join(directory(t), 'gone'));
  renameSync(join(elsewhere, 'a'), join(dir, 'a'));
  await stores.next((s) => text(identity(resource(s, '/a/b/c/x.txt')).body) === 'new');
  writeFileSync(join(dir, 'a/b/c/x.txt'), 'newer');
  await stores.next((s) => text(identity(resource(s, '/a/b/c/x.txt')).body) === 'newer');
});

t.test('the way of a path goes through every link, and ends when they lead in a circle', (t) => {
  const dir = tree(t, { 'a/site/index.html': '' });
  symlinkSync('a', join(dir, 'one'));
  symlinkSync(join(dir, 'one'), join(dir, 'two'));
  symlinkSync('round', join(dir, 'round'));
  const names = stepsOf(join(dir, 'two/site')).map(({ name }) => name);
  t.same(names.slice(-1), ['site']);
  for (const name of ['two', 'one', 'a']) t.ok(names.includes(name), name);
  t.ok(stepsOf(join(dir, 'round')).length < 1000);
  t.end();
});

t.test('what links lead to in a directory that is named is followed', async (t) => {
  const outside = tree(t, { 'far/x.txt': 'x', 'single.txt': 's' });
  const dir = tree(t, { 'index.html': 'one' });
  symlinkSync(join(outside, 'far'), join(dir, 'far'));
  symlinkSync(join(outside, 'single.txt'), join(dir, 'single.txt'));
  const stores = new Stores();
  const watcher = await watchStore(dir, { follow: [outside] }, stores.on);
  t.teardown(() => watcher.close());
  writeFileSync(join(outside, 'far/x.txt'), 'two');
  await stores.next((s) => text(identity(resource(s, '/far/x.txt')).body) === 'two');
  writeFileSync(join(outside, 'single.txt'), 'two');
  await stores.next((s) => text(identity(resource(s, '/single.txt')).body) === 'two');
});

t.test('what is left out is told once, and not with each change', async (t) => {
  const dir = tree(t, { 'index.html': 'one' });
  symlinkSync('nothing', join(dir, 'dangling'));
  const stores = new Stores();
  const warnings: string[] = [];
  const watcher = await watchStore(dir, { onWarning: (sentence) => warnings.push(sentence) }, stores.on);
  t.teardown(() => watcher.close());
  mkdirSync(join(dir, 'more'));
  writeFileSync(join(dir, 'more/index.html'), 'two');
  await stores.next((s) => outcome(s, '/more/') === '200 /more/index.html');
  t.match(warnings, [/dangling is a link to nothing; remove it \(left out\)/]);
});
