import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openStore } from '../../src/store/index.js';
import { walk } from '../../src/store/site/walk.js';
import { directory, outcome, storeOf, tree } from './tree.js';

t.test('files come in the order of the bytes of their paths', async (t) => {
  const dir = tree(t, {
    'b.txt': '',
    'a/z.txt': '',
    'a.txt': '',
    'a-b/c': '',
    'é.txt': '',
    '\u{1F600}': '',
    '\uFB01': '',
  });
  const found = walk(dir).map((f) => f.path);
  t.same(found, ['/a-b/c', '/a.txt', '/a/z.txt', '/b.txt', '/é.txt', '/\uFB01', '/\u{1F600}']);
});

t.test('a name may have the character that stands for bytes that are none, beside a name with such bytes', (t) => {
  const dir = tree(t, { 'a\ufffdb.txt': '', 'plain.txt': '' });
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0x61, 0xff, 0x62])]), 'x');
  const odd: string[] = [];
  const found = walk(dir, { onOdd: (sentence) => odd.push(sentence) });
  t.same(
    found.map(({ path }) => path),
    ['/a\ufffdb.txt', '/plain.txt'],
  );
  t.match(odd, [/a\u00ffb has a name that is not UTF-8/]);
  t.end();
});

t.test('dotfiles stay out unless asked for, .well-known stays in', async (t) => {
  const files = { '.git/config': 'x', '.env': 'y', '.well-known/security.txt': 's', 'a/.htaccess': 'h', 'a/b': 'b' };
  const store = await storeOf(t, files);
  t.equal(outcome(store, '/.env'), '404');
  t.equal(outcome(store, '/.git/config'), '404');
  t.equal(outcome(store, '/a/.htaccess'), '404');
  t.equal(outcome(store, '/.well-known/security.txt'), '200 /.well-known/security.txt');
  const all = await storeOf(t, files, { hidden: true });
  t.equal(outcome(all, '/.env'), '200 /.env');
});

/** A site with everything odd that a directory can hold, and what is said of each. */
function oddSite(t: Test): { dir: string; outside: string; said: RegExp[] } {
  const outside = tree(t, { 'secret.txt': 's', 'more/x.txt': 'x' });
  const dir = tree(t, { 'a.txt': 'a', 'd/b.txt': 'b', 'bad\nname.txt': 'n', 'a\u007f': 'd' });
  const link = (target: string, name: string): void => symlinkSync(target, join(dir, name));
  link('a.txt', 'link.txt');
  link('d', 'e');
  link(join(outside, 'secret.txt'), 'out.txt');
  link(outside, 'far');
  link(`${dir}-other`, 'nothing');
  link('a.txt/b', 'below-a-file');
  link('loop', 'loop');
  link('..', 'd/up');
  execFileSync('mkfifo', [join(dir, 'pipe')]);
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0x66, 0xfc, 0x72])]), 'x');
  const said = [
    /out\.txt is a link to .*secret\.txt, outside the site; .*--follow/,
    /far is a link to .*, outside the site/,
    /nothing is a link to nothing/,
    /below-a-file is a link to nothing/,
    /loop is a link that leads to itself/,
    /up is a link to .*which it lies in/,
    /pipe is neither a file nor a directory/,
    /has a name that is not UTF-8/,
    /bad\\x0aname\.txt has a name that no request can have/,
    /a\\x7f has a name that no request can have/,
  ];
  return { dir, outside, said };
}

t.test('what cannot be served is left out, with a line for each; links inside the site are followed', async (t) => {
  const { dir, said } = oddSite(t);
  const warnings: string[] = [];
  const store = await openStore(dir, { compression: 'none', onWarning: (sentence) => warnings.push(sentence) });
  t.same(
    Array.from(store.resources(), ({ path }) => path),
    ['/a.txt', '/d/b.txt', '/e/b.txt', '/link.txt'],
  );
  for (const one of said) t.equal(warnings.filter((line) => one.test(line)).length, 1, one.source);
  t.equal(warnings.length, said.length);
});

t.test('strict: all of it is refused, and named', async (t) => {
  const { dir, said } = oddSite(t);
  for (const one of said) {
    t.throws(() => walk(dir), { name: 'StoreError', message: one });
    await t.rejects(openStore(dir, { strict: true }), { name: 'StoreError', message: one });
  }
});

t.test('links may lead into directories that are named, and no further', async (t) => {
  const { dir, outside } = oddSite(t);
  const store = await openStore(dir, { compression: 'none', follow: [outside] });
  t.equal(outcome(store, '/out.txt'), '200 /out.txt');
  t.equal(outcome(store, '/far/more/x.txt'), '200 /far/more/x.txt');
  const near = await openStore(dir, { compression: 'none', follow: [join(outside, 'more')] });
  t.equal(outcome(near, '/out.txt'), '404');
  t.equal(outcome(near, '/far/more/x.txt'), '404', 'the link leads to what is above the named directory');
  await t.rejects(openStore(dir, { follow: [join(dir, 'none')] }), {
    name: 'StoreError',
    message: /none does not exist/,
  });
});

t.test('what cannot be read or is not there is one clear sentence', async (t) => {
  const dir = tree(t, { 'a.txt': 'a' });
  await t.rejects(openStore(join(dir, 'none')), { name: 'StoreError', message: /none does not exist$/ });
  await t.rejects(openStore(directory(t)), { name: 'StoreError', message: /has no files; build the site first/ });
  t.throws(() => walk(join(dir, 'a.txt')), { name: 'StoreError', message: /a\.txt is not a directory$/ });
  if (process.getuid?.() !== 0) {
    chmodSync(join(dir, 'a.txt'), 0);
    await t.rejects(openStore(dir), { name: 'StoreError', message: /a\.txt cannot be read: permission denied/ });
  }
});

t.test('names that are words of JavaScript are names', async (t) => {
  const store = await storeOf(t, {
    constructor: 'c',
    __proto__x: 'p',
    'a/toString': 's',
    'x.constructor': 'k',
    'x.__proto__': 'l',
  });
  t.equal(outcome(store, '/constructor'), '200 /constructor');
  t.equal(outcome(store, '/x.constructor'), '200 /x.constructor');
  t.equal(outcome(store, '/x.__proto__'), '200 /x.__proto__');
  mkdirSync(join(directory(t), 'unused'));
});
