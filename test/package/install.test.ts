/** The packed package, installed by npm in an empty folder, on every line of Node that is supported. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t from 'tap';
import { RUNTIMES } from '../run/runtimes.js';

const folder = mkdtempSync(join(tmpdir(), 'sitekernel-install-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const site = resolve('site/_site');

execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { stdio: 'ignore' });
const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) as string;
const npm = spawnSync('npm', ['install', '--no-audit', '--no-fund', `./${tarball}`], { cwd: folder, encoding: 'utf8' });
const offline = /ENOTFOUND|ECONNREFUSED|EAI_AGAIN/.test(npm.stderr) && 'the npm registry cannot be reached';
const main = join(folder, 'node_modules', 'sitekernel', 'dist', 'main.js');

t.test('npm installs the packed file in an empty folder, with the command', { skip: offline }, async (t) => {
  t.match(npm, { status: 0 }, npm.stderr);
  t.ok(existsSync(join(folder, 'node_modules', '.bin', 'sitekernel')));
});

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

for (const [line, node] of Object.entries(RUNTIMES)) {
  const skip = offline || (existsSync(node) ? false : `Node ${line} is not installed`);
  t.test(`Node ${line} runs its commands`, { skip }, async (t) => {
    /** Without the loader that the test runner gives to its children. */
    const run = (...args: string[]) =>
      spawnSync('env', ['-u', 'NODE_OPTIONS', node, main, ...args], { cwd: folder, encoding: 'utf8' });
    const bundle = join(folder, `${line}.bundle`);
    t.match(run('--version'), { status: 0, stdout: `${version}\n` });
    t.match(run('bundle', site, '-o', bundle), { status: 0 });
    t.match(run('inspect', bundle), { status: 0, stdout: /index\.html/ });
    t.match(run('--self-test', bundle), { status: 0, stdout: /^self-test passed/ });
    for (const command of ['bundle', 'inspect', 'image', 'deploy', 'supervise', 'host', 'replay'])
      t.match(run(command, '--help'), { status: 0, stdout: /^Usage: sitekernel/ }, command);
    t.match(run('--port', 'x'), { status: 2 });
    const server = spawn('env', ['-u', 'NODE_OPTIONS', node, main, '--port', '0', bundle], { cwd: folder });
    const [said] = (await once(server.stdout, 'data')) as [Buffer];
    const url = /http:\S+/.exec(said.toString())?.[0] as string;
    t.equal(await (await fetch(url)).text(), readFileSync(join(site, 'index.html'), 'utf8'));
    server.kill('SIGTERM');
    const [status] = (await once(server, 'exit')) as [number];
    t.equal(status, 0);
  });
}
