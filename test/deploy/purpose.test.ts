/**
 * What a signature is for, and until when: images of another repository, of another branch, by an old or a revoked key.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkPurpose, siteNameOf } from '../../src/deploy/host/purpose.js';
import { type CommitOptions, commitImage } from '../../src/deploy/repository/commit.js';
import { directory } from '../store/tree.js';
import { git, SITE, Stage } from './setup.js';

class Keys {
  readonly folder: string;

  constructor(t: Parameters<typeof directory>[0]) {
    this.folder = directory(t);
  }

  make(name: string): string {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(this.folder, name)]);
    return join(this.folder, name);
  }

  /** The file of allowed signers, with these options for each key. */
  allowed(...signers: [key: string, options: string][]): string {
    const lines = signers.map(([key, more], i) => `ci${i}@example.org ${more} ${readFileSync(`${key}.pub`, 'utf8')}`);
    writeFileSync(join(this.folder, 'allowed'), lines.join(''));
    return join(this.folder, 'allowed');
  }
}

async function commit(stage: Stage, page: string, more: Partial<CommitOptions> = {}): Promise<string> {
  const { folder } = await stage.build({ ...SITE, 'index.html': page });
  const made = await commitImage({ folder, repository: stage.repository, branch: 'main', keep: 10, ...more });
  return made.id;
}

/** Both ways of signing: the image, and the commit. */
const WAYS = [
  ['image', (key: string) => ({ key })],
  ['commit', (key: string) => ({ commitKey: key })],
] as const;

t.test('one site has one name, however its repository is reached', async (t) => {
  for (const url of [
    'git@git.example.org:you/site.git',
    'git.example.org:you/site',
    'ssh://git@git.example.org/you/site.git',
    'ssh://git@git.example.org:2222/you/site.git/',
    'https://git.example.org/you/site',
    'https://user:secret@GIT.example.org/you/site.git',
  ])
    t.equal(siteNameOf(url), 'git.example.org/you/site', url);
  for (const url of ['/srv/site.git', '/srv/site', '/srv/site.git/', 'file:///srv/site.git'])
    t.equal(siteNameOf(url), '/srv/site', url);
  const names = ['a.org:x', 'b.org:x', 'a.org:y', '/x', 'https://[::1]:8/x', 'https://[::2]:8/x'].map(siteNameOf);
  t.equal(new Set(names).size, names.length, 'and no two have the same');
});

t.test('labels without a purpose, of another site, of another branch', async (t) => {
  const labels = { serial: 1, sources: {}, builder: '' };
  const here = { site: 'a', branch: 'main' };
  t.doesNotThrow(() => checkPurpose({ ...labels, ...here }, here));
  t.throws(() => checkPurpose(labels, here), {
    name: 'Refusal',
    message: /does not say what it is for.*commit it again/,
  });
  t.throws(() => checkPurpose({ ...labels, ...here, site: 'b' }, here), { message: /for the site b, .* --name b$/ });
  t.throws(() => checkPurpose({ ...labels, ...here, branch: 'next' }, here), { message: /for the branch next/ });
});

