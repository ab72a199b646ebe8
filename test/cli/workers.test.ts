/** `--workers`: several processes on one port behave as one server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { scrape } from './scrape.js';

const MAIN = resolve('build', 'src', 'main.js');
const skip = process.platform === 'linux' ? false : 'needs Linux';
const LARGE = 20_000_000;

interface Run {
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;
  readonly site: string;
  readonly port: number;
  stdout(): string;
  stderr(): string;
}

function run(t: Test, ...argv: string[]): Omit<Run, 'site' | 'port'> & { line: Promise<string> } {
  const child = spawn(process.execPath, [MAIN, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  const exit = new Promise<number | null>((done) => child.on('close', done));
  const line = new Promise<string>((done, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said.stdout += text;
      if (said.stdout.includes('\n')) done(said.stdout);
    });
    child.on('close', () => reject(new Error(`it ended: ${said.stderr}`)));
  });
  line.catch(() => undefined);
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.stderr += text;
  });
  t.teardown(() => child.kill('SIGKILL'));
  return { child, exit, line, stdout: () => said.stdout, stderr: () => said.stderr };
}

async function serving(t: Test, ...argv: string[]): Promise<Run> {
  const site = join(t.testdir({}), 'site');
  mkdirSync(site);
  writeFileSync(join(site, 'index.html'), 'first');
  writeFileSync(join(site, 'large.bin'), Buffer.alloc(LARGE, 65));
  const started = run(t, '--workers', '2', '--port', '0', ...argv, site);
  const match = /^listening on http:\/\/127\.0\.0\.1:(\d+)\/\n$/.exec(await started.line);
  return { ...started, site, port: Number(match?.[1]) };
}

function open(port: number): Promise<Socket> {
  return new Promise((done, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => done(socket));
    socket.once('error', reject);
  });
}

function ask(socket: Socket, path = '/'): Promise<string> {
  return new Promise((done, reject) => {
    const over = (): void => reject(new Error('closed'));
    socket.once('close', over);
    socket.once('error', over);
    socket.once('data', (chunk) => {
      socket.removeListener('close', over);
      socket.removeListener('error', over);
      done(chunk.toString('latin1'));
    });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  });
}

/** A new connection for it; the empty string when it failed. */
async function askOnce(port: number, path = '/'): Promise<string> {
  try {
    const socket = await open(port);
    socket.on('error', () => undefined);
    const answer = await ask(socket, path);
    socket.destroy();
    return answer;
  } catch {
    return '';
  }
}

function workersOf({ child }: Run): number[] {
  const text = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

function socketsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;
}

/** Asks until so many new connections in a row were answered by what `text` says. */
async function untilAll(port: number, text: string, inRow = 24): Promise<void> {
  for (let good = 0; good < inRow; ) good = (await askOnce(port)).endsWith(text) ? good + 1 : 0;
}

t.test('two workers share the connections, and their numbers are told together', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sk-workers-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const socket = join(folder, 'admin.sock');
  const server = await serving(t, '--admin-listen', socket);
  const workers = workersOf(server);
  t.equal(workers.length, 2);
  const idle = workers.map(socketsOf);
  const sockets = await Promise.all(Array.from({ length: 64 }, () => open(server.port)));
  for (const socket of sockets) t.match(await ask(socket), /first$/);
  const shares = workers.map((pid, i) => socketsOf(pid) - (idle[i] as number));
  t.ok(
    shares.every((share) => share > 4),
    `shares: ${shares}`,
  );
  t.match(await ask(sockets[0] as Socket, '/metrics'), / 404 /, 'nothing of it on the port of the site');
  // The other one's numbers come once a second.
  for (;;) {
    const text = await scrape(socket);
    const answers = Number(/sitekernel_http_responses_total\{code="200"\} (\d+)/.exec(text)?.[1] ?? 0);
    const accepted = Number(/^sitekernel_network_connections_accepted_total (\d+)$/m.exec(text)?.[1] ?? 0);
    if (answers >= 64 && accepted >= 64) {
      t.equal(accepted, 64);
      break;
    }
    await new Promise((done) => setTimeout(done, 50));
  }
  for (const socket of sockets) socket.destroy();
});

