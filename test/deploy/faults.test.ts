/** What can go wrong with a deployment: each time a site goes on being served, and the log says why. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { pull } from '../../src/deploy/poll.js';
import { writeState } from '../../src/deploy/state.js';
import type { ProgramOf } from '../../src/image/build-image.js';
import { canonicalJson, imageId } from '../../src/image/manifest.js';
import { directory } from '../store/tree.js';
import { git, SITE, Stage } from './setup.js';

const NEXT = { ...SITE, 'index.html': '<p>second</p>' };

/** A host on which the first image is good, and a second one waits in the repository. */
async function served(t: Parameters<typeof Stage.open>[0], options = {}) {
  const stage = await Stage.open(t, options);
  if ((await stage.poll()) !== 'good') throw new Error('the first image is not good');
  const first = (await stage.state()).good as string;
  return { stage, first };
}

t.test('a new site is swapped in; what runs already does nothing', async (t) => {
  const { stage, first } = await served(t);
  t.same(stage.runner.asked, [`start ${first.slice(0, 8)}`]);
  t.same(await stage.steps(), ['fetched', 'verified', 'staged', 'trying', 'good']);
  t.equal(await stage.poll(), 'unchanged');
  const second = await stage.deploy(NEXT);
  t.equal(await stage.poll(), 'good');
  t.equal(stage.runner.asked[1], `swap ${second.id.slice(0, 8)}`);
  t.equal(await stage.poll(), 'unchanged');
  t.equal((await stage.steps()).length, 10, 'a poll that brings nothing leaves nothing in the log');
  t.same(readdirSync(stage.host.images).sort(), [first, second.id].sort());
});

