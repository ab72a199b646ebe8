/**
 * What can go wrong with a host: its disk, its clock, its clone. Each time a site goes on being served, and the log
 * says why.
 */
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
import { directory } from '../store/tree.js';
import { git, SITE, Stage } from './setup.js';

const NEXT = { ...SITE, 'index.html': '<p>second</p>' };

/** A host on which the first image is good. */
async function served(t: Parameters<typeof Stage.served>[0], options = {}) {
  const stage = await Stage.served(t, options);
  return { stage, first: stage.runner.running?.image as string };
}

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
  t.match(await stage.reason('failed'), /main was rewritten.* git -C .* checkout -B main origin\/main/);
  const lines = (await stage.log()).length;
  await stage.poll();
  t.equal((await stage.log()).length, lines, 'said once, not every minute');
  const command = /git -C .*$/.exec(await stage.reason('failed'))![0];
  execFileSync('sh', ['-c', command]);
  t.equal(await stage.poll(), 'refused', 'the serial of what was pushed is that of another image');
  t.match(await stage.reason('refused'), /its serial 2 is that of the image [0-9a-f]{12}, which this host has taken/);
  await stage.deploy({ 'index.html': 'the next one' });
  t.equal(await stage.poll(), 'good', 'the next one has a serial of its own');
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

t.test('a clone that a power cut damaged is repaired, or cloned again', async (t) => {
  const { stage } = await served(t);
  const packs = join(stage.host.gitDir, 'objects', 'pack');
  for (const damage of [
    () => {
      for (const name of readdirSync(packs)) {
        chmodSync(join(packs, name), 0o644);
        writeFileSync(join(packs, name), '');
      }
    },
    () => writeFileSync(join(stage.host.gitDir, 'HEAD'), ''),
  ]) {
    damage();
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
