/**
 * A listening socket that is passed as systemd passes it (sd_listen_fds(3)): descriptor 3, and two words in the
 * environment.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { askControl } from '../../src/control/client.js';
import { libc } from '../../src/native/libc/libc.js';
import { listenOn } from '../../src/native/sockets/listen.js';
import { findCommand } from '../run/packages.js';
import { Family } from './family.js';
import { bundleOf, freePort, MAIN } from './supervised.js';

t.setTimeout(120_000);

/** The process that serves has the number that `LISTEN_PID` says, as after systemd's fork and exec. */
function activated(family: Family, fds: readonly number[], args: readonly string[], whose = '$$'): ChildProcess {
  const script = `LISTEN_PID=${whose} LISTEN_FDS=${fds.length} LISTEN_FDNAMES=web exec "$@"`;
  return spawn('/bin/sh', ['-c', script, 'sh', process.execPath, MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', ...fds],
    env: family.env,
  });
}

interface Passed {
  readonly fd: number;
  readonly port: number;
}

async function listening(t: Test): Promise<Passed> {
  const port = await freePort();
  const fd = listenOn('127.0.0.1', port, 64);
  t.teardown(() => libc().close(fd));
  return { fd, port };
}

/** The answer to a request on a connection of its own. */
function ask(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    });
    asked.on('error', reject);
    asked.end();
  });
}

t.test('a plain server serves on it, whatever its address says, and those who came before it are served', async (t) => {
  const family = new Family(t);
  const site = await bundleOf(t, 'site', { 'index.html': 'activated' });
  for (const sockets of ['libc', 'node']) {
    const { fd, port } = await listening(t);
    const early = ask(port);
    const child = activated(family, [fd], ['--sockets', sockets, '--port', '1', site]);
    const [said] = (await once(child.stdout!.setEncoding('utf8'), 'data')) as [string];
    t.equal(said, `listening on http://127.0.0.1:${port}/\n`);
    t.equal(await early, 'activated');
    t.equal(await ask(port), 'activated');
    child.kill('SIGTERM');
    t.same(await once(child, 'exit'), [0, null]);
  }
});

t.test('what is passed to another process is not taken, and of two sockets none', async (t) => {
  const family = new Family(t);
  const site = await bundleOf(t, 'site', { 'index.html': 'x' });
  const { fd, port } = await listening(t);
  const other = activated(family, [fd], ['--port', '0', site], '1');
  const [said] = (await once(other.stdout!.setEncoding('utf8'), 'data')) as [string];
  t.match(said, /^listening on http:/);
  t.notMatch(said, `:${port}/`);
  const two = activated(family, [fd, fd], ['--port', '0', site]);
  let errors = '';
  two.stderr!.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  t.same(await once(two, 'close'), [1, null]);
  t.match(errors, /^sitekernel: systemd passes 2 sockets, and one is served; name one ListenStream=.*\n$/);
});

t.test('supervise serves on it: programs change, the queue stays, and no program takes it for its own', async (t) => {
  const family = new Family(t);
  const folder = mkdtempSync(join(tmpdir(), 'sk-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const control = join(folder, 'control.sock');
  const site = await bundleOf(t, 'site', { 'index.html': 'activated' });
  const { fd, port } = await listening(t);
  const early = ask(port);
  const child = activated(family, [fd], ['supervise', '--control', control, '--', '--port', '1', site]);
  t.equal(await early, 'activated');
  const idle = connect(port, '127.0.0.1');
  await once(idle, 'connect');
  let status = (await askControl(control, { do: 'status' })) as unknown as Record<string, unknown>;
  const programs = new Set([status['pid']]);
  for (let i = 0; i < 2; i++) {
    status = (await askControl(control, { do: 'replace' })) as unknown as Record<string, unknown>;
    t.match(status, { ok: true, state: 'serving', url: `http://127.0.0.1:${port}/` });
    programs.add(status['pid']);
    t.notMatch(readFileSync(`/proc/${status['pid']}/environ`, 'latin1'), /LISTEN_/);
    t.equal(await ask(port), 'activated');
  }
  t.equal(programs.size, 3);
  idle.write('GET / HTTP/1.1\r\nHost: test\r\n\r\n');
  const [answer] = (await once(idle, 'data')) as [Buffer];
  t.match(answer.toString('latin1'), /^HTTP\/1\.1 200 OK\r\n(.+\r\n)*connection: close\r\n/i);
  child.kill('SIGTERM');
  t.same(await once(child, 'exit'), [0, null]);
});

t.test(
  'systemd-socket-activate starts it with the first connection, and that one is served',
  { skip: findCommand('systemd-socket-activate') === undefined && 'needs systemd-socket-activate' },
  async (t) => {
    const family = new Family(t);
    const folder = mkdtempSync(join(tmpdir(), 'sk-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const site = await bundleOf(t, 'site', { 'index.html': 'by systemd' });
    for (const before of [[], ['supervise', '--control', join(folder, 'control.sock'), '--']]) {
      const port = await freePort();
      const words = [`--listen=127.0.0.1:${port}`, '--', process.execPath, MAIN, ...before, '--port', '1', site];
      const child = spawn('systemd-socket-activate', words, { stdio: ['ignore', 'pipe', 'pipe'], env: family.env });
      t.teardown(() => child.kill('SIGKILL'));
      // It says so when it listens.
      await once(child.stderr!, 'data');
      t.equal(await ask(port), 'by systemd');
      t.equal(await ask(port), 'by systemd');
      child.kill('SIGTERM');
      t.same(await once(child, 'exit'), [0, null]);
    }
  },
);
