/** The program as it is built, in one file out of V8's code cache: what it loads late must be found there, too. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { expectCode } from '../../src/errors/codes.js';

const MAIN = resolve('dist', 'main.js');

async function said(t: Test, ...argv: string[]): Promise<string> {
  const child = spawn(process.execPath, [MAIN, '--port', '0', ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  const first = (from: typeof child.stdout) => once(from.setEncoding('utf8'), 'data') as Promise<[string]>;
  return (await Promise.race([first(child.stdout), first(child.stderr)]))[0];
}

t.test('A name can be listened on', async (t) => {
  t.match(await said(t, '--host', 'localhost'), /^listening on http:\/\/localhost:\d+\/\n$/);
});

t.test('A name that is none is one sentence', async (t) => {
  t.match(await said(t, '--host', 'no.such.host.invalid'), /^sitekernel: .*no\.such\.host\.invalid.*\n$/);
  t.notMatch(await said(t, '--host', 'no.such.host.invalid'), /import/);
});

t.test('HTML is read by a parser that lies beside it', async (t) => {
  const dir = t.testdir({
    'index.html': '<a href="caf&eacute;.html">x</a><template><a href="/none">y</a></template>',
    'café.html': '',
  });
  const { stdout } = spawnSync(process.execPath, [MAIN, 'inspect', '--json', dir], { encoding: 'utf8' });
  const { problems, unlinked } = JSON.parse(stdout) as { problems: unknown[]; unlinked: unknown[] };
  t.same([problems, unlinked], [[], []]);
});

t.test('Nothing in it is loaded by import(), which such a script does not have', async (t) => {
  const program = readFileSync(resolve('dist', 'program', 'program.cjs'), 'utf8');
  t.notMatch(program, /\bawait import\(/);
});

t.test('SIGTERM to npm start alone ends the server: no shell between them keeps it', async (t) => {
  const { scripts } = JSON.parse(readFileSync(resolve('package.json'), 'utf8')) as { scripts: { start: string } };
  const folder = t.testdir({});
  // It is built already, and others use it.
  const start = scripts.start.replace('npm run -s build', 'true');
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ scripts: { start } }));
  symlinkSync(resolve('dist'), join(folder, 'dist'));
  const npm = spawn('npm', ['start', '--', '--port', '0'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  t.teardown(() => {
    try {
      process.kill(-npm.pid!, 'SIGKILL');
    } catch (error) {
      expectCode(error, 'ESRCH');
    }
  });
  let said = '';
  npm.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (/^listening on /m.test(said)) npm.kill('SIGTERM');
  });
  // Its output ends when the last process has that holds it: the server.
  await once(npm.stdout, 'end');
  t.match(said, /^listening on http:\/\/127\.0\.0\.1:\d+\/$/m);
});
