/** A host as it is: the program that cron calls, its real runner, on the kernel's sockets. */
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { probe, selfTest } from '../../src/deploy/gates.js';
import { stagedImage } from '../../src/deploy/stage.js';
import { nodeProgram, type ProgramOf } from '../../src/image/build-image.js';
import { RealHost } from './real-host.js';
import { SITE, Stage } from './setup.js';

t.test('two polls at once: one works, the other leaves it to that; each ends well', async (t) => {
  const host = await RealHost.open(t);
  const { id } = await host.stage.deploy({ ...SITE, 'index.html': 'twice' });
  const ended = await Promise.all([1, 2, 3].map(() => host.deploy('poll').ended));
  t.same(
    ended.map(({ status }) => status),
    [0, 0, 0],
  );
  for (let i = 0; i < 100 && !(await host.status()).agree; i++) await host.deploy('poll').ended;
  t.equal(await host.page(), 'twice');
  const tries = (await host.stage.log()).filter(({ step, image }) => step === 'trying' && image === id);
  t.equal(tries.length, 1);
});

t.test('SIGKILL at every step: the site is served all the time, and the next poll brings it to an end', async (t) => {
  const host = await RealHost.open(t);
  for (const step of ['fetched', 'verified', 'staged', 'trying'] as const) {
    const page = `killed at ${step}`;
    const { id } = await host.stage.deploy({ ...SITE, 'index.html': page });
    const { child, ended } = host.deploy('poll');
    await host.reaches(step, id);
    child.kill('SIGKILL');
    await ended;
    t.ok((await host.status()).running, `${step}: a site is served`);
    t.match(await host.page('/about.html'), /About/);
    const { status, said } = await host.deploy('poll').ended;
    t.equal(status, 0, `${step}: ${said}`);
    t.equal(await host.page(), page, step);
    t.ok((await host.status()).agree);
  }
});

t.test('SIGKILL at the first start of all: the next poll finds what comes up', async (t) => {
  const stage = await Stage.open(t, { gate: 20 });
  const host = Object.assign(Object.create(RealHost.prototype), { stage }) as RealHost;
  t.teardown(async () => {
    await host.deploy('stop').ended;
  });
  const id = stage.show('latest').toString().trim();
  const { child, ended } = host.deploy('poll');
  await host.reaches('trying', id);
  child.kill('SIGKILL');
  await ended;
  const { status, said } = await host.deploy('poll').ended;
  t.equal(status, 0, said);
  t.ok((await host.status()).agree);
  t.notOk((await stage.steps()).includes('bad'));
});

/** The real program, but for what it does when it is to serve. */
function program(serving: string): ProgramOf {
  return async (start) => {
    const parts = await nodeProgram(start);
    const main = parts.find(({ path }) => path === 'program/main.js')!;
    const own = `const words = process.argv.slice(2);
if (words.includes('--self-test') || words[0] === 'image' || words[0] === 'deploy') await import('./real.js');
else { ${serving} }
`;
    return [
      ...parts.filter((part) => part !== main),
      { ...main, path: 'program/real.js' },
      { ...main, from: Buffer.from(own) },
    ];
  };
}

t.test('an image that crashes at its start, and one that never serves: the old one still does', async (t) => {
  const host = await RealHost.open(t);
  const { running } = await host.status();
  const { folder, id } = await host.stage.build(
    { ...SITE, 'index.html': 'never seen' },
    {},
    program("process.stderr.write('sitekernel: the moon is in the wrong phase\\n'); process.exit(3);"),
  );
  await host.stage.commit(folder);
  const { status, said } = await host.deploy('poll').ended;
  t.equal(status, 1);
  t.match(said, /moon is in the wrong phase/);
  const after = await host.status();
  t.equal(after.running?.image, running?.image);
  t.equal(after.running?.pid, running?.pid);
  t.equal(await host.page(), SITE['index.html']);
  t.match(await host.stage.reason('bad'), /moon/);
  t.equal((await host.deploy('poll').ended).status, 0, 'it is not tried again');
  t.equal((await host.stage.log()).filter(({ step, image }) => step === 'trying' && image === id).length, 1);
});

t.test(
  'a program that ends is started again with the newest site, though the image that it began with is gone',
  async (t) => {
    const host = await RealHost.open(t);
    for (const page of ['one', 'two', 'three']) {
      await host.stage.deploy({ ...SITE, 'index.html': page });
      const { status, said } = await host.deploy('poll').ended;
      t.equal(status, 0, said);
    }
    const { running } = await host.status();
    process.kill(running!.pid, 'SIGKILL');
    for (;;) {
      const now = (await host.status()).running;
      if (now !== undefined && now.pid !== running!.pid) break;
    }
    t.equal(await host.page(), 'three');
    t.equal((await host.deploy('poll').ended).status, 0);
    t.ok((await host.status()).agree);
  },
);

