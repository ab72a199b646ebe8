import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { commitImage } from '../../src/deploy/repository/commit.js';
import { directory, tree } from '../store/tree.js';
import { git, SITE, Stage } from './setup.js';

t.test('an image is committed as plain files, at the same paths each time', async (t) => {
  const stage = Stage.empty(t);
  const { id, serial, changed } = await stage.deploy(SITE);
  t.ok(changed);
  t.equal(serial, 1);
  const paths = git(stage.repository, 'ls-tree', '-r', '--name-only', 'main').split('\n');
  t.same(paths, [
    'image/program/brotli_wasm_bg.wasm',
    'image/program/compress-worker.js',
    'image/program/koffi.node',
    'image/program/licences.txt',
    'image/program/main.js',
    'image/program/package.json',
    'image/program/sbom.cdx.json',
    'image/run',
    `images/${id}/labels.json`,
    `images/${id}/manifest.json`,
    'latest',
    ...['404.html', 'about.html', 'assets/style.css', 'index.html'].map((path) => `site/${path}`),
  ]);
  t.equal(stage.show('latest').toString(), `${id}\n`);
  t.equal(stage.show('site/index.html').toString(), SITE['index.html']);
  t.match(git(stage.repository, 'ls-tree', 'main', 'image/run'), /^100755/);
});

t.test('one that is the latest already is not committed again', async (t) => {
  const stage = Stage.empty(t);
  const first = await stage.deploy(SITE);
  const again = await stage.deploy(SITE);
  t.same(again, { ...first, changed: false });
  t.equal(git(stage.repository, 'rev-list', '--count', 'main'), '1');
});

t.test('serials go up by one; an image that comes back gets a new one', async (t) => {
  const stage = Stage.empty(t);
  const first = await stage.deploy(SITE);
  const second = await stage.deploy({ ...SITE, 'index.html': 'second' });
  const third = await stage.deploy(SITE);
  t.same([first.serial, second.serial, third.serial], [1, 2, 3]);
  t.equal(third.id, first.id);
});

t.test('the manifests of the last N images stay', async (t) => {
  const stage = Stage.empty(t);
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) {
    const { folder } = await stage.build({ 'index.html': `${i}` });
    ids.push((await commitImage({ folder, repository: stage.repository, branch: 'main', keep: 3 })).id);
  }
  const kept = git(stage.repository, 'ls-tree', '--name-only', 'main:images').split('\n');
  t.same(kept.sort(), ids.slice(2).sort());
});

t.test('a changed page costs the repository some hundred bytes of objects, and the program nothing', async (t) => {
  const stage = Stage.empty(t);
  await stage.deploy(SITE);
  const before = git(stage.repository, 'rev-list', '--objects', 'main').split('\n').length;
  await stage.deploy({ ...SITE, 'about.html': 'changed' });
  const objects = git(stage.repository, 'rev-list', '--objects', 'main').split('\n').length - before;
  // A commit, the root, site/, the page, latest, images/, images/<id>/ and its two files.
  t.equal(objects, 9);
});

t.test('a URL is committed to without fetching what the branch has', async (t) => {
  const stage = Stage.empty(t);
  await stage.deploy(SITE);
  const { folder } = await stage.build({ ...SITE, 'index.html': 'over a URL' });
  const repository = pathToFileURL(stage.repository).href;
  const made = await commitImage({ folder, repository, branch: 'main', keep: 10 });
  t.equal(git(stage.repository, 'rev-parse', 'main'), made.commit);
  t.equal(stage.show('site/index.html').toString(), 'over a URL');
  t.equal(stage.show('site/about.html').toString(), SITE['about.html']);
});

t.test('two that push at the same time: both get in, one after the other', async (t) => {
  const stage = Stage.empty(t);
  await stage.deploy(SITE);
  const folders = [];
  for (const page of ['a', 'b', 'c']) folders.push((await stage.build({ 'index.html': page })).folder);
  const made = await Promise.all(folders.map((folder) => stage.commit(folder)));
  t.same(made.map(({ serial }) => serial).sort(), [2, 3, 4]);
  t.equal(git(stage.repository, 'rev-list', '--count', 'main'), '4');
});

t.test(
  'links of the site are committed as what they point to; names with dots stay out unless they are asked for',
  async (t) => {
    const stage = Stage.empty(t);
    const site = tree(t, { 'index.html': 'x', '.secret': 'y', '.well-known/security.txt': 'z' });
    symlinkSync('index.html', join(site, 'link.html'));
    const { folder } = await stage.build({}, { site });
    await stage.commit(folder);
    const paths = git(stage.repository, 'ls-tree', '-r', '--name-only', 'main:site').split('\n');
    t.same(paths, ['.well-known/security.txt', 'index.html', 'link.html']);
    t.match(git(stage.repository, 'ls-tree', 'main:site', 'link.html'), /^100644/);
  },
);

t.test('each branch is a target of its own', async (t) => {
  const stage = Stage.empty(t);
  const socket = await stage.build(SITE);
  const direct = await stage.build(SITE, { target: 'direct', network: {} });
  for (const [{ folder }, branch] of [
    [socket, 'socket'],
    [direct, 'direct'],
  ] as const)
    await commitImage({ folder, repository: stage.repository, branch, keep: 10 });
  t.not(stage.repository, '');
  t.equal(git(stage.repository, 'show', 'direct:latest'), direct.id);
  t.equal(git(stage.repository, 'rev-parse', 'socket:site'), git(stage.repository, 'rev-parse', 'direct:site'));
});

t.test('what is wrong is said: no such image, a damaged one, no files of the site, no repository', async (t) => {
  const stage = Stage.empty(t);
  const { folder, manifest } = await stage.build(SITE);
  const commit = (f: string, repository = stage.repository) =>
    commitImage({ folder: f, repository, branch: 'main', keep: 10 });
  await t.rejects(commit('/nowhere'), {
    message: /there is no \/nowhere\/manifest\.json; name the folder of an image/,
  });
  await t.rejects(commit(folder, directory(t)), { message: /git ls-remote: .*not appear to be a git repository/ });
  const site = join(folder, '..', '.sites', manifest.site.bundle.id);
  const files = readFileSync(join(site, 'index.html'));
  rmSync(site, { recursive: true });
  await t.rejects(commit(folder), { message: /name the directory that it was built of with --site/ });
  mkdirSync(site);
  writeFileSync(join(site, 'index.html'), files);
  writeFileSync(join(folder, 'run'), 'x');
  await t.rejects(commit(folder), { message: /run is damaged/ });
});

t.test('a key of ssh or of minisign signs manifest and labels', async (t) => {
  const stage = Stage.empty(t);
  const keys = directory(t);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(keys, 'ssh')]);
  execFileSync('minisign', ['-G', '-W', '-f', '-p', join(keys, 'mini.pub'), '-s', join(keys, 'mini')], {
    stdio: 'ignore',
  });
  const one = await stage.deploy(SITE, join(keys, 'ssh'));
  t.match(stage.show(`images/${one.id}/signature`).toString(), /BEGIN SSH SIGNATURE/);
  const two = await stage.deploy({ 'index.html': 'x' }, join(keys, 'mini'));
  t.match(stage.show(`images/${two.id}/signature`).toString(), /^untrusted comment:/);
  const { folder } = await stage.build(SITE);
  await t.rejects(stage.commit(folder, '/nowhere'), { message: 'the key /nowhere cannot be read' });
});