t.test('SIGHUP: all workers serve the next version', { skip }, async (t) => {
  const server = await serving(t);
  await untilAll(server.port, 'first', 2);
  writeFileSync(join(server.site, 'index.html'), 'second');
  server.child.kill('SIGHUP');
  await untilAll(server.port, 'second');
  t.equal(workersOf(server).length, 2);
});

t.test('a worker that is killed is replaced, and the port goes on to answer', { skip }, async (t) => {
  const server = await serving(t);
  const before = workersOf(server);
  process.kill(before[0] as number, 'SIGKILL');
  for (;;) {
    const now = workersOf(server);
    if (now.length === 2 && !now.includes(before[0] as number)) break;
    await askOnce(server.port);
  }
  await untilAll(server.port, 'first');
  t.match(server.stderr(), /worker \d ended \(SIGKILL\); another takes its place/);
});

t.test('SIGTERM: answers under way are finished, in whichever worker, and the status is 0', { skip }, async (t) => {
  const server = await serving(t);
  const sockets = await Promise.all(Array.from({ length: 8 }, () => open(server.port)));
  const counts = sockets.map((socket) => {
    let received = 0;
    socket.pause();
    socket.write('GET /large.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    return new Promise<number>((done, reject) => {
      socket.on('data', (chunk) => {
        received += chunk.length;
      });
      socket.on('end', () => done(received));
      socket.on('error', reject);
      socket.once('readable', () => undefined);
    });
  });
  await Promise.all(sockets.map((socket) => new Promise((done) => socket.once('readable', done))));
  server.child.kill('SIGTERM');
  for (;;) if ((await askOnce(server.port)) === '') break;
  for (const socket of sockets) socket.resume();
  for (const count of await Promise.all(counts)) t.ok(count > LARGE, `${count} bytes`);
  t.equal(await server.exit, 0);
});

t.test('a port that is in use, also by workers, is one sentence and status 1', { skip }, async (t) => {
  const server = await serving(t);
  for (const workers of ['1', '2']) {
    const second = run(t, '--workers', workers, '--port', String(server.port), server.site);
    t.equal(await second.exit, 1);
    t.match(second.stderr(), /port \d+ of 127.0.0.1 is in use by another program; [^\n]*\n$/);
  }
});

t.test('a site that cannot be served ends all of it, with what the worker said', { skip }, async (t) => {
  const started = run(t, '--workers', '2', '--port', '0', '/nowhere/at/all');
  t.equal(await started.exit, 1);
  t.match(started.stderr(), /\/nowhere\/at\/all/);
  t.match(started.stderr(), /worker \d ended before it served/);
});

t.test('a large directory is compressed once: workers take results of each other', { skip }, async (t) => {
  // Nothing of it is in a cache yet.
  const before = process.env['XDG_CACHE_HOME'];
  process.env['XDG_CACHE_HOME'] = t.testdir({});
  t.teardown(() => {
    if (before === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = before;
  });
  const site = mkdtempSync(join(tmpdir(), 'sk-workers-site-'));
  t.teardown(() => rmSync(site, { recursive: true, force: true }));
  writeFileSync(join(site, 'index.html'), 'first');
  for (let i = 0; i < 100; i++) writeFileSync(join(site, `${i}.txt`), `${i} of a hundred lines\n`.repeat(1000));
  const { line, stderr } = run(t, '--workers', '2', '--port', '0', site);
  const port = Number(/:(\d+)\//.exec(await line)?.[1]);
  const told = (): number[] =>
    [...stderr().matchAll(/all is compressed, (\d+) results by other workers/g)].map(([, n]) => Number(n));
  while (told().length < 2) await askOnce(port);
  const [first = 0, second = 0] = told();
  t.ok(first + second >= 100, `${first} and ${second} of some 200 tasks that two share`);
});
