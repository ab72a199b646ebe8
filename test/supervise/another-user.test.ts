/** A supervisor that is root, and programs that become the user that was named: what they share is that user's. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { bundleOf, freePort, kill, MAIN, type Status, Supervised } from './supervised.js';

// Several programs start in each; on a busy machine that takes a while.
t.setTimeout(180_000);

/** `nobody` of Debian; any user but root will do. */
const USER = 65534;

const skip = notReachable();

function notReachable(): string | false {
  if (process.platform !== 'linux' || process.geteuid?.() !== 0) return 'needs root on Linux';
  try {
    execFileSync('test', ['-r', MAIN], { uid: USER, gid: USER, stdio: 'ignore' });
    return false;
  } catch {
    return `the user ${USER} cannot read ${MAIN}`;
  }
}

/** In a folder of that user. */
async function supervisedAs(t: Test): Promise<Supervised> {
  const folder = mkdtempSync(join(tmpdir(), 'sk-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  chownSync(folder, USER, USER);
  const site = await bundleOf(t, 'site', { 'index.html': 'first' });
  chmodSync(dirname(site), 0o755);
  return new Supervised(t, await freePort(), site, folder);
}

/** Asks as that user; returns the line of the answer. */
function askAs(path: string, request: object): string {
  const program = `require('node:net').connect(${JSON.stringify(path)}).on('data', (d) => { console.log(String(d)); process.exit(); }).write(${JSON.stringify(`${JSON.stringify(request)}\n`)})`;
  return execFileSync(process.execPath, ['-e', program], { uid: USER, gid: USER, encoding: 'utf8', cwd: '/' });
}

function userOf(pid: number): string | undefined {
  return /^Uid:\t(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
}

const AS_USER = [USER, USER, USER, USER].join('\t');

t.test('programs replace one another, and outlive their supervisor, as that user', { skip }, async (t) => {
  const server = await supervisedAs(t);
  const options = ['--user', String(USER)];
  await server.start([], options);
  const first: Status = await server.ask({ do: 'status' });
  t.equal(userOf(first.pid), AS_USER);
  t.match(await server.ask({ do: 'replace' }), { ok: true, state: 'serving' });
  const { pid } = await server.ask({ do: 'status' });
  t.not(pid, first.pid);
  t.equal(userOf(pid), AS_USER);
  t.equal(await (await fetch(server.url, { headers: { connection: 'close' } })).text(), 'first');
  t.match(JSON.parse(askAs(server.control, { do: 'status' })), { ok: true, pid }, 'it may ask for the status');
  t.match(JSON.parse(askAs(server.control, { do: 'replace' })), { ok: false, error: /not for user 65534/ });
  kill(server.supervisor.pid as number);
  t.match(await server.until((status) => (status as { orphan?: boolean }).orphan === true), { pid, state: 'serving' });
  await server.start([], options);
  const next = await server.until((one) => one.state === 'serving' && one.pid !== pid);
  t.equal(userOf(next.pid), AS_USER, 'the next supervisor takes over from one of that user');
  t.equal(await (await fetch(server.url, { headers: { connection: 'close' } })).text(), 'first');
});

t.test('a control socket in a folder that the user cannot change is one error message', { skip }, async (t) => {
  const server = await supervisedAs(t);
  chownSync(dirname(server.control), 0, 0);
  chmodSync(dirname(server.control), 0o755);
  await t.rejects(server.start([], ['--user', String(USER)]), { message: /cannot reach .*, which is needed later/ });
});
