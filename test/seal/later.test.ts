/** What a sealed server does later goes on working: files of others, and system calls that a unit refuses. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { thisKernel } from '../../src/seal/kernel.js';
import { landlockVersion } from '../../src/seal/landlock.js';
import { skipWithout } from '../wire/needs.js';
import { MAIN, site, start } from './running.js';

const OTHER = 61_234;
const skip = landlockVersion(thisKernel()) > 0 ? false : 'needs a kernel with Landlock';
const asRoot = skip || (process.getuid?.() === 0 ? false : 'needs root');

const page = async (url: string): Promise<string> => (await fetch(url)).text();

t.test('root serves a site of another user, and reads it again after the seal', { skip: asRoot }, async (t) => {
  const path = site(t, OTHER, 0o700);
  const { child, says } = start(t, [process.execPath, MAIN, '--port', '0', '--log', 'net', path]);
  t.match(await says(/sealed: ([^\n]*)/), /capabilities CAP_DAC_READ_SEARCH for \S+site/);
  const url = await says(/listening on (\S+)/);
  t.equal(await page(url), '<title>first</title>');
  writeFileSync(join(path, 'index.html'), '<title>second</title>');
  child.kill('SIGHUP');
  await says(/now serving/);
  t.equal(await page(url), '<title>second</title>');
});

t.test(
  'times of commits are asked of git again, in a work tree, for a folder deep in it',
  { skip: skip || skipWithout('git') },
  async (t) => {
    const folder = join(site(t, process.getuid?.() ?? 0, 0o755), '..');
    const git = (...words: string[]): void => {
      execFileSync('git', ['-C', folder, '-c', 'user.name=a', '-c', 'user.email=a@example.org', ...words], {
        stdio: 'ignore',
        env: { ...process.env, GIT_COMMITTER_DATE: '@1700000000 +0000' },
      });
    };
    git('init', '-q');
    mkdirSync(join(folder, 'docs', 'made', 'site'), { recursive: true });
    writeFileSync(join(folder, 'docs', 'made', 'site', 'index.html'), '<title>first</title>');
    git('add', '-A');
    git('commit', '-q', '-m', 'first');
    git('worktree', 'add', '-q', 'tree');
    const path = join(folder, 'tree', 'docs', 'made', 'site');
    const { child, says } = start(t, [process.execPath, MAIN, '--port', '0', '--mtime', 'git', '--log', 'net', path]);
    const url = await says(/listening on (\S+)/);
    writeFileSync(join(path, 'new.html'), '<title>new</title>');
    git('-C', 'tree', 'add', '-A');
    git('-C', 'tree', 'commit', '-q', '-m', 'second');
    child.kill('SIGHUP');
    await says(/now serving|no times of commits/);
    t.equal((await fetch(`${url}new`)).headers.get('last-modified'), new Date(1_700_000_000_000).toUTCString());
  },
);

t.test('a file that only root can read is not served, before a change as after it', { skip: asRoot }, async (t) => {
  const path = site(t, 0, 0o755);
  const notes = join(path, 'notes.txt');
  writeFileSync(notes, 'first');
  chmodSync(notes, 0o600);
  const { child, says, said } = start(t, [process.execPath, MAIN, '--port', '0', '--log', 'net', path]);
  const url = await says(/listening on (\S+)/);
  t.match(said(), /notes\.txt cannot be read once the server is sealed; [^\n]*\(left out\)\n/);
  await says(/sealed: [^\n]*user \d+/);
  const status = async (): Promise<number> => (await fetch(`${url}notes.txt`)).status;
  t.equal(await status(), 404);
  writeFileSync(notes, 'second');
  writeFileSync(join(path, 'index.html'), '<title>second</title>');
  child.kill('SIGHUP');
  await says(/now serving/);
  t.equal(await page(url), '<title>second</title>', 'the rest of the site is read again');
  t.equal(await status(), 404);
  const before = said().length;
  chmodSync(notes, 0o644);
  child.kill('SIGHUP');
  await says(new RegExp(`^[^]{${before}}[^]*now serving`));
  t.equal(await status(), 200);
});

t.test('a key that only root can read keeps the server root', { skip: asRoot || skipWithout('openssl') }, async (t) => {
  const path = site(t, 0, 0o755);
  const folder = join(path, '..');
  const [certificate, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', [...request, '-subj', '/CN=localhost', '-keyout', key, '-out', certificate], {
    stdio: 'ignore',
  });
  chmodSync(key, 0o600);
  const ports = ['--http-port', '0', '--https-port', '0'];
  const files = ['--tls-cert', certificate, '--tls-key', key];
  const cache = { XDG_CACHE_HOME: folder };
  const { says } = start(t, [process.execPath, MAIN, ...ports, ...files, '--log', 'net', path], cache);
  t.match(await says(/sealed: ([^\n]*)/), /user root \(user \d+ cannot reach \S+key\.pem, which is needed later/);
});

t.test(
  'where a unit refuses the calls for another user the server seals the rest',
  { skip: asRoot || skipWithout('strace', 'setpriv') },
  async (t) => {
    const path = join(site(t, 0, 0o755), '..', 'site.bundle');
    execFileSync(process.execPath, [MAIN, 'bundle', join(path, '..', 'site'), '-o', path], { stdio: 'ignore' });
    const refused = 'setuid,setgid,setgroups,setresuid,setresgid,capset';
    const { says, said } = start(t, [
      ...['setpriv', '--no-new-privs', '--inh-caps=-all', '--bounding-set=-all,+net_admin', '--'],
      ...['strace', '-D', '-f', '-qqq', '--seccomp-bpf', '-o', '/dev/null'],
      ...['-e', `trace=${refused}`, '-e', `inject=${refused}:error=EPERM`, '--'],
      ...[process.execPath, MAIN, '--port', '0', '--log', 'net', path],
    ]);
    t.equal(await page(await says(/listening on (\S+)/)), '<title>first</title>');
    t.match(said(), /sealed: [^\n]*system calls \(seccomp\)/);
    t.match(said(), /user root \(it has no right to become another user/);
  },
);
