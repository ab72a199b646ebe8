/** `--watch` where the kernel gives a user fewer watches than the site has directories. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';

const MAIN = resolve('dist', 'main.js');
/** A user of a namespace of its own may have two. */
const FEW = ['--user', '--map-root-user', 'sh', '-c', 'echo 2 > /proc/sys/user/max_inotify_watches && exec "$@"', 'sh'];

function refused(): string | false {
  try {
    execFileSync('unshare', [...FEW, 'true'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'this system gives nobody a user namespace of his own';
  }
}

/** Milliseconds: a look each second, on a busy machine. */
const PATIENCE = 25_000;

t.test('What cannot be watched is looked through each second, and that is said', { skip: refused() }, async (t) => {
  const dir = t.testdir({ 'index.html': 'home', far: { away: { 'page.txt': 'old' } } });
  mkdirSync(join(dir, 'more'));
  const argv = [...FEW, process.execPath, MAIN, '--watch', '--port', '0', dir];
  const child = spawn('unshare', argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  const warned = once(createInterface(child.stderr), 'line') as Promise<[string]>;
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const url = `${/http\S+/.exec(line)?.[0]}far/away/page.txt`;
  const page = async () => (await fetch(url)).text();
  t.equal(await page(), 'old');
  t.match((await warned)[0], /no watches left .* each second; raise fs\.inotify\.max_user_watches$/);
  writeFileSync(join(dir, 'far', 'away', 'page.txt'), 'new words');
  let served = await page();
  for (const until = Date.now() + PATIENCE; served !== 'new words' && Date.now() < until; served = await page());
  t.equal(served, 'new words');
});
