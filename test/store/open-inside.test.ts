/** A site whose files are switched for links while it is read gives away nothing of what lies outside. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openInside } from '../../src/store/site/open-inside.js';
import { readWhole } from '../../src/store/site/read-file.js';
import { SmallFiles } from '../../src/store/site/read-small.js';
import { walk } from '../../src/store/site/walk.js';
import { directory } from './tree.js';

const SECRET = 'secret of another user';

/** A site with `blog/post.html`, and a secret beside it. */
function site(t: Test): { root: string; file: string; secret: string } {
  const folder = directory(t);
  const root = join(folder, 'site');
  mkdirSync(join(root, 'blog'), { recursive: true });
  mkdirSync(join(folder, 'outside'));
  const secret = join(folder, 'outside', 'post.html');
  writeFileSync(secret, SECRET);
  writeFileSync(join(root, 'blog', 'post.html'), 'a post');
  const [found] = walk(root);
  return { root, file: found!.file, secret };
}

t.test('a file that nobody touched is opened', async (t) => {
  const { file } = site(t);
  t.equal(Buffer.from(await readWhole(file)).toString(), 'a post');
  if (process.platform === 'linux') t.equal(Buffer.from(new SmallFiles().read(file)!.bytes).toString(), 'a post');
  const handle = await openInside(file);
  t.ok(handle);
  await handle?.close();
});

/** What somebody who may write to the site does between the walk and the read. */
const SWITCHES: Readonly<Record<string, (place: ReturnType<typeof site>) => void>> = {
  'the file is a link': ({ file, secret }) => {
    rmSync(file);
    symlinkSync(secret, file);
  },
  'its folder is a link': ({ root, secret }) => {
    renameSync(join(root, 'blog'), join(root, 'old'));
    symlinkSync(join(secret, '..'), join(root, 'blog'));
  },
  'the root is a link': ({ root, secret }) => {
    renameSync(root, `${root}.old`);
    mkdirSync(join(secret, '..', 'blog'));
    writeFileSync(join(secret, '..', 'blog', 'post.html'), SECRET);
    symlinkSync(join(secret, '..'), root);
  },
  'the file is a FIFO': ({ file }) => {
    rmSync(file);
    execFileSync('mkfifo', [file]);
  },
  'the file is a device': ({ file }) => {
    rmSync(file);
    symlinkSync('/dev/zero', file);
  },
};

for (const [name, change] of Object.entries(SWITCHES)) {
  t.test(`${name}: it is not opened, at once`, { skip: process.platform === 'win32' && 'links' }, async (t) => {
    const place = site(t);
    change(place);
    t.equal(await openInside(place.file), undefined);
    t.equal(new SmallFiles().read(place.file), undefined, 'nor where small files are read');
    await t.rejects(readWhole(place.file), { name: 'StoreError', message: /changed while it was read/ });
  });
}

t.test('a folder that is replaced between two of its files is not read by its new place', async (t) => {
  for (const name of ['its folder is a link', 'the root is a link']) {
    const place = site(t);
    const second = join(place.file, '..', 'second.html');
    writeFileSync(second, 'another post');
    writeFileSync(join(place.secret, '..', 'second.html'), SECRET);
    const small = new SmallFiles();
    t.equal(Buffer.from(small.read(place.file)!.bytes).toString(), 'a post');
    SWITCHES[name]!(place);
    const bytes = small.read(second)?.bytes;
    t.ok(bytes === undefined || Buffer.from(bytes).toString() === 'another post', name);
    small.close();
    t.equal(small.read(second), undefined, 'and asked anew, not at all');
    small.close();
  }
});

t.test('a link that the walk followed inside the site is read at its place', async (t) => {
  const { root } = site(t);
  symlinkSync('blog/post.html', join(root, 'latest.html'));
  for (const { file } of walk(root)) t.equal(Buffer.from(await readWhole(file)).toString(), 'a post');
});
