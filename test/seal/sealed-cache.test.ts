/** Root serves a directory as another user, and what is compressed then is kept for the next start, which checks it. */
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { thisKernel } from '../../src/seal/kernel.js';
import { landlockVersion } from '../../src/seal/landlock.js';
import { COMPRESSED } from '../../src/store/compress/codings.js';
import { isChecked } from '../../src/store/compress/decompress-now.js';
import { MAIN, type Running, site, start } from './running.js';

const skip = landlockVersion(thisKernel()) > 0 ? false : 'needs a kernel with Landlock';
const asRoot = skip || (process.getuid?.() === 0 ? false : 'needs root');

const FILES = 40;
const ENTRIES = FILES * COMPRESSED.filter(isChecked).length;

/** More than is compressed before a start, and a cache in a folder that is closed to others, as root's own. */
function large(t: Test): { path: string; env: Record<string, string>; cache: string } {
  const path = site(t, process.getuid?.() ?? 0, 0o755);
  for (let i = 0; i < FILES; i++)
    writeFileSync(join(path, `${i}.html`), `${i}: ${randomBytes(20_000).toString('hex')}`);
  const cache = join(path, '..', 'cache');
  mkdirSync(cache);
  chmodSync(cache, 0o700);
  return { path, env: { XDG_CACHE_HOME: cache }, cache: join(cache, 'sitekernel', 'sealed') };
}

async function serving(t: Test, path: string, env: Record<string, string>, ...words: string[]): Promise<Running> {
  const args = [MAIN, '--port', '0', '--seal', 'strict', '--log', 'net', ...words, path];
  const running = start(t, [process.execPath, ...args], env);
  await running.says(/all is compressed/);
  return running;
}

async function end({ child }: Running): Promise<void> {
  const ended = new Promise((done) => child.on('exit', done));
  child.kill('SIGTERM');
  await ended;
}

/** Files with their owners and inodes: an entry that is made again has another inode. */
function entries(folder: string): { file: string; inode: number; uid: number }[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => ({ file: join(folder, name), stats: statSync(join(folder, name)) }))
    .filter(({ stats }) => stats.isFile())
    .map(({ file, stats }) => ({ file, inode: stats.ino, uid: stats.uid }));
}

const userIn = (said: string): number => Number(/sealed: [^\n]*user (\d+)/.exec(said)?.[1]);

t.test(
  'root with a directory becomes another user, and the next start takes its results',
  { skip: asRoot },
  async (t) => {
    const { path, env, cache } = large(t);
    const first = await serving(t, path, env);
    const user = userIn(first.said());
    t.ok(user > 0, first.said());
    await end(first);
    const made = entries(cache);
    t.equal(made.length, ENTRIES, 'each coding of each file');
    t.ok(made.every(({ uid }) => uid === user));
    const second = await serving(t, path, env);
    t.equal(userIn(second.said()), user);
    await end(second);
    t.same(entries(cache), made);
  },
);

t.test('what a server that was taken over left in the cache is not served', { skip: asRoot }, async (t) => {
  const { path, env, cache } = large(t);
  await end(await serving(t, path, env));
  const made = entries(cache);
  const forged = gzipSync('<title>forged</title>');
  // As the program itself writes an entry.
  const entry = Buffer.concat([createHash('sha256').update(forged).digest(), forged]);
  for (const { file } of made) writeFileSync(file, entry);
  const second = await serving(t, path, env);
  const url = await second.says(/listening on (\S+)/);
  for (let i = 0; i < FILES; i += 13) {
    const answer = await fetch(`${url}${i}`, { headers: { 'accept-encoding': 'gzip' } });
    t.equal(answer.headers.get('content-encoding'), 'gzip');
    t.match(await answer.text(), new RegExp(`^${i}: `));
  }
  await end(second);
  t.notOk(
    entries(cache).some(({ file }) => readFileSync(file).equals(entry)),
    'each is made again',
  );
});

t.test('two servers of one directory take folders of their own', { skip: asRoot }, async (t) => {
  const { path, env, cache } = large(t);
  const both = [await serving(t, path, env), await serving(t, path, env)];
  const users = both.map(({ said }) => userIn(said()));
  t.not(users[0], users[1]);
  t.equal(entries(cache).length, 2 * ENTRIES);
  for (const one of both) await end(one);
});

t.test('a user that is named has a folder for all its servers', { skip: asRoot }, async (t) => {
  const { path, env, cache } = large(t);
  const both = [await serving(t, path, env, '--user', 'nobody'), await serving(t, path, env, '--user', 'nobody')];
  t.equal(entries(cache).length, ENTRIES);
  for (const one of both) await end(one);
});
