/** Git's own signed commits: a host that knows the signers takes what they committed. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { commitImage } from '../../src/deploy/repository/commit.js';
import { directory } from '../store/tree.js';
import { git, SITE, Stage } from './setup.js';

interface Keys {
  readonly ours: string;
  readonly stranger: string;
  /** In the form of ssh-keygen(1), "ALLOWED SIGNERS"; `more` are options of the one who is allowed. */
  allowed(more?: string): string;
}

function makeKeys(t: Parameters<typeof directory>[0]): Keys {
  const folder = directory(t);
  const key = (name: string): string => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
    return join(folder, name);
  };
  const ours = key('ours');
  const allowed = (more = ''): string => {
    writeFileSync(join(folder, 'allowed'), `ci@example.org ${more} ${readFileSync(`${ours}.pub`, 'utf8')}`);
    return join(folder, 'allowed');
  };
  return { ours, stranger: key('stranger'), allowed };
}

async function commit(stage: Stage, page: string, commitKey?: string | true): Promise<string> {
  const { folder } = await stage.build({ ...SITE, 'index.html': page });
  const made = await commitImage({ folder, repository: stage.repository, branch: 'main', keep: 10, commitKey });
  return made.id;
}

t.test(
  'a commit by an allowed signer is taken; unsigned, by a stranger, or changed after it was signed, it is not',
  async (t) => {
    const keys = makeKeys(t);
    const stage = Stage.empty(t);
    const first = await commit(stage, 'first', keys.ours);
    await stage.initHost({ allowedSigners: keys.allowed() });
    t.equal(await stage.poll(), 'good');
    t.equal(await stage.signer(), 'ci@example.org, who signed the commit');

    await commit(stage, 'unsigned');
    t.equal(await stage.poll(), 'refused');
    t.match(await stage.reason('refused'), 'it is not signed, and this host takes signed images only');

    await commit(stage, 'stranger', keys.stranger);
    t.equal(await stage.poll(), 'refused');
    t.match(await stage.reason('refused'), "its commit's signature is by none of the allowed signers");

    // The signature of one commit on another.
    await commit(stage, 'changed', keys.ours);
    const text = execFileSync('git', ['-C', stage.repository, 'cat-file', 'commit', 'main'], { encoding: 'utf8' });
    const forged = execFileSync('git', ['-C', stage.repository, 'hash-object', '-t', 'commit', '-w', '--stdin'], {
      input: text.replace('Image ', 'Forgery '),
      encoding: 'utf8',
    }).trim();
    git(stage.repository, 'update-ref', 'refs/heads/main', forged);
    t.equal(await stage.poll(), 'refused');
    t.match(await stage.reason('refused'), "its commit's signature is wrong");
    t.equal(stage.runner.running?.image, first);

    await commit(stage, 'right again', keys.ours);
    t.equal(await stage.poll(), 'good');
  },
);