t.test('another program replaces the one that runs', async (t) => {
  const { stage } = await served(t);
  const { folder, id } = await stage.build(NEXT, { network: { port: 8080 } });
  await stage.commit(folder);
  t.equal(await stage.poll(), 'good');
  t.equal(stage.runner.asked[1], `replace ${id.slice(0, 8)}`);
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

t.test('an image whose self-test fails gets no traffic, and is not tried again by itself', async (t) => {
  const { stage, first } = await served(t);
  const { id } = await stage.deploy(NEXT);
  stage.gates.selfTest = async () => 'its self-test: /about.html is damaged';
  t.equal(await stage.poll(), 'bad');
  t.match(await stage.reason('bad'), /about\.html is damaged/);
  t.equal(stage.runner.asked.length, 1, 'it was never started');
  stage.gates.selfTest = async () => undefined;
  t.equal(await stage.poll(), 'unchanged');
  t.equal(stage.runner.running?.image, first);
  t.equal(await stage.deployer().release(), 'good', 'release forgives what the machine may have been guilty of');
  t.equal(stage.runner.running?.image, id);
});

t.test(
  'an image that crashes at its start: the old one still serves, and what the log says was asked from outside',
  async (t) => {
    const { stage, first } = await served(t);
    await stage.deploy(NEXT);
    stage.runner.fails = (what) => (what === 'swap' ? 'it ended with status 1' : undefined);
    t.equal(await stage.poll(), 'bad');
    t.match(await stage.reason('bad'), /it ended with status 1/);
    t.equal(stage.runner.running?.image, first);
    t.match(await stage.reason('served'), /asked from outside, it serves well/);
    t.equal((await stage.log()).at(-1)?.image, first);
  },
);

t.test('an image that kills what runs when it starts: the last good one is started again', async (t) => {
  const { stage, first } = await served(t);
  await stage.deploy(NEXT);
  stage.runner.fails = (what) => {
    if (what !== 'swap') return undefined;
    stage.runner.running = undefined;
    return 'everything is gone';
  };
  t.equal(await stage.poll(), 'bad');
  t.equal(stage.runner.running?.image, first);
  t.equal(stage.runner.asked.at(-1), `start ${first.slice(0, 8)}`);
});

t.test('one that never gets healthy, or serves wrong bytes: rolled back within its time', async (t) => {
  const { stage, first } = await served(t);
  const { id } = await stage.deploy(NEXT);
  stage.gates.probe = async (url, image) =>
    image.id === id ? `GET / at ${url}: content that is not the image's` : undefined;
  t.equal(await stage.poll(), 'bad');
  t.match(await stage.reason('bad'), /was not found to serve within 1 s: GET \/ at .*: content that is not/);
  t.equal(stage.runner.running?.image, first);
  t.same((await stage.steps()).slice(-3), ['trying', 'bad', 'served']);
  t.equal((await stage.state()).good, first);
});

t.test('a rollback that does not serve either is not called well', async (t) => {
  const { stage } = await served(t);
  await stage.deploy(NEXT);
  stage.gates.probe = async () => 'GET / at http://192.0.2.7/: connect ECONNREFUSED';
  t.equal(await stage.poll(), 'bad');
  t.match(await stage.reason('served'), /asked from outside: GET .* ECONNREFUSED/);
});

t.test('one that is well at first and ends a moment later is bad', async (t) => {
  const { stage, first } = await served(t);
  const { id } = await stage.deploy(NEXT);
  let probes = 0;
  stage.gates.probe = async (_url, image) => {
    if (image.id === id && ++probes === 2) stage.runner.running = undefined;
    return undefined;
  };
  t.equal(await stage.poll(), 'bad');
  t.match(await stage.reason('bad'), /it ended after its start/);
  t.equal(stage.runner.running?.image, first);
});

t.test('a newer commit cancels a gate that waits, and is taken', async (t) => {
  const { stage } = await served(t, { gate: 60 });
  const second = await stage.deploy(NEXT);
  let third = '';
  let asked = 0;
  stage.gates.probe = async (_url, image) => {
    if (image.id !== second.id) return undefined;
    if (++asked === 1) {
      third = (await stage.deploy({ 'index.html': 'the repair' })).id;
      t.equal(await pull(stage.host, stage.journal), 'pulled', 'a poll pulls while the gate waits');
    }
    return 'not yet';
  };
  t.equal(await stage.poll(), 'good');
  t.equal(stage.runner.running?.image, third);
  t.ok((await stage.steps()).includes('cancelled'));
  t.same((await stage.state()).bad, {}, 'who was not judged is not bad');
});

t.test('a host that was off for a week boots the last good image, then the newest; not each one', async (t) => {
  const { stage, first } = await served(t);
  for (const page of ['a', 'b', 'c']) await stage.deploy({ 'index.html': page });
  const { id } = await stage.deploy({ 'index.html': 'newest' });
  stage.runner.running = undefined;
  t.equal(await stage.deployer().start(), 'unchanged');
  t.equal(stage.runner.running!.image, first);
  t.equal(await stage.poll(), 'good');
  t.same(stage.runner.asked.slice(1), [`start ${first.slice(0, 8)}`, `swap ${id.slice(0, 8)}`]);
});

t.test('a power cut while an image is tried: twice it gets a start, then it is bad', async (t) => {
  const { stage, first } = await served(t);
  const { id } = await stage.deploy(NEXT);
  const cut = new Error('power cut');
  stage.gates.probe = async (_url, image) => {
    if (image.id === id) throw cut;
    return undefined;
  };
  for (const attempts of [1, 2]) {
    // The whole machine goes, and what runs with it.
    const before = await stage.state();
    await pull(stage.host, stage.journal);
    await stage.deployer().apply();
    stage.runner.running = undefined;
    t.equal((await stage.state()).trying?.attempts, attempts);
    t.not(before.trying?.attempts, attempts);
    t.equal(await stage.deployer().start(), 'unchanged');
    t.equal(stage.runner.running!.image, first, 'a boot starts the last good one');
  }
  t.equal(await stage.poll(), 'bad');
  t.match(await stage.reason('bad'), /2 starts of it were cut off/);
  t.equal(stage.runner.running?.image, first);
});

/** Has whoever deploys hang at its first probe of `id`, as if it were killed there; resolves when it does. */
async function killedAtTheGate(stage: Stage): Promise<void> {
  await pull(stage.host, stage.journal);
  await new Promise<void>((resolve) => {
    stage.gates.probe = () => {
      resolve();
      return new Promise(() => undefined);
    };
    void stage.deployer().apply();
  });
  stage.gates.probe = async () => undefined;
}

t.test('who is killed after the start leaves an image that is judged by the next one', async (t) => {
  const { stage } = await served(t);
  const { id } = await stage.deploy(NEXT);
  await killedAtTheGate(stage);
  t.equal(stage.runner.running?.image, id);
  t.equal(await stage.poll(), 'good');
  t.equal(stage.runner.asked.filter((what) => what.endsWith(id.slice(0, 8))).length, 1, 'it is not started twice');
});

t.test('an image that nobody judged does not go on when the repository offers nothing better', async (t) => {
  const { stage, first } = await served(t);
  await stage.deploy(NEXT);
  await killedAtTheGate(stage);
  stage.tamper({ latest: 'nonsense\n' });
  t.equal(await stage.poll(), 'refused');
  t.equal(stage.runner.running?.image, first);
});

t.test('a lost or damaged state is read from the journal; a torn line of the journal is passed over', async (t) => {
  const { stage, first } = await served(t);
  const { id } = await stage.deploy(NEXT);
  await stage.poll();
  appendFileSync(stage.host.journalFile, '{"at":"2026-11-24T00:00:00Z","step":"go');
  writeFileSync(stage.host.stateFile, '{"format":1,');
  t.equal(await stage.poll(), 'unchanged');
  const third = await stage.deploy({ 'index.html': 'third' });
  t.equal(await stage.poll(), 'good');
  const state = await stage.state();
  t.same([state.good, state.before, state.serial], [third.id, id, 3]);
  t.notOk(existsSync(join(stage.host.images, first)));
});

t.test('a staged image that rots on the disk is made again from the repository before it is started', async (t) => {
  const { stage, first } = await served(t);
  writeFileSync(join(stage.host.images, first, 'site.bundle'), 'rotten');
  stage.runner.running = undefined;
  t.equal(await stage.deployer().start(), 'unchanged');
  t.equal(stage.runner.running!.image, first);
  t.ok(
    readFileSync(join(stage.host.images, first, 'site.bundle')).equals(
      readFileSync(join(stage.images, first, 'site.bundle')),
    ),
  );
});

t.test('a branch that was rewritten: nothing changes, and the log says what to do when it is meant', async (t) => {
  const { stage, first } = await served(t);
  await stage.deploy(NEXT);
  await stage.poll();
  const good = (await stage.state()).good;
  // Force-pushed: the second deployment is gone, another one is in its place.
  git(stage.repository, 'update-ref', 'refs/heads/main', 'main~1');
  await stage.deploy({ 'index.html': 'rewritten' });
  t.equal(await stage.poll(), 'unchanged');
  t.equal(stage.runner.running?.image, good);
  t.match(await stage.reason('failed'), /main was rewritten.* git -C .* reset --hard origin\/main/);
  const lines = (await stage.log()).length;
  await stage.poll();
  t.equal((await stage.log()).length, lines, 'said once, not every minute');
  const command = /git -C .*$/.exec(await stage.reason('failed'))![0];
  execFileSync('sh', ['-c', command]);
  t.equal(await stage.poll(), 'good', 'the serial of what was pushed is not lower, so it is taken');
  t.not(first, stage.runner.running?.image);
});

t.test('a repository that cannot be reached: said once, and the site goes on', async (t) => {
  const { stage, first } = await served(t);
  execFileSync('mv', [stage.repository, `${stage.repository}.away`]);
  t.equal(await stage.poll(), 'unchanged');
  t.equal(await stage.poll(), 'unchanged');
  t.equal((await stage.steps()).filter((step) => step === 'failed').length, 1);
  t.equal(stage.runner.running?.image, first);
  execFileSync('mv', [`${stage.repository}.away`, stage.repository]);
  await stage.deploy(NEXT);
  t.equal(await stage.poll(), 'good');
});

t.test('what a git that was killed leaves is removed', async (t) => {
  const { stage } = await served(t);
  const { gitDir } = stage.host;
  for (const name of ['index.lock', 'HEAD.lock', 'refs/heads/main.lock', 'shallow.lock', 'objects/pack/tmp_pack_x']) {
    mkdirSync(join(gitDir, name, '..'), { recursive: true });
    writeFileSync(join(gitDir, name), 'half');
  }
  await stage.deploy(NEXT);
  t.equal(await stage.poll(), 'good');
  t.match(await stage.reason('recovered'), /index\.lock.*tmp_pack_x|tmp_pack_x.*index\.lock/);
  t.notOk(existsSync(join(gitDir, 'objects/pack/tmp_pack_x')));
});

t.test('a clone that a power cut damaged is cloned again', async (t) => {
  const { stage } = await served(t);
  const packs = join(stage.host.gitDir, 'objects', 'pack');
  for (const damage of [
    (file: string) => writeFileSync(file, ''),
    (file: string) => writeFileSync(file, readFileSync(file).fill(0, 0, 4096)),
    (file: string) => rmSync(file),
  ]) {
    for (const name of readdirSync(packs)) {
      chmodSync(join(packs, name), 0o644);
      damage(join(packs, name));
    }
    const { id } = await stage.deploy({ 'index.html': `${damage}` });
    t.equal(await stage.poll(), 'good', `${damage}`);
    t.equal(stage.runner.running?.image, id);
  }
  t.match(await stage.reason('recovered'), /it is cloned again/);
});

t.test('steps of the clock change nothing', async (t) => {
  const { stage } = await served(t);
  const real = Date.now;
  t.teardown(() => {
    Date.now = real;
  });
  for (const [i, step] of [-10 * 365 * 86_400_000, 20 * 365 * 86_400_000].entries()) {
    Date.now = () => real() + step;
    const { id } = await stage.deploy({ 'index.html': `${i}` });
    // Files of a time to come, or long ago, are files as any other.
    utimesSync(stage.host.stateFile, (real() + step) / 1000, (real() + step) / 1000);
    t.equal(await stage.poll(), 'good');
    t.equal(stage.runner.running?.image, id);
  }
});

t.test('a rollback is sticky: until a newer serial comes, or a release', async (t) => {
  const { stage, first } = await served(t);
  const second = await stage.deploy(NEXT);
  await stage.poll();
  t.equal(await stage.deployer().hold(first), 'held');
  t.equal(stage.runner.running?.image, first);
  t.equal(await stage.poll(), 'held');
  t.equal(stage.runner.running?.image, first);
  t.equal(await stage.deployer().release(), 'good');
  t.equal(stage.runner.running?.image, second.id);
  await stage.deployer().hold(first);
  const third = await stage.deploy({ 'index.html': 'third' });
  t.equal(await stage.poll(), 'good');
  t.equal(stage.runner.running?.image, third.id);
  t.equal((await stage.state()).held, undefined);
  t.same(
    (await stage.steps()).filter((step) => step === 'held' || step === 'released'),
    ['held', 'released', 'held', 'released'],
  );
});

t.test('a rollback to an image that is not on the disk any more is made from the repository', async (t) => {
  const { stage, first } = await served(t);
  for (const page of ['a', 'b', 'c']) {
    await stage.deploy({ 'index.html': page });
    await stage.poll();
  }
  t.notOk(existsSync(join(stage.host.images, first)));
  t.equal(await stage.deployer().hold(first), 'held');
  t.equal(stage.runner.running?.image, first);
});

t.test(
  'a full disk: while pulling, while staging',
  { skip: process.getuid?.() !== 0 && 'needs root, to mount a small disk' },
  async (t) => {
    const stage = Stage.empty(t);
    await stage.deploy(SITE);
    const disk = directory(t);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'none', disk]);
    t.teardown(() => execFileSync('umount', ['-l', disk]));
    await stage.initHost({ folder: join(disk, 'host') });
    t.equal(await stage.poll(), 'good');
    const first = stage.runner.running?.image as string;
    const big = await stage.deploy({ ...SITE, 'big.bin': randomBytes(9e6) });

    const fill = (megabytes: number) =>
      execFileSync('dd', ['if=/dev/zero', `of=${join(disk, 'fill')}`, 'bs=1M', `count=${megabytes}`], {
        stdio: 'ignore',
      });
    const free = () =>
      Number(execFileSync('df', ['--output=avail', '-BM', disk]).toString().split('\n')[1]!.replace('M', ''));

    fill(free() - 4);
    t.equal(await stage.poll(), 'unchanged');
    t.match(
      await stage.reason('failed'),
      /no space is left on the disk of this host: \d+ MB are free, nothing is fetched/,
    );

    // Enough to fetch it, too little for the bundle beside it.
    fill(0);
    fill(free() - 22);
    t.equal(await stage.poll(), 'failed');
    t.match(await stage.reason('failed'), /no space is left on the disk of this host/);
    t.same(readdirSync(stage.host.images), [first], 'nothing half-written stays');
    t.equal(stage.runner.running?.image, first);

    rmSync(join(disk, 'fill'));
    t.equal(await stage.poll(), 'good', 'as soon as there is space it goes on');
    t.equal(stage.runner.running?.image, big.id);
  },
);

