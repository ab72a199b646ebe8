import { spawnSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makeFolder } from '../../src/native/make-folder.js';
import { directory } from '../store/tree.js';

t.test('a folder is made with those above it; what is there stays', (t) => {
  const root = directory(t);
  makeFolder(join(root, 'a', 'b', 'c'), 0o700);
  t.ok(statSync(join(root, 'a', 'b', 'c')).isDirectory());
  t.equal(statSync(join(root, 'a')).mode & 0o777, 0o700);
  mkdirSync(join(root, 'open'), { mode: 0o755 });
  makeFolder(join(root, 'open'), 0o700);
  t.equal(statSync(join(root, 'open')).mode & 0o777, 0o755);
  makeFolder('/');
  t.end();
});

t.test('a file in the way is an error', (t) => {
  const root = directory(t);
  writeFileSync(join(root, 'file'), '');
  t.throws(() => makeFolder(join(root, 'file')), { code: 'EEXIST' });
  t.throws(() => makeFolder(join(root, 'file', 'below')), { code: 'ENOTDIR' });
  t.end();
});

t.test(
  'a file system that takes no folders is said, at once',
  { skip: process.platform !== 'linux' && 'procfs' },
  (t) => {
    for (const path of ['/proc/x', '/proc/x/y/z']) {
      t.throws(() => makeFolder(path), { message: 'the file system of /proc takes no folder' });
    }
    const site = directory(t);
    writeFileSync(join(site, 'index.html'), 'a page');
    const words = ['dist/main.js', 'image', 'build', '--target', 'socket', '--port', '80', '-o', '/proc/x', site];
    const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8', timeout: 60_000 });
    t.match(stderr, /the image cannot be written to \/proc\/x: the file system of \/proc takes no folder/);
    t.equal(status, 1);
    t.end();
  },
);
