/**
 * Programs that replace one another on the kernel's sockets: what clients notice of it, and what is left when one is
 * killed.
 */
import { createHash } from 'node:crypto';
import t from 'tap';
import { Clients } from './clients.js';
import { bundleOf, kill, supervised } from './supervised.js';

// Several programs start in each; on a busy machine that takes a while.
t.setTimeout(180_000);

const LARGE = Buffer.alloc(8_000_000, 'a large file ');
const FILES = { 'index.html': 'first', 'large.bin': LARGE };
const SHA256 = createHash('sha256').update(LARGE).digest('hex');

t.test('programs and bundles change under load, and no client notices', async (t) => {
  const server = await supervised(t, FILES);
  const clients = new Clients('127.0.0.1', server.port);
  clients.keepAlive('/', 4);
  clients.fresh('/', 4);
  clients.slow('/large.bin', SHA256, 4_000_000, 3);
  const pids = new Set<number>();
  for (let i = 0; i < 3; i++) {
    const replaced = await server.ask({ do: 'replace' });
    t.match(replaced, { ok: true, state: 'serving' });
    pids.add(replaced.pid);
    const next = await bundleOf(t, `site${i}`, { ...FILES, 'index.html': `number ${i}` });
    t.match(await server.ask({ do: 'swap', bundle: next, id: String(i) }), { ok: true, image: String(i) });
    t.equal(await (await fetch(server.url, { headers: { connection: 'close' } })).text(), `number ${i}`);
  }
  await clients.stop();
  t.same(clients.problems, []);
  t.equal(pids.size, 3);
  t.ok(
    clients.requests > 100 && clients.downloads >= 3,
    `${clients.requests} requests, ${clients.downloads} downloads`,
  );
});

t.test('a program that fails its gate does not get the traffic', async (t) => {
  const server = await supervised(t, FILES);
  const { pid } = await server.ask({ do: 'status' });
  const answer = await server.ask({ do: 'replace', args: ['--port', String(server.port), '/no/such/site'] });
  t.match(answer, { ok: false, error: /no\/such\/site does not exist/ });
  t.match(await server.ask({ do: 'status' }), { ok: true, pid, state: 'serving' });
  t.match(await server.ask({ do: 'replace', folder: '/no/such/image' }), {
    ok: false,
    error: /not the folder of an image/,
  });
  t.equal(await (await fetch(server.url)).text(), 'first');
});

t.test('a program that is killed is started again; who connects meanwhile waits, and is served', async (t) => {
  const server = await supervised(t, FILES);
  const { pid } = await server.ask({ do: 'status' });
  kill(pid);
  // Nobody accepts now; nobody refuses either.
  t.equal(await (await fetch(server.url)).text(), 'first');
  t.not((await server.until(({ state }) => state === 'serving')).pid, pid);
});

t.test(
  'a supervisor that is killed leaves a program that serves; the next supervisor takes over from it',
  async (t) => {
    const server = await supervised(t, FILES);
    const { pid } = await server.ask({ do: 'status' });
    const clients = new Clients('127.0.0.1', server.port);
    clients.keepAlive('/', 2);
    clients.fresh('/', 4);
    clients.slow('/large.bin', SHA256, 4_000_000, 1);
    kill(server.supervisor.pid as number);
    t.match(await server.until((status) => (status as { orphan?: boolean }).orphan === true), {
      pid,
      state: 'serving',
    });
    await server.start();
    const status = await server.until((one) => one.state === 'serving' && one.pid !== pid);
    t.match(status, { ok: true, state: 'serving' });
    await clients.stop();
    t.same(clients.problems, []);
    t.match(await server.ask({ do: 'replace' }), { ok: true, state: 'serving' });
  },
);

t.test('a replacement that is killed while it comes up changes nothing', async (t) => {
  const server = await supervised(t, FILES);
  const clients = new Clients('127.0.0.1', server.port);
  clients.keepAlive('/', 2);
  clients.fresh('/', 4);
  for (const wait of [0, 60, 120]) {
    const before = await server.ask({ do: 'status' });
    const replaced = server.ask({ do: 'replace' });
    await new Promise((done) => setTimeout(done, wait));
    const killed = server.children().filter((child) => !server.pids.has(child));
    killed.forEach(kill);
    const answer = await replaced;
    // It may have been too late: then the new one serves.
    if (answer.ok) continue;
    t.match(answer.error, /ended by SIGKILL/);
    t.match(await server.ask({ do: 'status' }), { ok: true, state: 'serving', pid: before.pid });
  }
  await clients.stop();
  t.same(clients.problems, []);
});
