/** The code cache that a start runs out of: the same bytes wherever one version of Node makes it. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Script } from 'node:vm';
import t from 'tap';

const BUILT = resolve('dist', 'program');

t.test('V8 takes it, and it tells nothing of where it was built', (t) => {
  const cachedData = readFileSync(join(BUILT, 'program.cjs.cache'));
  const source = readFileSync(join(BUILT, 'program.cjs'), 'latin1');
  t.equal(new Script(source, { filename: '/elsewhere/program.cjs', cachedData }).cachedDataRejected, false);
  t.notOk(cachedData.includes(process.cwd()));
  t.end();
});

t.test('another folder, user, day and language give the same bytes', (t) => {
  const root = process.geteuid?.() === 0;
  // Another user has to reach it.
  const folder = t.testdir({});
  const program = join(folder, 'of another name', 'dist', 'program');
  mkdirSync(program, { recursive: true });
  cpSync(BUILT, program, { recursive: true, filter: (path) => !/\.(cache|map)$/.test(path) });
  cpSync(resolve('dist', 'site.bundle'), join(folder, 'of another name', 'dist', 'site.bundle'));
  const uid = root && reachable(folder) ? 61_234 : undefined;
  if (uid !== undefined) chownSync(program, uid, uid);
  execFileSync(process.execPath, [resolve('scripts', 'write-cache.cjs'), program], {
    cwd: '/',
    env: { ...process.env, TZ: 'Asia/Kolkata', LC_ALL: 'de_DE.UTF-8', HOME: '/nonexistent', NODE_OPTIONS: '' },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const [one, other] = [BUILT, program].map((from) => readFileSync(join(from, 'program.cjs.cache')));
  t.equal(Buffer.compare(one!, other!), 0, uid === undefined ? 'by the same user' : 'by another user');
  t.end();
});

/** For a user without rights. */
function reachable(folder: string): boolean {
  chmodSync(folder, 0o755);
  try {
    execFileSync(process.execPath, ['-e', `require('node:fs').accessSync(${JSON.stringify(folder)})`], {
      uid: 61_234,
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}
