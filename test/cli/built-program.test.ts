/** The program as it is built, in one file out of V8's code cache: what it loads late must be found there, too. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import t, { type Test } from 'tap';

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
