/** New versions of a site under a running program: SIGHUP, --watch; and how a site is read. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';

const MAIN = resolve('build', 'src', 'main.js');

interface Running {
  readonly dir: string;
  readonly pid: number;
  readonly url: string;
  readonly port: number;
  readonly errors: () => string;
  hangUp(): void;
}

/** The program, serving a directory whose home page says `first`. */
async function serving(t: Test, ...argv: string[]): Promise<Running> {
  const dir = join(t.testdir({}), 'site');
  mkdirSync(dir);
  writeFileSync(join(dir, 'index.html'), '<title>first</title>');
  const child = spawn(process.execPath, [MAIN, '--port', '0', ...argv, dir], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [said] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const [, url, port] = /^listening on (http:\S+:(\d+)\/)\n$/.exec(said)!;
  return {
    dir,
    pid: child.pid!,
    url: url!,
    port: Number(port),
    errors: () => errors,
    hangUp: () => child.kill('SIGHUP'),
  };
}

/** Asks until the answer has `text`; the program does what it does beside, at a time of its own. */
async function comes(url: string, text: string): Promise<boolean> {
  for (let i = 0; i < 200; i++) {
    const body = await (await fetch(url)).text();
    if (body.includes(text)) return true;
    await new Promise((done) => setTimeout(done, 25));
  }
  return false;
}

t.test('SIGHUP: the next version answers new requests, and what is on its way stays whole', async (t) => {
  const { dir, url, port, hangUp } = await serving(t);
  const large = Buffer.alloc(20_000_000, 'old ');
  writeFileSync(join(dir, 'large.bin'), large);
  hangUp();
  for (let i = 0; i < 200 && (await fetch(`${url}large.bin`, { method: 'HEAD' })).status !== 200; i++) {
    await new Promise((done) => setTimeout(done, 25));
  }
  const slow = connect(port, '127.0.0.1');
  slow.write('GET /large.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept-Encoding: identity\r\n\r\n');
  const [begin] = (await once(slow, 'data')) as [Buffer];
  slow.pause();
  writeFileSync(join(dir, 'index.html'), '<title>second</title>');
  rmSync(join(dir, 'large.bin'));
  hangUp();
  t.ok(await comes(url, 'second'));
  t.equal((await fetch(`${url}large.bin`)).status, 404);
  const chunks = [begin];
  slow.on('data', (chunk) => chunks.push(chunk));
  slow.resume();
  await once(slow, 'end');
  const answer = Buffer.concat(chunks);
  t.equal(Buffer.compare(answer.subarray(answer.indexOf('\r\n\r\n') + 4), large), 0);
});

t.test('Memory comes back after many versions', async (t) => {
  const { dir, url, pid, hangUp } = await serving(t);
  const large = randomBytes(20_000_000);
  const resident = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
  let early = 0;
  for (let version = 1; version <= 12; version++) {
    large.writeUInt32LE(version);
    writeFileSync(join(dir, 'large.bin'), large);
    writeFileSync(join(dir, 'index.html'), `<title>version ${version}.</title>`);
    hangUp();
    t.ok(await comes(url, `version ${version}.`));
    if (version === 4) early = resident();
  }
  // Eight that stayed would be 160 MiB; the last few may wait for the collector.
  t.ok(resident() - early < 100, `${(resident() - early).toFixed(0)} MiB more after eight further versions of 20 MB`);
});

t.test('SIGHUP: what cannot be read is said, and the version that was served stays', async (t) => {
  const { dir, url, errors, hangUp } = await serving(t);
  rmSync(dir, { recursive: true });
  hangUp();
  for (let i = 0; i < 200 && !errors().includes('stays'); i++) await new Promise((done) => setTimeout(done, 25));
  t.match(errors(), /does not exist; the version that was served stays\n$/);
  t.ok(await comes(url, 'first'));
});

t.test('--watch: a change of the directory is served without being asked for', async (t) => {
  const { dir, url } = await serving(t, '--watch');
  t.ok(await comes(url, 'first'));
  writeFileSync(join(dir, 'index.html'), '<title>second</title>');
  t.ok(await comes(url, 'second'));
});

t.test('SIGHUP: --spa, --hidden and --mime still hold', async (t) => {
  const { dir, url, hangUp } = await serving(t, '--spa', '--hidden', '--mime', 'foo=text/x-foo');
  writeFileSync(join(dir, '.secret.foo'), 'a secret');
  hangUp();
  t.ok(await comes(`${url}any/where`, 'first'));
  t.ok(await comes(`${url}.secret.foo`, 'a secret'));
  t.match((await fetch(`${url}.secret.foo`)).headers.get('content-type'), /^text\/x-foo/);
});

t.test('SIGHUP: a bundle with one wrong byte of content does not take the place of a good one', async (t) => {
  const folder = t.testdir({ site: { 'index.html': '<title>first</title>', 'film.bin': 'x'.repeat(100_000) } });
  const bundle = join(folder, 'site.bundle');
  const make = async (): Promise<void> => {
    const made = spawn(process.execPath, [MAIN, 'bundle', '--compression', 'none', join(folder, 'site'), '-o', bundle]);
    t.equal((await once(made, 'close'))[0], 0);
  };
  await make();
  const child = spawn(process.execPath, [MAIN, '--port', '0', bundle], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  const [said] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const url = /http:\S+/.exec(said)![0];
  t.equal(await (await fetch(url)).text(), '<title>first</title>');
  writeFileSync(join(folder, 'site', 'index.html'), '<title>second</title>');
  await make();
  const bytes = readFileSync(bundle);
  bytes[bytes.indexOf('x'.repeat(1000)) + 50_000]! ^= 1;
  rmSync(bundle);
  writeFileSync(bundle, bytes);
  child.kill('SIGHUP');
  let complaint = '';
  for await (const text of child.stderr.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    complaint += text;
    if (complaint.includes('damaged')) break;
  }
  t.match(complaint, /is damaged near byte \d+.*; the version that was served stays/);
  t.equal(await (await fetch(url)).text(), '<title>first</title>');
  await make();
  child.kill('SIGHUP');
  t.ok(await comes(url, 'second'));
});