for (const [what, signedBy] of WAYS) {
  t.test(`a signed ${what} of another repository, or of another branch, is refused`, async (t) => {
    const keys = new Keys(t);
    const key = keys.make('ci');
    const ours = Stage.empty(t);
    const first = await commit(ours, 'ours', signedBy(key));
    await ours.initHost({ allowedSigners: keys.allowed([key, '']) });
    t.equal(await ours.poll(), 'good');

    // Signed by the same key, with a higher serial: everything of the other repository is put into ours.
    const theirs = Stage.empty(t);
    for (const page of ['one', 'two', 'theirs']) await commit(theirs, page, signedBy(key));
    git(ours.repository, 'fetch', '--quiet', theirs.repository, 'main');
    git(ours.repository, 'update-ref', 'refs/heads/main', git(ours.repository, 'rev-parse', 'FETCH_HEAD'));
    execFileSync('git', ['-C', ours.host.work, 'fetch', '--quiet', '--depth', '1', 'origin', 'main']);
    execFileSync('git', ['-C', ours.host.work, 'reset', '--quiet', '--hard', 'FETCH_HEAD']);
    t.equal(await ours.poll(), 'refused');
    t.match(await ours.reason('refused'), `it was signed for the site ${siteNameOf(theirs.repository)}, and this host`);
    t.equal(ours.runner.running?.image, first);

    await ours.initHost({ name: siteNameOf(theirs.repository) });
    t.equal(await ours.poll(), 'good', 'unless that is meant');

    await commit(ours, 'next', { ...signedBy(key), branch: 'next', name: siteNameOf(theirs.repository) });
    for (const page of ['later', 'latest'])
      await commit(ours, page, { ...signedBy(key), branch: 'next', name: siteNameOf(theirs.repository) });
    git(ours.repository, 'update-ref', 'refs/heads/main', 'refs/heads/next');
    execFileSync('git', ['-C', ours.host.work, 'fetch', '--quiet', '--depth', '1', 'origin', 'main']);
    execFileSync('git', ['-C', ours.host.work, 'reset', '--quiet', '--hard', 'FETCH_HEAD']);
    t.equal(await ours.poll(), 'refused');
    t.match(await ours.reason('refused'), /it was signed for the branch next, and this host follows main/);
  });

  t.test(`a signed ${what} is taken as long as its key is valid now, whatever date it bears`, async (t) => {
    const keys = new Keys(t);
    const [old, young] = [keys.make('old'), keys.make('young')];
    const stage = Stage.empty(t);
    const date = process.env['GIT_COMMITTER_DATE'];
    // Within the time of the old key, as its thief would say.
    process.env['GIT_COMMITTER_DATE'] = '2020-06-01T00:00:00Z';
    t.teardown(() => {
      if (date === undefined) delete process.env['GIT_COMMITTER_DATE'];
      else process.env['GIT_COMMITTER_DATE'] = date;
    });
    await commit(stage, 'old', signedBy(old));
    await stage.initHost({
      allowedSigners: keys.allowed([old, 'valid-before="20210101"'], [young, 'valid-before="29990101"']),
    });
    t.equal(await stage.poll(), 'refused');
    t.match(await stage.reason('refused'), what === 'commit' ? /its commit's signature is/ : /its signature is/);
    await commit(stage, 'young', signedBy(young));
    t.equal(await stage.poll(), 'good');
    await commit(stage, 'early', signedBy(old));
    await stage.initHost({ allowedSigners: keys.allowed([old, 'valid-after="29980101"'], [young, '']) });
    t.equal(await stage.poll(), 'refused', 'nor is one that is not valid yet');
  });

  t.test(`a signed ${what} of a revoked key is not taken, and not gone back to`, async (t) => {
    const keys = new Keys(t);
    const [lost, kept] = [keys.make('lost'), keys.make('kept')];
    const stage = Stage.empty(t);
    const first = await commit(stage, 'first', signedBy(lost));
    await stage.initHost({
      allowedSigners: keys.allowed([lost, ''], [kept, '']),
      revoked: `${keys.make('stranger')}.pub`,
    });
    t.equal(await stage.poll(), 'good');
    const second = await commit(stage, 'second', signedBy(kept));
    t.equal(await stage.poll(), 'good');

    // Not by initHost, whose clone would not have the history to go back to.
    copyFileSync(`${lost}.pub`, join(stage.host.folder, 'trust', 'revoked_keys'));
    await commit(stage, 'third', signedBy(lost));
    t.equal(await stage.poll(), 'refused');
    t.match(await stage.reason('refused'), /signature is by a key of ci0@example\.org that was revoked/);
    t.equal(stage.runner.running?.image, second);
    await t.rejects(stage.deployer().hold(first), { name: 'Refusal', message: /was revoked/ });

    // As a KRL, and it stays when the signers are said anew.
    execFileSync('ssh-keygen', ['-q', '-k', '-f', join(keys.folder, 'krl'), `${lost}.pub`]);
    await stage.initHost({ revoked: join(keys.folder, 'krl') });
    await stage.initHost({ allowedSigners: keys.allowed([lost, ''], [kept, '']) });
    await commit(stage, 'fourth', signedBy(lost));
    t.equal(await stage.poll(), 'refused');
    t.match(await stage.reason('refused'), /was revoked/);
    await commit(stage, 'fifth', signedBy(kept));
    t.equal(await stage.poll(), 'good');
  });
}

t.test('an image without a purpose, of an earlier version, is committed again with one', async (t) => {
  const keys = new Keys(t);
  const key = keys.make('ci');
  const stage = Stage.empty(t);
  const { folder } = await stage.build(SITE);
  const options = { folder, repository: stage.repository, branch: 'main', keep: 10, key };
  const first = await commitImage({ ...options, name: 'other' });
  const again = await commitImage(options);
  t.match(again, { id: first.id, changed: true, serial: first.serial + 1 });
  t.match(await commitImage(options), { id: first.id, changed: false });
  await stage.initHost({ allowedSigners: keys.allowed([key, '']) });
  t.equal(await stage.poll(), 'good');
});
