/** Images that are started and judged: a bad one never stays, and a site is always served. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Lock } from '../../src/deploy/host/lock.js';
import { writeState } from '../../src/deploy/host/state.js';
import { pull } from '../../src/deploy/poll.js';
import { SITE, Stage } from './setup.js';

const NEXT = { ...SITE, 'index.html': '<p>second</p>' };

/** A host on which the first image is good. */
async function served(t: Parameters<typeof Stage.served>[0], options = {}) {
  const stage = await Stage.served(t, options);
  return { stage, first: stage.runner.running?.image as string };
}

t.test('an image whose self-test fails gets no traffic, and is not tried again by itself', async (t) => {
  const { stage, first } = await served(t);
  const { id } = await stage.deploy(NEXT);
  stage.gates.selfTest = async () => 'its self-test: /about.html is damaged';
  t.equal(await stage.poll(), 'bad');
  t.match(await stage.reason('bad'), /about\.html is damaged/);
  t.equal(stage.runner.asked.length, 0, 'it was never started');
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

t.test('an image that waits for its verdict is left at that when the host is stopped', async (t) => {
  const { stage, first } = await served(t, { gate: 3600 });
  const { id } = await stage.deploy(NEXT);
  let stopping: Lock | undefined;
  stage.gates.probe = async () => {
    stopping ??= await Lock.take(stage.host.stopLock);
    return 'not yet';
  };
  t.equal(await stage.poll(), 'unchanged', 'within the time of one look, not of the gate');
  t.match(await stage.reason('cancelled'), /the host was stopped/);
  t.same(stage.runner.asked, [`swap ${id.slice(0, 8)}`], 'nothing else is begun');
  await stopping?.release();
  stage.gates.probe = async () => undefined;
  stage.runner.running = undefined;
  t.equal(await stage.deployer().start(), 'unchanged');
  t.equal(stage.runner.running!.image, first, 'a start has the image that was good');
  t.equal(await stage.poll(), 'good', 'and what was not judged is tried again');
});

t.test('a host that was off for a week boots the last good image, then the newest; not each one', async (t) => {
  const { stage, first } = await served(t);
  for (const page of ['a', 'b', 'c']) await stage.deploy({ 'index.html': page });
  const { id } = await stage.deploy({ 'index.html': 'newest' });
  stage.runner.running = undefined;
  t.equal(await stage.deployer().start(), 'unchanged');
  t.equal(stage.runner.running!.image, first);
  t.equal(await stage.poll(), 'good');
  t.same(stage.runner.asked, [`start ${first.slice(0, 8)}`, `swap ${id.slice(0, 8)}`]);
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
  // Its program stays while a process may run it; its site went.
  t.notOk(existsSync(join(stage.host.images, first, 'site.bundle')));
  t.equal(await stage.deployer().hold(first), 'held');
  t.ok(existsSync(join(stage.host.images, first, 'site.bundle')));
  t.equal(stage.runner.running?.image, first);
});