t.test(
  'a disk that is full to the last byte: the state is whole, the journal goes on later',
  { skip: process.getuid?.() !== 0 && 'needs root' },
  async (t) => {
    const stage = Stage.empty(t);
    await stage.deploy(SITE);
    const disk = directory(t);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'none', disk]);
    t.teardown(() => execFileSync('umount', ['-l', disk]));
    await stage.initHost({ folder: join(disk, 'host') });
    await stage.poll();
    await stage.deploy(NEXT);
    await pull(stage.host, stage.journal);
    execFileSync('sh', ['-c', `cat /dev/zero > "${join(disk, 'fill')}" || true`], { stdio: 'ignore' });
    const before = await stage.state();
    await stage
      .deployer()
      .apply()
      .catch(() => undefined);
    t.same((await stage.state()).good, before.good);
    t.ok(stage.runner.running);
    rmSync(join(disk, 'fill'));
    t.equal(await stage.poll(), 'good');
  },
);

t.test('a program that lies about its bundle is caught by the manifest', async (t) => {
  const { stage, first } = await served(t);
  const lying: ProgramOf = async (start) => {
    const parts = await Promise.resolve((await import('../../src/image/build-image.js')).nodeProgram(start));
    const script = Buffer.from(
      "import { writeFileSync } from 'node:fs'; writeFileSync(process.argv[process.argv.indexOf('-o') + 1], 'x');\n",
    );
    return parts.map((part) => (part.path === 'program/main.js' ? { ...part, from: script } : part));
  };
  const { folder } = await stage.build(NEXT, {}, lying);
  await stage.commit(folder);
  t.equal(await stage.poll(), 'refused');
  t.match(await stage.reason('refused'), /site\.bundle/);
  t.equal(stage.runner.running?.image, first);
});

t.test('a state of before is taken up whatever it was in the middle of', async (t) => {
  const { stage, first } = await served(t);
  const { id, serial } = await stage.deploy(NEXT);
  await pull(stage.host, stage.journal);
  // Killed while staging: a half-made folder; and after "trying" was written, before anything was started.
  mkdirSync(join(stage.host.images, `.part-${id}`, 'program'), { recursive: true });
  writeFileSync(join(stage.host.images, `.part-${id}`, 'site.bundle'), 'half');
  writeFileSync(`${stage.host.stateFile}.part`, '{"for');
  await writeState(stage.host.stateFile, { ...(await stage.state()), trying: { id, serial, attempts: 1 } });
  t.equal(await stage.deployer().apply(), 'good');
  t.equal(stage.runner.running?.image, id);
  t.same(readdirSync(stage.host.images).sort(), [first, id].sort());
});
