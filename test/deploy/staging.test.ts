/** From a commit to a verified image on the disk; what is wrong with a commit is said once, and the site goes on. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { nodeProgram, type ProgramOf } from '../../src/image/build-image.js';
import { canonicalJson, imageId } from '../../src/image/manifest.js';
import { directory } from '../store/tree.js';
import { git, SITE, Stage } from './setup.js';

const NEXT = { ...SITE, 'index.html': '<p>second</p>' };

/** A host on which the first image is good. */
async function served(t: Parameters<typeof Stage.served>[0], options = {}) {
  const stage = await Stage.served(t, options);
  return { stage, first: stage.runner.running?.image as string };
}

t.test('a new site is swapped in; what runs already does nothing', async (t) => {
  const { stage, first } = await served(t);
  t.same(await stage.steps(), ['fetched', 'verified', 'staged', 'trying', 'good']);
  t.equal(await stage.poll(), 'unchanged');
  const second = await stage.deploy(NEXT);
  t.equal(await stage.poll(), 'good');
  t.equal(stage.runner.asked[0], `swap ${second.id.slice(0, 8)}`);
  t.equal(await stage.poll(), 'unchanged');
  t.equal((await stage.steps()).length, 10, 'a poll that brings nothing leaves nothing in the log');
  t.same(readdirSync(stage.host.images).sort(), [first, second.id].sort());
});

t.test('another program replaces the one that runs', async (t) => {
  const { stage } = await served(t);
  const { folder, id } = await stage.build(NEXT, { network: { port: 8080 } });
  await stage.commit(folder);
  t.equal(await stage.poll(), 'good');
  t.equal(stage.runner.asked[0], `replace ${id.slice(0, 8)}`);
});

t.test('the bundle that the host makes of plain files is the one that was built', async (t) => {
  const stage = Stage.empty(t);
  const choices = { compression: 'full', hidden: false, spa: true } as const;
  const site = {
    ...SITE,
    'blog/ö ü.html': `<p>${'text '.repeat(500)}</p>`,
    _redirects: '/old /about 301\n',
    _headers: '/*\n  X-Test: 1\n',
  };
  const { folder, id } = await stage.build(site, { choices });
  await stage.commit(folder);
  await stage.initHost();
  t.equal(await stage.poll(), 'good');
  const staged = join(stage.host.images, id);
  t.ok(readFileSync(join(staged, 'site.bundle')).equals(readFileSync(join(folder, 'site.bundle'))));
  t.ok(readFileSync(join(staged, 'run')).equals(readFileSync(join(folder, 'run'))));
  t.same(
    readdirSync(stage.host.work).filter((name) => name !== '.git'),
    ['latest'],
    'nothing else is checked out',
  );
});

t.test('a program that did not change is not stored twice', async (t) => {
  const { stage, first } = await served(t);
  const { id } = await stage.deploy(NEXT);
  await stage.poll();
  const inode = (image: string) =>
    execFileSync('stat', ['-c', '%i', join(stage.host.images, image, 'program/main.js')]).toString();
  t.equal(inode(id), inode(first));
});

t.test('a corrupted page: refused, once; the next commit is taken', async (t) => {
  const { stage, first } = await served(t);
  await stage.deploy(NEXT);
  stage.tamper({ 'site/about.html': 'not what was built' });
  t.equal(await stage.poll(), 'refused');
  t.match(await stage.reason('refused'), /make another bundle .* than the manifest states/);
  t.equal(stage.runner.running?.image, first);
  const lines = (await stage.log()).length;
  t.equal(await stage.poll(), 'unchanged');
  t.equal((await stage.log()).length, lines, 'it is not tried again');
  t.same(readdirSync(stage.host.images), [first], 'nothing half-written stays');
  const third = await stage.deploy({ ...SITE, 'index.html': 'third' });
  t.equal(await stage.poll(), 'good');
  t.equal(stage.runner.running?.image, third.id);
});

for (const [what, path, expected] of [
  ['a corrupted program', 'image/program/main.js', /main\.js is damaged in commit/],
  ['a corrupted run', 'image/run', /image\/run is damaged in commit/],
] as const)
  t.test(`${what}: refused`, async (t) => {
    const { stage, first } = await served(t);
    const { folder } = await stage.build(NEXT, { network: { port: 8080 } });
    await stage.commit(folder);
    const bytes = Buffer.from(stage.show(path));
    bytes[bytes.length >> 1]! ^= 1;
    stage.tamper({ [path]: bytes });
    // What is staged already would be linked, not read.
    execFileSync('sh', ['-c', `echo >> "${join(stage.host.images, first, path.replace('image/', ''))}"`]);
    t.equal(await stage.poll(), 'refused');
    t.match(await stage.reason('refused'), expected);
    t.equal(stage.runner.running?.image, first);
  });

t.test('a missing file: of the program, of the site, the manifest, latest itself', async (t) => {
  const { stage, first } = await served(t);
  for (const [paths, expected] of [
    [['image/run'], /image\/run is missing in commit/],
    [['site/about.html'], /make another bundle/],
    [['manifest.json'], /manifest\.json is missing in commit/],
    [['labels.json'], /labels\.json is missing in commit/],
    [['latest'], /has no file "latest"/],
  ] as const) {
    const { folder, id } = await stage.build({ ...SITE, 'x.html': String(paths) }, { network: { port: 8081 } });
    await stage.commit(folder);
    stage.tamper(
      Object.fromEntries(paths.map((path) => [path.includes('.json') ? `images/${id}/${path}` : path, undefined])),
    );
    t.equal(await stage.poll(), 'refused', String(paths));
    t.match(await stage.reason('refused'), expected);
    t.equal(stage.runner.running?.image, first);
  }
});

