/**
 * Standard output and standard error that take nothing more: a full disk, a reader that has gone. Nothing that serves
 * ends for that.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { askControl } from '../../src/control/client.js';
import { LogSink } from '../../src/serve/log-sink.js';
import { directory } from '../store/tree.js';
import { Family } from '../supervise/family.js';

const skip = process.platform !== 'linux' && '/dev/full';
const MAIN = resolve('build', 'src', 'main.js');

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Runs the program in a shell with these redirections; resolves with a function that asks for a page. */
async function started(t: Test, redirections: string, words: (port: number, site: string) => string[]) {
  const site = directory(t);
  writeFileSync(join(site, 'index.html'), 'small');
  const port = await freePort();
  const family = new Family(t);
  const argv = [process.execPath, MAIN, ...words(port, site)];
  // A pipe whose reader has gone: `true` reads nothing.
  const child = spawn('/bin/bash', ['-c', `exec "$@" ${redirections}`, 'bash', ...argv], { env: family.env });
  const ask = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`)).text();
  for (let i = 0; ; i++) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    const page = await ask().catch(() => undefined);
    if (page !== undefined) break;
    if (i === 1000) throw new Error('it never served');
    await new Promise((done) => setTimeout(done, 10));
  }
  return { child, ask, family };
}

const REDIRECTIONS: Readonly<Record<string, string>> = {
  'a full disk': '> /dev/full 2> /dev/full',
  'a pipe without a reader': '> >(true) 2> >(true)',
  'nothing at all': '>&- 2>&-',
};

for (const [name, redirections] of Object.entries(REDIRECTIONS)) {
  t.test(`${name}: a server serves, logs what it can, and drains`, { skip }, async (t) => {
    const words = (port: number, site: string) => ['--log', 'access,net', '--port', String(port), site];
    const { child, ask } = await started(t, redirections, words);
    for (let i = 0; i < 200; i++) await ask();
    child.kill('SIGHUP');
    child.kill('SIGUSR1');
    t.equal(await ask(), 'small');
    child.kill('SIGTERM');
    t.strictSame(await once(child, 'exit'), [0, null]);
  });

  t.test(`${name}: workers serve, and drain`, { skip }, async (t) => {
    const words = (port: number, site: string) => ['--workers', '2', '--log', 'access', '--port', String(port), site];
    const { child, ask } = await started(t, redirections, words);
    for (let i = 0; i < 100; i++) await ask();
    child.kill('SIGTERM');
    t.strictSame(await once(child, 'exit'), [0, null]);
  });

  t.test(`${name}: a supervisor and its program go on`, { skip }, async (t) => {
    const control = join(directory(t), 'control.sock');
    const words = (port: number, site: string) => [
      ...['supervise', '--control', control, '--'],
      ...['--log', 'access', '--port', String(port), site],
    ];
    const { child, ask } = await started(t, redirections, words);
    for (let i = 0; i < 200; i++) await ask();
    t.match(await askControl(control, { do: 'status' }), { ok: true, state: 'serving' });
    t.match(await askControl(control, { do: 'replace' }), { ok: true, state: 'serving' }, 'and is replaced');
    t.equal(await ask(), 'small');
    child.kill('SIGTERM');
    t.strictSame(await once(child, 'exit'), [0, null]);
  });
}

t.test(
  'a command says that its output is lost, in one line; a reader that has seen enough is no error',
  { skip },
  (t) => {
    const root = directory(t);
    mkdirSync(join(root, 'site'));
    for (let i = 0; i < 3000; i++) writeFileSync(join(root, 'site', `a-file-with-a-long-name-${i}.txt`), 'x');
    const run = (command: string) => {
      const env = { ...process.env, NODE: process.execPath, MAIN };
      return spawnSync('/bin/bash', ['-c', `set -o pipefail; ${command}`], { cwd: root, env, encoding: 'utf8' });
    };
    const full = run('"$NODE" "$MAIN" inspect site > /dev/full');
    t.equal(full.status, 1);
    t.match(full.stderr, /^sitekernel: .*ENOSPC.*\n$/);
    const head = run('"$NODE" "$MAIN" inspect site | head -c 10');
    t.strictSame([head.status, head.stderr], [0, '']);
    t.equal(run('"$NODE" "$MAIN" bundle nowhere -o x 2> /dev/full').status, 1, 'nor does a message change the status');
    t.end();
  },
);

t.test('a log file is begun anew at its size, and the one before is kept', async (t) => {
  const file = join(directory(t), 'server.log');
  const largest = 10_000;
  writeFileSync(file, 'from before\n');
  const sink = new LogSink({ file, largest });
  const line = `${'x'.repeat(99)}\n`;
  for (let i = 0; i < 1000; i++) {
    sink.write(line);
    if (i % 10 === 0) await new Promise((done) => setImmediate(done));
  }
  await sink.close();
  t.ok(existsSync(`${file}.1`));
  t.ok(statSync(file).size + statSync(`${file}.1`).size < 100_000, 'what is older is gone');
  for (const name of [file, `${file}.1`])
    for (const one of readFileSync(name, 'utf8')
      .split('\n')
      .filter((text) => text !== ''))
      t.ok(one.length === 99 || one === 'from before');
});

t.test('a log file that cannot be opened is one error message, at once', { skip }, async (t) => {
  const root = directory(t);
  symlinkSync('loop', join(root, 'loop'));
  symlinkSync('nowhere/log', join(root, 'dangling'));
  // Root may write to it all the same.
  writeFileSync(join(root, 'read-only'), 'precious', { mode: 0o444 });
  spawnSync('mkfifo', [join(root, 'fifo')]);
  const socket = createServer().listen(join(root, 'socket'));
  t.teardown(() => socket.close());
  await once(socket, 'listening');
  for (const [name, message] of [
    ['', /it is a directory; name a file in it/],
    ['loop', /it is a link that leads to itself; remove it/],
    ['dangling', /its directory does not exist; make it first/],
    ['no/log', /its directory does not exist; make it first/],
    ['fifo', /a pipe that nobody reads/],
    ['socket', /it is a socket/],
    ['read-only', /is read-only; name another file/],
  ] as const)
    t.throws(() => new LogSink({ file: join(root, name) }), { name: 'OutputError', message });
});

t.test('what is no regular file is not renamed, and a link stays one', { skip }, async (t) => {
  const root = directory(t);
  const link = join(root, 'link');
  symlinkSync('real', link);
  for (const file of ['/dev/null', link]) {
    const sink = new LogSink({ file, largest: 10 });
    for (let i = 0; i < 20; i++) {
      sink.write('more than ten bytes\n');
      await new Promise((done) => setTimeout(done, 2));
    }
    await sink.close();
  }
  t.ok(statSync('/dev/null').isCharacterDevice());
  t.notOk(existsSync('/dev/null.1'));
  t.ok(lstatSync(link).isSymbolicLink());
  t.ok(existsSync(join(root, 'real.1')));
});
