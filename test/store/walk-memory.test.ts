import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { WalkMemory } from '../../src/store/site/walk-memory.js';
import { tree } from './tree.js';

const paths = (found: readonly { readonly path: string }[] | undefined): string[] | undefined =>
  found?.map(({ path }) => path);

t.test('what was not touched is the same, and is not looked at', async (t) => {
  const dir = tree(t, { 'a.txt': 'a', 'b/c.txt': 'c', 'd.txt': 'd' });
  const walked = new WalkMemory(dir);
  const first = await walked.all();
  t.same(paths(first), ['/a.txt', '/b/c.txt', '/d.txt']);
  writeFileSync(join(dir, 'b/c.txt'), 'longer');
  rmSync(join(dir, 'a.txt'));
  const second = await walked.again(new Set(['/b/c.txt']));
  t.same(paths(second), ['/a.txt', '/b/c.txt', '/d.txt']);
  t.equal(second![0], first[0]);
  t.equal(second![2], first[2]);
  t.not(second![1], first[1]);
  t.equal(second![1]!.size, 6);
  t.same(paths(await walked.again(new Set(['/a.txt']))), ['/b/c.txt', '/d.txt']);
});

t.test('files that are new stand in their place; hidden ones, and what came and went, do not', async (t) => {
  const dir = tree(t, { 'a.txt': 'a', 'b/c.txt': 'c' });
  const walked = new WalkMemory(dir);
  await walked.all();
  writeFileSync(join(dir, 'b/a.txt'), 'x');
  writeFileSync(join(dir, '.hidden'), 'x');
  t.same(paths(await walked.again(new Set(['/b/a.txt', '/.hidden', '/gone', '/.git/HEAD']))), [
    '/a.txt',
    '/b/a.txt',
    '/b/c.txt',
  ]);
  t.same(paths(await walked.again(new Set())), paths(await walked.all()), 'as a walk has it');
});

t.test('directories and links take a walk', async (t) => {
  const dir = tree(t, { 'a.txt': 'a' });
  const walked = new WalkMemory(dir);
  await walked.all();
  mkdirSync(join(dir, 'new'));
  t.equal(await walked.again(new Set(['/new'])), undefined);
  symlinkSync('a.txt', join(dir, 'link.txt'));
  t.equal(await walked.again(new Set(['/link.txt'])), undefined);
  t.same(paths(await walked.all()), ['/a.txt', '/link.txt']);
  t.equal(await walked.again(new Set(['/a.txt'])), undefined, 'what is linked may change without being touched');
});
