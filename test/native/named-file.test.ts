/** Files that a person named: pipes, devices and what is too large do not hold the program up. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { UserError } from '../../src/errors/user-error.js';
import { readNamed, readNamedLater } from '../../src/native/named-file.js';
import { directory } from '../store/tree.js';

const MIB = 1 << 20;
const skip = process.platform === 'win32' && 'FIFOs';
const onLinux = process.platform !== 'linux' && '/proc';

function fifo(t: Test): string {
  const path = join(directory(t), 'fifo');
  execFileSync('mkfifo', [path]);
  return path;
}

t.test('regular files, and those that do not tell their size', async (t) => {
  const file = join(directory(t), 'file');
  for (const text of ['', 'some', 'x'.repeat(200_000)]) {
    writeFileSync(file, text);
    t.equal(readNamed(file, MIB).toString(), text);
    t.equal((await readNamedLater(file, MIB)).toString(), text);
  }
  if (process.platform === 'linux') t.match(readNamed('/proc/self/status', MIB).toString(), /^Name:/);
});

t.test('what is larger than it may be is refused, a device without end too', async (t) => {
  const file = join(directory(t), 'file');
  writeFileSync(file, '');
  truncateSync(file, MIB + 1);
  t.throws(() => readNamed(file, MIB), new UserError(`${file} has more than 1 MiB; name another file`));
  if (process.platform !== 'win32') t.throws(() => readNamed('/dev/zero', MIB), /^\/dev\/zero has more than 1 MiB/);
});

t.test('errors of the system stay what they are', async (t) => {
  const folder = directory(t);
  t.throws(() => readNamed(join(folder, 'none'), MIB), { code: 'ENOENT' });
  t.throws(() => readNamed(folder, MIB), { code: 'EISDIR' });
  await t.rejects(readNamedLater(folder, MIB), { code: 'EISDIR' });
});

t.test('a pipe without a writer is not waited for', { skip }, async (t) => {
  const path = fifo(t);
  t.throws(() => readNamed(path, MIB), /is a pipe into which nothing is written$/);
  await t.rejects(readNamedLater(path, MIB), /is a pipe into which nothing is written$/);
});

t.test('from a pipe comes what its writer writes, however late', { skip }, async (t) => {
  const path = fifo(t);
  const writer = openSync(path, constants.O_RDWR);
  const text = readNamedLater(path, MIB);
  let over = false;
  void text.then(() => (over = true));
  await new Promise(setImmediate);
  writeFileSync(writer, 'a key');
  await new Promise(setImmediate);
  t.notOk(over, 'it is not over before its end');
  closeSync(writer);
  t.equal((await text).toString(), 'a key');
});

/** Until a thread of `child` waits in the kernel for the other end of a FIFO. */
async function blocked(child: ChildProcess): Promise<void> {
  const tasks = `/proc/${child.pid}/task`;
  for (let i = 0; i < 4000; i++) {
    const waits = readdirSync(tasks).map((one) => readFileSync(join(tasks, one, 'wchan'), 'utf8'));
    if (waits.some((one) => /wait_for_partner|fifo_open/.test(one))) return;
    await new Promise((done) => setTimeout(done, 5));
  }
  throw new Error('it never waited');
}

t.test('a signal ends a program that waits for the reader of a FIFO', { skip: onLinux }, async (t) => {
  const site = directory(t);
  writeFileSync(join(site, 'index.html'), 'hello');
  const path = fifo(t);
  const main = resolve('build', 'src', 'main.js');
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const child = spawn(process.execPath, [main, 'bundle', site, '-o', path], { stdio: 'ignore' });
    await blocked(child);
    child.kill(signal);
    t.same(await once(child, 'exit'), [{ SIGTERM: 143, SIGINT: 130, SIGHUP: 129 }[signal], null], signal);
  }
});

t.test('so it is with a capture or a recording, which are opened in the first thread', { skip: onLinux }, async (t) => {
  const path = fifo(t);
  const source = (name: string): string => JSON.stringify(resolve('build', 'src', 'native', name));
  const script = `await import(${source('signals-first.js')});
    const { openLiveOutput } = await import(${source('live-output.js')});
    openLiveOutput(${JSON.stringify(path)}, 0o600);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
  await blocked(child);
  child.kill('SIGTERM');
  t.same(await once(child, 'exit'), [null, 'SIGTERM']);
});
