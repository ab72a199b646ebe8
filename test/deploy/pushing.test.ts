/**
 * Commits of the deployment repository, of images and of certificates, by one rule: as git says, tried again when
 * others were first, and only then.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { GitError } from '../../src/deploy/git/git.js';
import { commitImage } from '../../src/deploy/repository/commit.js';
import { type CertificateCommit, commitCertificate } from '../../src/deploy/repository/commit-certificate.js';
import { directory } from '../store/tree.js';
import { git, SITE, Stage } from './setup.js';

t.setTimeout(300_000);

function certificate(stage: Stage, name: string, more: Partial<CertificateCommit> = {}): Promise<boolean> {
  const { repository } = stage;
  const one = { name, fingerprint: 'ab', recipients: ['age1x'], sealed: async () => 'sealed', key: undefined };
  return commitCertificate({ ...one, repository, branch: 'main', ...more });
}

/** Each kind of commit by its name. */
const KINDS: readonly [string, (stage: Stage, commitKey?: string) => Promise<unknown>][] = [
  ['a certificate', (stage, commitKey) => certificate(stage, 'example.org', { commitKey })],
  [
    'an image',
    async (stage, commitKey) => {
      const { folder } = await stage.build({ ...SITE, 'index.html': 'another' });
      return commitImage({ folder, repository: stage.repository, branch: 'main', keep: 10, commitKey });
    },
  ],
];

/** Git's configuration of a user, for this process. */
function configure(t: Test, text: string): void {
  const file = join(directory(t), 'gitconfig');
  writeFileSync(file, text);
  const before = process.env['GIT_CONFIG_GLOBAL'];
  process.env['GIT_CONFIG_GLOBAL'] = file;
  t.teardown(() => {
    if (before === undefined) delete process.env['GIT_CONFIG_GLOBAL'];
    else process.env['GIT_CONFIG_GLOBAL'] = before;
  });
}

function newKey(t: Test): string {
  const key = join(directory(t), 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  return key;
}

const signed = (stage: Stage): boolean => /^gpgsig /m.test(git(stage.repository, 'cat-file', 'commit', 'main'));
const who = (stage: Stage): string => git(stage.repository, 'log', '-1', '--format=%an <%ae>, %cn <%ce>', 'main');

for (const [kind, commit] of KINDS) {
  t.test(`${kind}: by whom git says, else by this program; signed where git or the command says so`, async (t) => {
    const stage = Stage.empty(t);
    await stage.deploy(SITE);
    const key = newKey(t);
    configure(t, '');
    await commit(stage);
    t.equal(who(stage), 'sitekernel <sitekernel@localhost>, sitekernel <sitekernel@localhost>');
    t.notOk(signed(stage));
    const person = '[user]\n name = A Person\n email = a@example.org\n';
    const again = Stage.empty(t);
    await again.deploy(SITE);
    configure(t, `${person} signingKey = ${key}\n[gpg]\n format = ssh\n[commit]\n gpgSign = true\n`);
    await commit(again);
    t.equal(who(again), 'A Person <a@example.org>, A Person <a@example.org>');
    t.ok(signed(again));
    const third = Stage.empty(t);
    await third.deploy(SITE);
    configure(t, person);
    await t.rejects(commit(third, '/nowhere/key'), { message: 'the key /nowhere/key cannot be read' });
    await commit(third, key);
    t.ok(signed(third), 'with the key of the command line');
  });

  t.test(`${kind}: a push that is refused is a failure at once, with what the repository says`, async (t) => {
    const stage = Stage.empty(t);
    await stage.deploy(SITE);
    const asked = join(directory(t), 'asked');
    const hook = join(stage.repository, 'hooks', 'pre-receive');
    writeFileSync(hook, `#!/bin/sh\necho one >> ${asked}\necho 'not on a Friday' >&2\nexit 1\n`, { mode: 0o755 });
    const error = await commit(stage).then(
      () => undefined,
      (one: unknown) => one,
    );
    t.type(error, GitError);
    t.match(error, { command: 'push', message: /not on a Friday/ });
    t.equal(readFileSync(asked, 'utf8'), 'one\n');
  });
}

t.test('certificates and images that are pushed at the same time all get in', async (t) => {
  const stage = Stage.empty(t);
  await stage.deploy(SITE);
  const names = ['a', 'b', 'c', 'd', 'e'].map((one) => `${one}.example.org`);
  const all = await Promise.all([...names.map((name) => certificate(stage, name)), KINDS[1]![1](stage)]);
  t.equal(all.length, 6);
  const files = git(stage.repository, 'ls-tree', '-r', '--name-only', 'main').split('\n');
  for (const name of names) t.ok(files.includes(`certificates/${name}.age`), name);
  t.equal(git(stage.repository, 'cat-file', 'blob', 'main:site/index.html'), 'another');
  t.equal(git(stage.repository, 'rev-list', '--count', 'main'), '7');
});

t.test(
  'a host that takes signed commits takes a certificate, and then an image, that are signed by that',
  async (t) => {
    const stage = Stage.empty(t);
    const key = newKey(t);
    const allowed = join(directory(t), 'allowed');
    writeFileSync(allowed, `ci@example.org namespaces="git" ${readFileSync(`${key}.pub`, 'utf8')}`);
    configure(t, `[user]\n signingKey = ${key}\n[gpg]\n format = ssh\n[commit]\n gpgSign = true\n`);
    await stage.deploy(SITE);
    const file = process.env['GIT_CONFIG_GLOBAL'];
    process.env['GIT_CONFIG_GLOBAL'] = '/dev/null';
    await certificate(stage, 'example.net');
    process.env['GIT_CONFIG_GLOBAL'] = file;
    await stage.initHost({ allowedSigners: allowed });
    t.equal(await stage.poll(), 'refused', 'for want of a signature of the last commit');
    await certificate(stage, 'example.org');
    t.equal(await stage.poll(), 'good', 'the tip is that of the certificate');
    // It is for nobody here; that, and not its signature, is what is said of it.
    t.match(await stage.reason('note'), /the certificate example\.org is not taken: (?!.*signed)/);
    t.ok(existsSync(stage.host.gitDir));
  },
);
