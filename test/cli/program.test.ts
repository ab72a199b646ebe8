/** The program as a user runs it, where no network of its own is needed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';

const MAIN = resolve('build', 'src', 'main.js');

interface Run {
  child: ChildProcess;
  stdout: () => string;
  stderr: () => string;
  exit: Promise<number | null>;
  says(pattern: RegExp): Promise<RegExpExecArray>;
}

function run(t: Test, ...argv: string[]): Run {
  const child = spawn(process.execPath, [MAIN, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  const exit = new Promise<number | null>((done) => child.on('close', done));
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  t.teardown(() => child.kill('SIGKILL'));
  const says = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((done, reject) => {
      const look = () => {
        const match = pattern.exec(stdout);
        if (match !== null) done(match);
      };
      child.stdout.on('data', look);
      child.on('close', () => reject(new Error(`ended without saying ${pattern}: ${stdout} ${stderr}`)));
      look();
    });
  return { child, stdout: () => stdout, stderr: () => stderr, exit, says };
}

function smallSite(t: Test): string {
  const site = join(t.testdir({}), 'site');
  mkdirSync(site);
  writeFileSync(join(site, 'index.html'), '<!doctype html><title>small</title>');
  writeFileSync(join(site, 'large.bin'), Buffer.alloc(20_000_000, 65));
  return site;
}

async function serving(t: Test, ...argv: string[]): Promise<{ server: Run; url: string; port: number }> {
  const server = run(t, '--port', '0', ...argv);
  const [, url, port] = await server.says(/^listening on (http:\/\/127\.0\.0\.1:(\d+)\/)\n$/);
  return { server, url, port: Number(port) };
}

t.test('serves a directory, logs where asked, and drains at SIGTERM', async (t) => {
  const { server, url } = await serving(t, '--log', 'access', smallSite(t));
  const answer = await fetch(url);
  t.equal(await answer.text(), '<!doctype html><title>small</title>');
  server.child.kill('SIGTERM');
  t.equal(await server.exit, 0);
  t.match(server.stderr(), /"GET \/ HTTP\/1\.1" 200 35 /);
  t.equal(server.stdout(), `listening on ${url}\n`);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal}: an answer under way is finished first`, async (t) => {
    const { server, port } = await serving(t, smallSite(t));
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((done) => socket.once('readable', done));
    server.child.kill(signal);
    let received = 0;
    for await (const chunk of socket) received += (chunk as Buffer).length;
    t.ok(received > 20_000_000, `${received} bytes`);
    t.equal(await server.exit, 0);
  });
}

t.test('a second signal ends it at once', async (t) => {
  const { server, port } = await serving(t, '--drain', '60', smallSite(t));
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write('GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n');
  await new Promise((done) => socket.once('readable', done));
  server.child.kill('SIGTERM');
  await new Promise((done) => setTimeout(done, 100));
  t.equal(server.child.exitCode, null, 'it waits for the answer under way');
  server.child.kill('SIGTERM');
  t.equal(await server.exit, 128 + 15);
});

t.test('what is under way after the drain time is cut off', async (t) => {
  const { server, port } = await serving(t, '--drain', '0.1', smallSite(t));
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  const closed = new Promise((done) => socket.on('close', done));
  socket.write('GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n');
  await new Promise((done) => socket.once('readable', done));
  server.child.kill('SIGTERM');
  t.equal(await server.exit, 0);
  socket.resume();
  await closed;
  t.ok(socket.bytesRead < 20_000_000, `${socket.bytesRead} bytes`);
});

t.test('bundles a directory, and serves and shows the bundle', async (t) => {
  const site = smallSite(t);
  const file = join(t.testdirName, 'site.bundle');
  const bundling = run(t, 'bundle', site, '-o', file, '--compression', 'none');
  t.equal(await bundling.exit, 0, bundling.stderr());
  const [, id] = /id ([0-9a-f]{64})\n$/.exec(bundling.stdout())!;
  const inspecting = run(t, 'inspect', '--json', file);
  t.equal(await inspecting.exit, 0);
  const shown = JSON.parse(inspecting.stdout()) as { id: string; resources: { path: string }[] };
  t.equal(shown.id, id);
  t.same(
    shown.resources.map((resource) => resource.path).filter((path) => !path.includes('404')),
    ['/index.html', '/large.bin'],
  );
  const table = run(t, 'inspect', '--check', file);
  t.equal(await table.exit, 0);
  t.match(table.stdout(), /\/large\.bin +application\/octet-stream +20000000/);
  const { url } = await serving(t, file);
  t.equal(await (await fetch(url)).text(), readFileSync(join(site, 'index.html'), 'utf8'));
});

t.test('mistakes are one sentence each, with their status', async (t) => {
  const cases: [string[], number, RegExp][] = [
    [['--nonsense'], 2, /^sitekernel: unknown option '--nonsense'.*\n$/],
    [['/nowhere/at/all'], 1, /^sitekernel: \/nowhere\/at\/all does not exist\n$/],
    [['--host', '192.0.2.1', smallSite(t)], 1, /^sitekernel: 192\.0\.2\.1 is not an address of this machine.*\n$/],
    [['--net', 'direct', '--ipv4', '1.2.3.4'], 2, /^sitekernel: --ipv4 1\.2\.3\.4 needs the size.*\n$/],
    [['bundle', MAIN, '-o', '/dev/null'], 1, /^sitekernel: .* is not a directory.*\n$/],
    [['inspect', MAIN], 1, /^sitekernel: .*\n$/],
  ];
  for (const [argv, status, sentence] of cases) {
    const failed = run(t, ...argv);
    t.equal(await failed.exit, status, argv.join(' '));
    t.match(failed.stderr(), sentence);
    t.equal(failed.stdout(), '');
  }
});

t.test('help and version go to standard output, in each of their spellings', async (t) => {
  const help = run(t, '--help');
  t.equal(await help.exit, 0);
  t.match(help.stdout(), /--ipv4-gateway <address>/);
  const groups = [...help.stdout().matchAll(/^(\S.*):$/gm)].map(([, name]) => name);
  t.same(groups, [
    ...['Arguments', 'General', 'Where it serves', 'With --net direct, a stack of its own', 'How it runs', 'The site'],
    ...['HTTP', 'Behind a proxy', 'Pages about the server', 'Limits', 'Commands', 'Examples'],
  ]);
  for (const words of [['--version'], ['-v'], ['-V'], ['version']]) {
    const version = run(t, ...words);
    t.equal(await version.exit, 0);
    t.match(version.stdout(), /^\d+\.\d+\.\d+\n$/, words.join(' '));
  }
  const whole = run(t, 'help');
  t.equal(await whole.exit, 0);
  t.equal(whole.stdout(), help.stdout());
  for (const [words, text] of [
    [['help', 'host', 'down'], /^Usage: sitekernel host down [\s\S]*the bridge to remove[\s\S]*TAP to remove/],
    [['help', 'deploy'], /^Usage: sitekernel deploy /],
  ] as const) {
    const asked = run(t, ...words);
    t.equal(await asked.exit, 0);
    t.match(asked.stdout(), text, words.join(' '));
  }
});

t.test('a site without an index page is told of at the start', async (t) => {
  const folder = t.testdir({ none: { 'a.html': 'a' }, one: { 'index.html': 'a' } });
  for (const [site, more, told] of [
    ['none', [], true],
    ['none', ['--listing'], false],
    ['one', [], false],
  ] as const) {
    const server = run(t, '--port', '0', ...more, join(folder, site));
    await server.says(/listening on/);
    server.child.kill('SIGTERM');
    t.equal(await server.exit, 0);
    t.equal(/none has no index page, and \/ is answered with 404/.test(server.stderr()), told, `${site} ${more}`);
  }
});