t.test('a rollback goes to what an allowed signer signed, now or when it was taken, and to nothing else', async (t) => {
  const keys = makeKeys(t);
  const stage = Stage.empty(t);
  const unsigned = await commit(stage, 'unsigned');
  await stage.initHost();
  t.equal(await stage.poll(), 'good');
  const first = await commit(stage, 'first', keys.ours);
  await stage.initHost({ allowedSigners: keys.allowed() });
  t.equal(await stage.poll(), 'good');
  const never = await commit(stage, 'stranger', keys.stranger);
  t.equal(await stage.poll(), 'refused');
  const skipped = await commit(stage, 'not pulled', keys.ours);
  const last = await commit(stage, 'last', keys.ours);
  t.equal(await stage.poll(), 'good');

  git(stage.host.work, 'fetch', '--quiet', '--unshallow');
  await t.rejects(stage.deployer().hold(unsigned), {
    message: `the image ${unsigned.slice(0, 12)}: it is not signed, and this host takes signed images only`,
  });
  await t.rejects(stage.deployer().hold(never), /its commit's signature is by none of the allowed signers/);
  t.equal(stage.runner.running?.image, last);
  t.equal((await stage.state()).held, undefined, 'and nothing has changed');

  t.equal(await stage.deployer().hold(first), 'held');
  t.equal(await stage.deployer().hold(skipped), 'held', 'signed, though it was never taken');
  t.equal(await stage.signer(), 'ci@example.org, who signed the commit');

  // The key is retired: what it signed is not taken any more, but this host had believed it when it took these.
  writeFileSync(
    join(keys.allowed(), '..', 'allowed'),
    `new@example.org ${readFileSync(`${keys.stranger}.pub`, 'utf8')}`,
  );
  t.equal(await stage.deployer().hold(last), 'held');
  t.equal(stage.runner.running?.image, last);
  await t.rejects(stage.deployer().hold(unsigned), /it is not signed/);
});

t.test('a signer who may sign images only is none of commits, and the other way round', async (t) => {
  const keys = makeKeys(t);
  const stage = Stage.empty(t);
  await commit(stage, 'first', keys.ours);
  await stage.initHost({ allowedSigners: keys.allowed('namespaces="sitekernel"') });
  t.equal(await stage.poll(), 'refused');
  t.match(await stage.reason('refused'), /its commit's signature is/);
  await stage.initHost({ allowedSigners: keys.allowed('namespaces="git"') });
  await stage.deploy({ 'index.html': 'an image that is signed' }, keys.ours);
  t.equal(await stage.poll(), 'refused');
  await commit(stage, 'a commit that is signed', keys.ours);
  t.equal(await stage.poll(), 'good');
});

t.test('an image whose signature is wrong is taken when its commit is signed: that covers all of it', async (t) => {
  const keys = makeKeys(t);
  const stage = Stage.empty(t);
  const { folder } = await stage.build(SITE);
  const both = { key: keys.stranger, commitKey: keys.ours };
  await commitImage({ folder, repository: stage.repository, branch: 'main', keep: 10, ...both });
  await stage.initHost({ allowedSigners: keys.allowed() });
  t.equal(await stage.poll(), 'good');
});

t.test('a host with a key of minisign only does not judge commits', async (t) => {
  const keys = makeKeys(t);
  const mini = directory(t);
  execFileSync('minisign', ['-G', '-W', '-f', '-p', join(mini, 'pub'), '-s', join(mini, 'key')], { stdio: 'ignore' });
  const stage = Stage.empty(t);
  await commit(stage, 'first', keys.ours);
  await stage.initHost({ minisign: join(mini, 'pub') });
  t.equal(await stage.poll(), 'refused');
  t.match(await stage.reason('refused'), /has a key of minisign only/);
});

t.test('who has told git to sign every commit need not say it again', async (t) => {
  const keys = makeKeys(t);
  const config = join(directory(t), 'gitconfig');
  writeFileSync(config, `[gpg]\n format = ssh\n[user]\n signingKey = ${keys.ours}\n[commit]\n gpgSign = true\n`);
  const before = process.env['GIT_CONFIG_GLOBAL'];
  process.env['GIT_CONFIG_GLOBAL'] = config;
  t.teardown(() => {
    if (before === undefined) delete process.env['GIT_CONFIG_GLOBAL'];
    else process.env['GIT_CONFIG_GLOBAL'] = before;
  });
  const stage = Stage.empty(t);
  await commit(stage, 'first');
  await stage.initHost({ allowedSigners: keys.allowed() });
  t.equal(await stage.poll(), 'good');
  writeFileSync(config, `[gpg]\n format = ssh\n[user]\n signingKey = ${keys.ours}\n`);
  await commit(stage, 'second', true);
  t.equal(await stage.poll(), 'good', '--sign-commit without a key');
});

t.test('a key that is not there is said', async (t) => {
  const stage = Stage.empty(t);
  await t.rejects(commit(stage, 'x', '/nowhere/key'), { message: 'the key /nowhere/key cannot be read' });
});
