/** The examples, run against the packed package in an empty folder: what a user of the library gets. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import t from 'tap';
import { findCommand } from '../run/packages.js';

const folder = mkdtempSync(join(tmpdir(), 'sitekernel-package-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

/** Installs the packed package: its files, and its dependencies as they are here. */
function install(): void {
  const packed = JSON.parse(
    execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], { encoding: 'utf8' }),
  ) as [{ filename: string }];
  const place = join(folder, 'node_modules', 'sitekernel');
  mkdirSync(place, { recursive: true });
  execFileSync('tar', ['xzf', join(folder, packed[0].filename), '-C', place, '--strip-components=1']);
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };
  for (const name of Object.keys(dependencies)) copyPackage(name);
  writeFileSync(join(folder, 'package.json'), '{"type":"module","private":true}');
  cpSync('examples', join(folder, 'examples'), { recursive: true });
}

/** A command in a user's environment: without the loader that the test runner gives to its children. */
function asUser(command: string, args: readonly string[]): [command: string, args: string[]] {
  return ['env', ['-u', 'NODE_OPTIONS', command, ...args]];
}

/** A package and what it needs. */
function copyPackage(name: string): void {
  const to = join(folder, 'node_modules', name);
  if (existsSync(to)) return;
  const from = join('node_modules', name);
  if (!existsSync(from)) return;
  cpSync(from, to, { recursive: true });
  const { dependencies = {}, optionalDependencies = {} } = JSON.parse(
    readFileSync(join(from, 'package.json'), 'utf8'),
  ) as { dependencies?: Record<string, string>; optionalDependencies?: Record<string, string> };
  for (const other of [...Object.keys(dependencies), ...Object.keys(optionalDependencies)]) copyPackage(other);
}

install();
const examples = join(folder, 'examples');

t.test('each example is shorter than 60 lines', async (t) => {
  for (const name of ['two-stacks.mjs', 'tcp-echo-on-a-tap.mjs', 'store-behind-node-http.mjs', 'browser-lab/lab.mjs'])
    t.ok(readFileSync(join(examples, name), 'utf8').split('\n').length <= 60, name);
});

t.test('two stacks in virtual time exchange a megabyte and leave a capture', async (t) => {
  const capture = join(folder, 'out.pcap');
  const run = spawnSync(...asUser(process.execPath, [join(examples, 'two-stacks.mjs'), capture]), { encoding: 'utf8' });
  t.match(run, { status: 0, stderr: '' });
  t.match(run.stdout, /^1000000 bytes in \d+\.\d\d virtual seconds, [1-9]\d* retransmissions; /);
  t.ok(statSync(capture).size > 1_000_000);
});

const noTap = process.getuid?.() !== 0 || findCommand('nc') === undefined ? 'needs root and nc' : false;

t.test('TCP echo on a TAP answers nc, in a network namespace of its own', { skip: noTap }, async (t) => {
  const script = `
    node "$1" tap0 10.9.0.2/24 & echo=$!
    until ip link show tap0 >/dev/null 2>&1; do kill -0 $echo || exit 1; done
    ip link set lo up; ip addr add 10.9.0.1/24 dev tap0; ip link set tap0 up
    printf 'hello over our own stack' | timeout 20 nc -N 10.9.0.2 7
    kill -TERM $echo; wait $echo`;
  const example = join(examples, 'tcp-echo-on-a-tap.mjs');
  const run = spawnSync(...asUser('unshare', ['--net', 'bash', '-c', script, 'echo', example]), { encoding: 'utf8' });
  t.match(run.stdout, /echo on 10\.9\.0\.2 port 7/);
  t.match(run.stdout, /hello over our own stack/);
  t.match(run, { status: 0, stderr: '' });
});