t.test(
  'a poll that cannot reach the repository ends with status 1 and says why; cron is told by the status alone',
  async (t) => {
    const host = await RealHost.open(t);
    const { repository } = host.stage;
    renameSync(repository, `${repository}.away`);
    for (const _ of ['at first', 'again'])
      t.match(await host.deploy('poll').ended, {
        status: 1,
        said: /sitekernel: git pull: .*does not appear to be a git repository\n$/,
      });
    t.same(await host.deploy('poll', '--quiet').ended, { status: 1, said: '' });
    t.equal(await host.page(), SITE['index.html'], 'the site is served');
    renameSync(`${repository}.away`, repository);
    t.same(await host.deploy('poll').ended, { status: 0, said: '' });
  },
);

t.test('git pull in the clone boots what it brings, by the hook', async (t) => {
  const host = await RealHost.open(t);
  await host.stage.deploy({ ...SITE, 'index.html': 'by the hook' });
  const { pid } = (await host.status()).running!;
  execFileSync('git', ['-C', host.stage.host.work, 'pull', '--quiet'], { stdio: 'pipe' });
  t.equal(await host.page(), 'by the hook');
  t.equal((await host.status()).running!.pid, pid, 'in the running process');
  t.equal(statSync(join(host.stage.host.work, '.git', 'hooks', 'post-merge')).mode & 0o777, 0o755);
});

t.test('stop and start: what a boot of the host does', async (t) => {
  const host = await RealHost.open(t);
  t.equal((await host.deploy('stop').ended).status, 0);
  t.equal((await host.status()).running, undefined);
  t.equal((await host.deploy('start').ended).status, 0);
  t.ok((await host.status()).agree);
  t.equal(await host.page(), SITE['index.html']);
});

t.test('rollback, status and release as a person types them', async (t) => {
  const host = await RealHost.open(t);
  await host.stage.deploy({ ...SITE, 'index.html': 'second' });
  await host.deploy('poll').ended;
  t.equal((await host.deploy('rollback').ended).status, 0);
  t.equal(await host.page(), SITE['index.html']);
  const held = await host.deploy('status').ended;
  t.equal(held.status, 1);
  t.match(held.said, /^held: +[0-9a-f]{12}, until there is a serial above 2/m);
  t.match((await host.deploy('rollback', 'ffffff').ended).said, /no image that this host can reach begins with ffffff/);
  t.equal((await host.deploy('rollback', 'nonsense').ended).status, 2);
  t.equal((await host.deploy('release').ended).status, 0);
  t.equal(await host.page(), 'second');
  t.equal((await host.deploy('status').ended).status, 0);
});

t.test('the gates themselves: what is wrong is seen', async (t) => {
  const host = await RealHost.open(t);
  const { running } = await host.status();
  const image = (await stagedImage(host.stage.host, running!.image))!;
  t.equal(await probe(running!.url, image), undefined);
  t.equal(await selfTest(image, []), undefined);
  t.match(await selfTest(image, ['--nonsense']), /its self-test: .*nonsense/);
  const folder = t.testdir({ 'own.zone': '@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n' });
  t.equal(await selfTest(image, ['--zone', 'own.zone'], undefined, folder), undefined, 'as the image is started');
  t.match(await selfTest(image, ['--zone', 'own.zone']), /there is no zone file own\.zone/);

  const served = (answer: (path: string) => [number, string]) =>
    new Promise<string>((resolve) => {
      const server = createServer((request, response) => {
        const [status, body] = answer(request.url!);
        response.writeHead(status).end(body);
      });
      t.teardown(() => void server.close());
      server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`));
    });
  t.match(
    await probe(await served(() => [200, 'wrong bytes']), image),
    /GET \/ at .*: content that is not the image's/,
  );
  t.match(await probe(await served(() => [500, '']), image), /status 500, 200 was expected/);
  const home = readFileSync(join(host.stage.images, '..', 'host', 'host.json'), 'utf8');
  t.ok(home.includes('"gate": 20'));
  t.match(
    await probe(
      await served((path) => [200, path === '/' ? String(SITE['index.html']) : 'soft'] as const as [number, string]),
      image,
    ),
    /GET \/no-such-page-.*: status 200, 404 was expected/,
  );
  const gone = createServer();
  const port = await new Promise<number>((resolve) =>
    gone.listen(0, '127.0.0.1', () => resolve((gone.address() as AddressInfo).port)),
  );
  await new Promise((resolve) => gone.close(resolve));
  t.match(await probe(`http://127.0.0.1:${port}/`, image), /ECONNREFUSED/);
});
