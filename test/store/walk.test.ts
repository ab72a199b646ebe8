import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
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

t.test('links inside the site are followed, one that leaves it is refused with link and target', async (t) => {
  const outside = tree(t, { 'secret.txt': 's' });
  const dir = tree(t, { 'a.txt': 'a', 'd/b.txt': 'b' });
  symlinkSync('a.txt', join(dir, 'link.txt'));
  symlinkSync('d', join(dir, 'e'));
  const store = await openStore(dir, { compression: 'none' });
  t.equal(outcome(store, '/link.txt'), '200 /link.txt');
  t.equal(outcome(store, '/e/b.txt'), '200 /e/b.txt');
  symlinkSync(join(outside, 'secret.txt'), join(dir, 'out.txt'));
  t.throws(() => walk(dir), { name: 'StoreError', message: /out\.txt is a link to .*secret\.txt, outside the site/ });
  rmSync(join(dir, 'out.txt'));
  symlinkSync(`${dir}-other`, join(dir, 'nothing'));
  t.throws(() => walk(dir), { name: 'StoreError', message: /nothing is a link to nothing/ });
  rmSync(join(dir, 'nothing'));
  symlinkSync('..', join(dir, 'd', 'up'));
  t.throws(() => walk(dir), { name: 'StoreError', message: /up is a link to .*which it lies in/ });
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

t.test('a name that is not UTF-8 is refused', async (t) => {
  const dir = tree(t, { 'a.txt': 'a' });
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0x66, 0xfc, 0x72])]), 'x');
  t.throws(() => walk(dir), { name: 'StoreError', message: /not UTF-8/ });
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
