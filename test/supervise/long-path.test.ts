/** A control socket whose path is longer than the 107 bytes of `sun_path` (unix(7)). */
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { askControl, socketAnswers } from '../../src/control/client.js';
import { openControl } from '../../src/control/server.js';
import { Link } from '../../src/net/direct/peer-link/link.js';
import { Successor } from '../../src/net/direct/succession/successor.js';
import { bundleOf, freePort, kill, Supervised } from './supervised.js';

t.setTimeout(120_000);

/** A folder with a path of more than 300 bytes. */
function deep(t: Test): string {
  const base = mkdtempSync(join(tmpdir(), 'sk-'));
  t.teardown(() => rmSync(base, { recursive: true, force: true }));
  const folder = join(base, 'a'.repeat(150), 'b'.repeat(150));
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** What of this process is open in a folder, or is it. */
function descriptorsIn(folder: string): string[] {
  const open = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // The one that listed them.
      return '';
    }
  });
  return open.filter((path) => path.startsWith(folder));
}

const answer = async () => ({ ok: true as const, state: 'serving' as const });

t.test(
  'it is made, asked and taken away where it is said to be, for this user alone; no descriptor is left',
  async (t) => {
    const path = join(deep(t), 'control.sock');
    t.equal(await socketAnswers(path), false);
    const server = await openControl(path, answer);
    t.equal(statSync(path).mode & 0o777, 0o600);
    t.same(descriptorsIn(dirname(path)), [dirname(path)]);
    t.match(await askControl(path, { do: 'status' }), { ok: true, state: 'serving' });
    t.equal(await socketAnswers(path), true);
    await t.rejects(openControl(path, answer), { message: `another server listens on the control socket ${path}` });
    server.close();
    await server.closed;
    t.notOk(existsSync(path));
    await t.rejects(askControl(path, { do: 'status' }), { message: `nobody listens on the control socket ${path}` });
    await new Promise((done) => setImmediate(done));
    t.same(descriptorsIn(dirname(path)), []);
  },
);

t.test('what cannot be: a name that is too long by itself, and a folder that there is not', async (t) => {
  const folder = deep(t);
  const name = join(folder, 'c'.repeat(120));
  await t.rejects(openControl(name, answer), { message: `the name of the socket is too long (120 bytes): ${name}` });
  const none = join(folder, 'none', 'control.sock');
  await t.rejects(openControl(none, answer), { message: `the folder of the control socket ${none} does not exist` });
});

t.test('supervise on one: a swap, another program, and the next supervisor after SIGKILL', async (t) => {
  const server = new Supervised(t, await freePort(), await bundleOf(t, 'site', { 'index.html': 'first' }), deep(t));
  await server.start();
  const next = await bundleOf(t, 'next', { 'index.html': 'second' });
  t.match(await server.ask({ do: 'swap', bundle: next, id: 'a' }), { ok: true, image: 'a' });
  const { pid } = await server.ask({ do: 'replace' });
  t.equal(await (await fetch(server.url)).text(), 'second');
  kill(server.supervisor.pid as number);
  await server.until((status) => (status as { orphan?: boolean }).orphan === true);
  await server.start();
  t.not((await server.until((status) => status.state === 'serving' && status.pid !== pid)).pid, pid);
  server.supervisor.kill('SIGTERM');
  t.same(await once(server.supervisor, 'exit'), [0, null]);
  t.notOk(existsSync(server.control));
});

t.test('a program on a TAP is found by its successor where TMPDIR is as long', async (t) => {
  const path = join(deep(t), '1-0.link');
  // Nothing is asked of it here.
  const successor = new Successor(path, {} as ConstructorParameters<typeof Successor>[1]);
  const link = await Link.connect(path, (error) => t.fail(String(error)));
  t.ok(link);
  link?.close();
  successor.close();
  t.notOk(existsSync(path));
});