t.test('a manifest that was changed has another hash; one that names no image is none', async (t) => {
  const { stage } = await served(t);
  const { id } = await stage.deploy(NEXT);
  const manifest = stage.show(`images/${id}/manifest.json`).toString();
  stage.tamper({ [`images/${id}/manifest.json`]: manifest.replace('"files":4', '"files":5') });
  t.equal(await stage.poll(), 'refused');
  t.match(await stage.reason('refused'), /manifest\.json is damaged: its hash is/);
  for (const [text, expected] of [
    ['../../etc\n', /names no image/],
    [`${'0'.repeat(64)}\n`, /manifest\.json is missing/],
  ] as const) {
    stage.tamper({ latest: text });
    t.equal(await stage.poll(), 'refused');
    t.match(await stage.reason('refused'), expected);
  }
});

t.test('an image for another platform or a newer Node is not tried', async (t) => {
  const { stage } = await served(t);
  const { id } = await stage.deploy(NEXT);
  const manifest = JSON.parse(stage.show(`images/${id}/manifest.json`).toString()) as Record<string, object>;
  for (const [change, expected] of [
    [{ platform: 'linux-riscv64' }, /built for linux-riscv64, and this is/],
    [{ versions: { ...manifest['versions'], node: '99.0.0' } }, /needs Node 99\.0\.0, and this host has/],
  ] as const) {
    const bytes = canonicalJson({ ...manifest, ...change });
    const other = imageId(bytes);
    stage.tamper({
      latest: `${other}\n`,
      [`images/${other}/manifest.json`]: bytes,
      [`images/${other}/labels.json`]: stage.show(`images/${id}/labels.json`),
    });
    t.equal(await stage.poll(), 'refused');
    t.match(await stage.reason('refused'), expected);
  }
});

t.test('signatures: none, one of a stranger, one of another image; then a right one', async (t) => {
  const keys = directory(t);
  for (const name of ['ours', 'stranger'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(keys, name)]);
  const allowed = join(keys, 'allowed');
  writeFileSync(allowed, `ci@example.org namespaces="sitekernel" ${readFileSync(join(keys, 'ours.pub'), 'utf8')}`);
  const stage = Stage.empty(t);
  await stage.deploy(SITE, join(keys, 'ours'));
  await stage.initHost({ allowedSigners: allowed });
  t.equal(await stage.poll(), 'good');
  const first = stage.runner.running?.image as string;

  await stage.deploy(NEXT);
  t.equal(await stage.poll(), 'refused');
  t.match(await stage.reason('refused'), /not signed, and this host takes signed images only/);

  const stranger = await stage.deploy({ 'index.html': 'stranger' }, join(keys, 'stranger'));
  t.equal(await stage.poll(), 'refused');
  t.match(await stage.reason('refused'), /by none of the allowed signers/);

  stage.tamper({ [`images/${stranger.id}/signature`]: stage.show(`images/${first}/signature`) });
  t.equal(await stage.poll(), 'refused');
  t.match(await stage.reason('refused'), /its signature is wrong/);
  t.equal(stage.runner.running?.image, first);

  const signed = await stage.deploy({ 'index.html': 'signed' }, join(keys, 'ours'));
  t.equal(await stage.poll(), 'good');
  // A serial that was raised by hand is not what was signed.
  const labels = stage.show(`images/${signed.id}/labels.json`).toString();
  const raised = labels.replace(/"serial":\d+/, '"serial":900');
  await stage.deploy({ 'index.html': 'more' }, join(keys, 'ours'));
  const { id } = await stage.deploy({ 'index.html': 'even more' }, join(keys, 'ours'));
  stage.tamper({ [`images/${id}/labels.json`]: raised });
  t.equal(await stage.poll(), 'refused');
});

t.test('a host that trusts a key of minisign takes what it signed, and nothing else', async (t) => {
  const keys = directory(t);
  execFileSync('minisign', ['-G', '-W', '-f', '-p', join(keys, 'pub'), '-s', join(keys, 'key')], { stdio: 'ignore' });
  const stage = Stage.empty(t);
  await stage.deploy(SITE, join(keys, 'key'));
  await stage.initHost({ minisign: join(keys, 'pub') });
  t.equal(await stage.poll(), 'good');
  const { id } = await stage.deploy(NEXT, join(keys, 'key'));
  const labels = stage.show(`images/${id}/labels.json`).toString();
  stage.tamper({ [`images/${id}/labels.json`]: labels.replace('a test', 'a liar') });
  t.equal(await stage.poll(), 'refused');
  t.match(await stage.reason('refused'), /its signature is wrong/);
});

t.test('an older serial is refused', async (t) => {
  const { stage } = await served(t);
  const { id } = await stage.deploy(NEXT);
  t.equal(await stage.poll(), 'good');
  const older = git(stage.repository, 'show', 'main~1:latest');
  stage.tamper({ latest: `${older}\n` });
  t.equal(await stage.poll(), 'refused');
  t.match(await stage.reason('refused'), /its serial is 1, and this host has taken 2/);
  t.equal(stage.runner.running?.image, id);
});

t.test('a program that lies about its bundle is caught by the manifest', async (t) => {
  const { stage, first } = await served(t);
  const lying: ProgramOf = async (start) => {
    const parts = await nodeProgram(start);
    const script = Buffer.from(
      "import { writeFileSync } from 'node:fs'; writeFileSync(process.argv[process.argv.indexOf('-o') + 1], 'x');\n",
    );
    return parts.map((part) => (part.path === 'program/main.js' ? { ...part, from: script } : part));
  };
  const { folder } = await stage.build(NEXT, {}, lying);
  await stage.commit(folder);
  t.equal(await stage.poll(), 'refused');
  t.match(await stage.reason('refused'), /make another bundle/);
  t.equal(stage.runner.running?.image, first);
});