t.test('a store behind node:http answers pages, redirects and 404 as the site says', async (t) => {
  const site = resolve('site/_site');
  const child = spawn(...asUser(process.execPath, [join(examples, 'store-behind-node-http.mjs'), site, '0']), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGTERM'));
  const url = await new Promise<string>((found) =>
    child.stdout.on('data', (chunk: Buffer) => found(/http:\S+/.exec(chunk.toString())?.[0] ?? '')),
  );
  const home = await fetch(url);
  t.equal(home.status, 200);
  t.match(home.headers.get('content-type'), /^text\/html/);
  t.match(home.headers.get('etag'), /^"[0-9a-f]+"$/);
  t.equal(await home.text(), readFileSync(join(site, 'index.html'), 'utf8'));
  t.equal((await fetch(`${url}no-such-page`)).status, 404);
  t.equal((await fetch(`${url}%ff`)).status, 400);
  const bare = spawnSync(...asUser(process.execPath, [join(examples, 'store-behind-node-http.mjs')]), {
    encoding: 'utf8',
  });
  t.match(bare, { status: 2, stderr: /which directory/ });
});

t.test('sitekernel/net bundles for a browser: nothing native, no command line, no compressor in it', async (t) => {
  const outfile = join(folder, 'lab.js');
  const { metafile } = await build({
    entryPoints: [join(examples, 'browser-lab', 'lab.mjs')],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    metafile: true,
    outfile,
    logLevel: 'error',
  });
  const inputs = Object.keys(metafile.inputs);
  t.same(
    inputs.filter((name) => /koffi|brotli|zstd|pako|commander|native\/|cli\//.test(name)),
    [],
  );
  const { size } = statSync(outfile);
  t.comment(`${size} bytes minified`);
  t.ok(size < 250_000, `${size} bytes`);
  const lab = (await import(outfile)) as {
    transfer(loss: number, congestion: string): Promise<{ received: number; retransmissions: number }>;
  };
  t.match(await lab.transfer(0, 'cubic'), { received: 200_000, retransmissions: 0 });
  const lossy = await lab.transfer(0.05, 'bbr');
  t.equal(lossy.received, 200_000);
  t.ok(lossy.retransmissions > 0);
});

t.test('the entries give values, and the types that a strict user sees compile', async (t) => {
  const user = join(folder, 'user.ts');
  writeFileSync(
    user,
    `import { HttpServer, Memory, openDirectNetwork, openSocketNetwork, serveSite, StackHost, virtualNet } from 'sitekernel';
import { askStore, openStore, type StoreAnswer } from 'sitekernel/store';
import { RealClock } from 'sitekernel/http';
import { ConnectError, type Flow } from 'sitekernel/net';
const site = await serveSite({ site: process.argv[2] as string });
const answer: StoreAnswer = askStore(site.store, '/');
if (answer.status !== 200 || (await fetch(site.url)).status !== 200) throw new Error('not served');
await site.close(0);
const all: unknown[] = [openDirectNetwork, HttpServer, Memory, openSocketNetwork, StackHost, virtualNet, openStore, RealClock, ConnectError];
if (all.some((one) => typeof one !== 'function')) throw new Error('no value');
export type { Flow };
`,
  );
  const options = [
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--types',
    'node',
    '--skipLibCheck',
    'false',
  ];
  cpSync(join('node_modules', '@types', 'node'), join(folder, 'node_modules', '@types', 'node'), { recursive: true });
  cpSync(join('node_modules', 'undici-types'), join(folder, 'node_modules', 'undici-types'), { recursive: true });
  const tsc = spawnSync(...asUser(resolve('node_modules/.bin/tsc'), [...options, user]), {
    cwd: folder,
    encoding: 'utf8',
  });
  t.equal(tsc.stdout, '');
  t.match(tsc, { status: 0, stdout: '', stderr: '' });
  const run = spawnSync(...asUser(process.execPath, [join(folder, 'user.js'), resolve('site/_site')]), {
    encoding: 'utf8',
  });
  t.match(run, { status: 0, stderr: '' });
});
