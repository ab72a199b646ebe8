/**
 * Pages about the server, as the program has them: on a listener of their own, and nothing of them where visitors are.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';

const MAIN = resolve('build', 'src', 'main.js');

interface Running {
  readonly url: string;
  readonly errors: () => string;
  readonly exit: Promise<number | null>;
  end(): void;
}

/** A folder with a short path, as the socket's address demands. */
function folder(t: Test): string {
  const made = mkdtempSync(join(tmpdir(), 'sk-admin-'));
  t.teardown(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function start(
  t: Test,
  ...argv: string[]
): { started: Promise<Running>; exit: Promise<number | null>; errors: () => string } {
  const site = join(folder(t), 'site');
  mkdirSync(site);
  writeFileSync(join(site, 'index.html'), '<title>site</title>');
  const child = spawn(process.execPath, [MAIN, '--port', '0', ...argv, site], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const exit = new Promise<number | null>((done) => child.on('close', done));
  const started = once(child.stdout.setEncoding('utf8'), 'data').then(([said]) => ({
    url: /http:\S+/.exec(String(said))![0],
    errors: () => errors,
    exit,
    end: () => child.kill('SIGTERM'),
  }));
  started.catch(() => undefined);
  return { started, exit, errors: () => errors };
}

function ask(
  where: { socketPath: string } | { port: number },
  path: string,
  host: string,
): Promise<{ status: number; text: string }> {
  return new Promise((done, reject) => {
    const asked = get({ ...where, host: '127.0.0.1', path, headers: { Host: host }, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => done({ status: answer.statusCode!, text }));
    });
    asked.on('error', reject);
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

t.test('pages about the server are on a listener of their own, and none of them on the port of the site', async (t) => {
  const port = await freePort();
  const { url } = await start(t, '--admin-listen', `127.0.0.1:${port}`).started;
  for (const path of ['/metrics', '/health', '/status', '/status.json']) {
    t.equal((await ask({ port }, path, `127.0.0.1:${port}`)).status, 200, path);
    t.equal((await ask({ port }, path, `localhost:${port}`)).status, 200, `${path} of localhost`);
    t.equal((await ask({ port }, path, `evil.example:${port}`)).status, 421, `${path} by a name that was rebound`);
    t.equal((await fetch(url + path.slice(1))).status, 404, `${path} on the port of the site`);
  }
  t.equal((await ask({ port }, '/', `127.0.0.1:${port}`)).status, 404);
});

t.test('metrics have what Prometheus expects of a process, the build, and one kind for each name', async (t) => {
  const path = join(folder(t), 'admin.sock');
  const { url } = await start(t, '--admin-listen', `unix:${path}`).started;
  await fetch(url);
  t.equal(statSync(path).mode & 0o777, 0o660, 'for its user and group');
  const { text } = await ask({ socketPath: path }, '/metrics', 'anything');
  t.match(text, /^process_cpu_seconds_total \d/m);
  t.match(text, /^process_resident_memory_bytes \d/m);
  t.match(text, /^process_start_time_seconds 1\d{9}/m);
  t.match(text, /^sitekernel_build_info\{version="[\d.]+",node="[\d.]+",net="socket"\} 1$/m);
  t.match(
    text,
    /^sitekernel_http_responses_total\{code="200"\} 1$/m,
    'what was asked here is not counted among visitors',
  );
  t.notMatch(text, /untyped/);
  if (process.platform === 'linux') t.match(text, /^process_open_fds \d+$/m);
});

t.test('what the status page asks for again and again is in no access log', async (t) => {
  const path = join(folder(t), 'admin.sock');
  const { url, errors, end, exit } = await start(
    t,
    '--log',
    'access',
    '--admin-listen',
    path,
    '--status',
    '--admin',
    '127.0.0.1',
  ).started;
  for (let i = 0; i < 3; i++) {
    await ask({ socketPath: path }, '/status.json', 'a');
    t.equal((await fetch(`${url}status.json`)).status, 200, '--admin has it on the port of the site, too');
  }
  await fetch(`${url}none`);
  end();
  await exit;
  t.match(errors(), /"GET \/none HTTP/);
  t.notMatch(errors(), /status\.json/);
  t.notOk(existsSync(path), 'the socket goes with the program');
});

t.test('a place that is taken, or is no place for a socket, is a sentence and status 1', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const { port } = taken.address() as { port: number };
  const file = join(folder(t), 'file');
  writeFileSync(file, 'precious');
  for (const [place, sentence] of [
    [`127.0.0.1:${port}`, /--admin-listen: port \d+ of 127\.0\.0\.1 is in use by another program/],
    [file, /--admin-listen: \S+file is there and no socket/],
  ] as const) {
    const { exit, errors } = start(t, '--admin-listen', place);
    t.equal(await exit, 1, place);
    t.match(errors(), sentence);
    t.equal(errors().trim().split('\n').length, 1);
  }
  t.equal(readFileSync(file, 'utf8'), 'precious');
});
