import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openControl } from '../../src/control/server.js';
import { freeSocketPath, removeSocket, socketFileAt } from '../../src/native/sockets/socket-file.js';
import { directory } from '../store/tree.js';

const answer = async () => ({ ok: true as const });

/** A socket whose process was killed: its file is still there. */
async function stale(path: string): Promise<void> {
  const child = spawn(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(path)})`]);
  while (!existsSync(path)) await new Promise((done) => setTimeout(done, 5));
  child.kill('SIGKILL');
  await new Promise((done) => child.once('exit', done));
}

/** What a clumsy hand names as the path of a socket. */
function others(t: Test): string[] {
  const root = directory(t);
  const at = (name: string): string => join(root, name);
  writeFileSync(at('file'), 'precious');
  mkdirSync(at('folder'));
  symlinkSync('file', at('link'));
  symlinkSync('absent', at('dangling'));
  execFileSync('mkfifo', [at('fifo')]);
  return ['file', 'folder', 'link', 'dangling', 'fifo'].map(at);
}

t.test('nothing but a socket is removed from where a socket shall be', async (t) => {
  for (const path of others(t)) {
    const before = lstatSync(path).ino;
    await t.rejects(freeSocketPath(path), { code: 'in-use', message: /is no socket/ });
    await t.rejects(openControl(path, answer), { message: /is no socket/ });
    removeSocket(path);
    t.equal(lstatSync(path).ino, before, path);
  }
});

t.test('a stale socket is replaced, one that is listened on is not', async (t) => {
  const path = join(directory(t), 'socket');
  await stale(path);
  t.ok(lstatSync(path).isSocket());
  const server = await openControl(path, answer);
  t.equal(lstatSync(path).mode & 0o777, 0o600);
  t.equal(await freeSocketPath(path), false);
  await t.rejects(openControl(path, answer), { message: /another server listens/ });
  t.ok(lstatSync(path).isSocket());
  server.close();
  t.notOk(existsSync(path));
});

t.test('the end of a server takes away its own socket and no other thing of that name', async (t) => {
  const root = directory(t);
  const path = join(root, 'socket');
  const first = await openControl(path, answer);
  renameSync(path, join(root, 'moved'));
  const second = await openControl(path, answer);
  first.close();
  await new Promise((done) => setImmediate(done));
  t.ok(lstatSync(path).isSocket());
  t.equal(await freeSocketPath(path), false, 'the second one still listens');
  renameSync(path, join(root, 'moved'));
  writeFileSync(path, 'precious');
  second.close();
  await new Promise((done) => setImmediate(done));
  t.equal(readFileSync(path, 'utf8'), 'precious');
});

const root = process.getuid?.() === 0;

t.test(
  'a socket that may not be removed stays, and is no failure at the end',
  { skip: !root && 'needs root' },
  async (t) => {
    const folder = mkdtempSync('/tmp/sk-sticky-');
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'socket');
    await stale(path);
    chmodSync(folder, 0o1777);
    chmodSync(path, 0o777);
    process.seteuid!(61_234);
    t.teardown(() => process.seteuid!(0));
    t.doesNotThrow(() => removeSocket(path));
    await t.rejects(freeSocketPath(path), { code: 'in-use' });
    process.seteuid!(0);
    t.ok(lstatSync(path).isSocket());
    t.equal(await freeSocketPath(path), true);
    t.notOk(existsSync(path));
  },
);

t.test('a socket is known by its inode', async (t) => {
  const root = directory(t);
  const [a, b] = [join(root, 'a'), join(root, 'b')];
  const server = createServer().listen(a);
  const other = createServer().listen(b);
  t.teardown(() => server.close());
  t.teardown(() => other.close());
  await new Promise((done) => other.once('listening', done));
  const own = socketFileAt(a);
  removeSocket(b, own);
  t.ok(existsSync(b));
  removeSocket(a, own);
  t.notOk(existsSync(a));
  t.equal(socketFileAt(root), undefined);
});
