import { execFileSync } from 'node:child_process';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { bundleDirectory, type OpenOptions, openStore } from '../../src/store/index.js';
import { Setup } from '../http/setup.js';
import { directory, fields, identity, resource, storeOf, tree } from './tree.js';

const OLD = 946_684_800;

/**
 * A repository whose directory `site` has a file of an old commit, one of a newer, one that was edited since, and one
 * that is not in it.
 */
function repository(t: Test): string {
  const dir = directory(t);
  const site = join(dir, 'site');
  mkdirSync(site);
  const git = (time: number, ...args: string[]): void => {
    const date = `${time} +0000`;
    const env = { ...process.env, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
    execFileSync('git', ['-C', dir, '-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], {
      env,
      stdio: 'pipe',
    });
  };
  git(OLD, 'init', '-q');
  for (const name of ['old é.txt', 'new.txt', 'edited.txt']) writeFileSync(join(site, name), name);
  git(OLD, 'add', '-A');
  git(OLD, 'commit', '-qm', 'one');
  writeFileSync(join(site, 'new.txt'), 'newer');
  git(OLD + 60, 'commit', '-qam', 'two');
  writeFileSync(join(site, 'edited.txt'), 'edited');
  writeFileSync(join(site, 'unknown.txt'), 'unknown');
  return site;
}

t.test('the time of the last commit, of files that are as they were committed', async (t) => {
  const store = await openStore(repository(t), { compression: 'none', mtime: 'git' });
  const times = Array.from(store.resources(), ({ path, lastModified }) => [path, lastModified]);
  t.same(times, [
    ['/edited.txt', undefined],
    ['/new.txt', OLD + 60],
    ['/old é.txt', OLD],
    ['/unknown.txt', undefined],
  ]);
});

t.test('where there is no history it is one sentence', async (t) => {
  const options: OpenOptions = { mtime: 'git' };
  await t.rejects(storeOf(t, { 'a.txt': 'a' }, options), {
    name: 'StoreError',
    message: /no times of commits: .*--mtime file/,
  });
});

t.test('the time of a file, in a bundle, too; one that is to come is none; by default there is none', async (t) => {
  const dir = tree(t, { 'a.html': 'a', 'b.txt': 'b' });
  utimesSync(join(dir, 'a.html'), OLD, OLD + 0.9);
  utimesSync(join(dir, 'b.txt'), OLD, Date.now() / 1000 + 1000);
  const file = join(directory(t), 'bundle');
  await bundleDirectory(dir, file, { compression: 'none', mtime: 'file' });
  const store = await openStore(file);
  t.equal(resource(store, '/a').lastModified, OLD);
  t.equal(fields(identity(resource(store, '/a')).headOk).get('last-modified'), 'Sat, 01 Jan 2000 00:00:00 GMT');
  t.equal(resource(store, '/b.txt').lastModified, undefined, 'RFC 9110 8.8.2.1: never later than the answer');
  const plain = await openStore(dir, { compression: 'none' });
  t.equal(resource(plain, '/a').lastModified, undefined);
  t.notOk(fields(identity(resource(plain, '/a')).headOk).has('last-modified'));
});

t.test('RFC 9110 13.1.3: what was not modified since is 304, as wget -N asks', async (t) => {
  const dir = tree(t, { 'a.html': 'a' });
  utimesSync(join(dir, 'a.html'), OLD, OLD);
  const store = await openStore(dir, { compression: 'none', mtime: 'file' });
  const setup = new Setup({ store: () => store });
  t.equal(setup.get('/a', 'If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT').status, 304);
  t.equal(setup.get('/a', 'If-Modified-Since: Fri, 31 Dec 1999 23:59:59 GMT').status, 200);
});
