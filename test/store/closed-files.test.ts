/** What the user who serves has no right to read is left out with a line each, as everything else that is odd. */
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { FileRights } from '../../src/native/file-rights.js';
import { bundleDirectory, openStore, type Store, watchStore } from '../../src/store/index.js';
import { ServedDirectory } from '../../src/store/open/serve-directory.js';
import { directory, identity, outcome, resource, text, tree } from './tree.js';

const OTHER = 61_234;
const asRoot = process.getuid?.() === 0 && process.seteuid !== undefined ? false : 'needs root';

/** With two files, a folder and a link that only root can read or follow, and files for everybody. */
function siteOfRoot(t: Test): { dir: string; closed: RegExp[] } {
  const dir = tree(t, { 'index.html': 'home', 'a.txt': 'a', 'key.pem': 'k', 'd/notes.txt': 'n', 'private/p.txt': 'p' });
  const outside = directory(t);
  mkdirSync(join(outside, 'far'));
  symlinkSync(join(outside, 'far'), join(dir, 'link'));
  chmodSync(dir, 0o755);
  chmodSync(join(dir, 'key.pem'), 0o600);
  chmodSync(join(dir, 'd/notes.txt'), 0o600);
  chmodSync(join(dir, 'private'), 0o700);
  return { dir, closed: [/key\.pem/, /notes\.txt/, /private/, /link/] };
}

/** Does `work` as another user, as a sealed server is one. */
async function asOther<T>(work: () => Promise<T>): Promise<T> {
  process.seteuid?.(OTHER);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

const others = ({ mode }: FileRights): boolean => (mode & 0o4) !== 0;

function checkLines(t: Test, lines: readonly string[], closed: readonly RegExp[]): void {
  for (const one of closed) t.equal(lines.filter((line) => one.test(line)).length, 1, one.source);
  t.equal(lines.length, closed.length);
}

const isOpen = (t: Test, store: Store): void => {
  t.equal(outcome(store, '/'), '200 /index.html');
  t.equal(outcome(store, '/a.txt'), '200 /a.txt');
  for (const path of ['/key.pem', '/d/notes.txt', '/private/p.txt']) t.equal(outcome(store, path), '404', path);
};

t.test(
  'what cannot be read is left out with a line each, in each way of reading a site',
  { skip: asRoot },
  async (t) => {
    const { dir, closed } = siteOfRoot(t);
    const to = directory(t);
    chownSync(to, OTHER, OTHER);
    const ways: Record<string, (onWarning: (line: string) => void) => Promise<Store>> = {
      'a directory in memory': (onWarning) => openStore(dir, { compression: 'none', onWarning }),
      'a bundle': async (onWarning) => {
        await bundleDirectory(dir, join(to, 'b'), { compression: 'none', onWarning });
        return openStore(join(to, 'b'));
      },
      'a served directory': (onWarning) =>
        new ServedDirectory(dir, { cache: false, onWarning, onCoded: () => undefined, onNote: () => undefined }).open(),
      'a watched directory': (onWarning) =>
        new Promise((resolve, reject) => {
          watchStore(dir, { onWarning }, resolve).then((watcher) => t.teardown(() => watcher.close()), reject);
        }),
    };
    for (const [name, open] of Object.entries(ways)) {
      const lines: string[] = [];
      t.comment(name);
      isOpen(t, await asOther(() => open((line) => lines.push(line))));
      checkLines(t, lines, closed);
      t.match(
        lines.find((line) => line.includes('key.pem')),
        /permission denied; make it readable .*\(left out\)$/,
      );
    }
  },
);

t.test('strict: all of it is refused, and named', { skip: asRoot }, async (t) => {
  const { dir } = siteOfRoot(t);
  for (const message of [/private cannot be read/, /link is a link to where nothing can be read/])
    await asOther(() => t.rejects(openStore(dir, { strict: true }), { name: 'StoreError', message }));
  chmodSync(join(dir, 'private'), 0o755);
  const plain = tree(t, { 'index.html': 'home', 'a.key': 'a', 'b.key': 'b' });
  chmodSync(plain, 0o755);
  for (const name of ['a.key', 'b.key']) chmodSync(join(plain, name), 0o600);
  await asOther(() =>
    t.rejects(openStore(plain, { strict: true }), {
      name: 'StoreError',
      message: /a\.key cannot be read.*\n.*b\.key cannot be read/,
    }),
  );
});

t.test('what will be closed to the later user is left out now, with its remedy', async (t) => {
  const { dir } = siteOfRoot(t);
  const lines: string[] = [];
  const options = { compression: 'none', readable: others, onWarning: (line: string) => lines.push(line) } as const;
  isOpen(t, await openStore(dir, options));
  for (const name of ['key.pem', 'notes.txt', 'private'])
    t.match(
      lines.filter((line) => line.includes(name)),
      [/cannot be read once the server is sealed; .*chmod o\+rX.*--user\) \(left out\)$/],
    );
  await t.rejects(openStore(dir, { ...options, strict: true }), {
    name: 'StoreError',
    message: /private cannot be read once/,
  });
});

t.test(
  'a site without its rules is another one: rules that cannot be read are refused',
  { skip: asRoot },
  async (t) => {
    for (const name of ['_headers', '_redirects']) {
      const dir = tree(t, { 'index.html': 'home', [name]: '/a /b\n' });
      chmodSync(dir, 0o755);
      chmodSync(join(dir, name), 0o600);
      const message = new RegExp(`${name} cannot be read`);
      await asOther(() => t.rejects(openStore(dir), { name: 'StoreError', message }));
      await t.rejects(openStore(dir, { readable: others }), {
        name: 'StoreError',
        message: new RegExp(`${name} cannot be read once`),
      });
    }
  },
);

t.test('a site of which nothing can be read is refused', async (t) => {
  const dir = tree(t, { 'index.html': 'home' });
  chmodSync(join(dir, 'index.html'), 0o600);
  await t.rejects(openStore(dir, { readable: others }), { name: 'StoreError', message: /none of them can be read/ });
});

t.test(
  'a watched file that is closed goes, with one line, and comes back when it is opened',
  { skip: asRoot },
  async (t) => {
    const dir = tree(t, { 'index.html': 'home', 'a.txt': 'a' });
    chmodSync(dir, 0o755);
    const lines: string[] = [];
    let wake: () => void = () => undefined;
    let last: Store | undefined;
    const until = async (good: (store: Store) => boolean): Promise<void> => {
      while (last === undefined || !good(last))
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    };
    await asOther(async () => {
      const watcher = await watchStore(dir, { settle: 1, onWarning: (line) => lines.push(line) }, (store) => {
        last = store;
        wake();
      });
      t.teardown(() => watcher.close());
    });
    const home = (store: Store): string => text(identity(resource(store, '/')).body);
    // The files are changed by root, and read by the other user: the watcher reads while this test waits.
    const change = async (work: () => void, good: (store: Store) => boolean): Promise<void> => {
      work();
      await asOther(() => until(good));
    };
    await change(
      () => chmodSync(join(dir, 'a.txt'), 0o600),
      (store) => outcome(store, '/a.txt') === '404',
    );
    await change(
      () => writeFileSync(join(dir, 'index.html'), 'second'),
      (store) => home(store) === 'second',
    );
    t.match(lines, [/a\.txt cannot be read: permission denied.*\(left out\)/]);
    await change(
      () => chmodSync(join(dir, 'a.txt'), 0o644),
      (store) => outcome(store, '/a.txt') === '200 /a.txt',
    );
  },
);
