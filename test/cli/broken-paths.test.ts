/** A path that leads through a file, or a link that leads to itself: one sentence, without names of the system. */
import { spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';

const MAIN = resolve('build', 'src', 'main.js');

/** Commands with PATH for the path. Each ends at once. */
const COMMANDS = [
  'image verify PATH',
  'image state PATH',
  'image build SITE --target socket -o PATH',
  'deploy commit PATH --repo PATH',
  'deploy status --host PATH',
  'deploy init PATH --repo SITE',
  'replay PATH',
  'zone check PATH',
  'supervise --control PATH SITE',
  'SITE --port 0 --control PATH',
  'SITE --port 0 --admin-listen unix:PATH',
  'SITE --port 0 --tls-cert PATH --tls-key PATH',
  'bundle SITE -o PATH',
  'SITE --port 0 --zone PATH',
  'inspect PATH',
];

t.test('a path that leads nowhere is one sentence', (t) => {
  const dir = t.testdir({ site: { 'index.html': 'hello\n' }, file: 'a file\n' });
  symlinkSync('loop', join(dir, 'loop'));
  for (const command of COMMANDS) {
    for (const path of ['file/below', 'loop/below']) {
      const words = command.replaceAll('PATH', join(dir, path)).replaceAll('SITE', join(dir, 'site')).split(' ');
      const { status, stderr } = spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8', timeout: 20_000 });
      t.equal(status, 1, `${command}: ${path}`);
      t.match(stderr, /^sitekernel: .+\n$/, command);
      t.notMatch(stderr, /\bE[A-Z]{3,}\b|symbolic|\b(open|l?stat|scandir) '/, command);
    }
  }
  t.end();
});
