/**
 * Repositories and settings of git that are not ours: what is checked out, hash functions, a user's configuration, odd
 * commits.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { pull } from '../../src/deploy/poll.js';
import { commitImage } from '../../src/deploy/repository/commit.js';
import { directory } from '../store/tree.js';
import { MAIN } from '../wire/server.js';
import { git, SITE, Stage } from './setup.js';

/** Sets variables for the programs that this one starts, until the test ends. */
function environment(t: { teardown(fn: () => void): void }, values: Readonly<Record<string, string>>): void {
  const before = Object.keys(values).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, values);
  t.teardown(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
}

t.test('a poll brings the tip of the branch, whatever is checked out in the clone', async (t) => {
  for (const words of [
    ['checkout', '--quiet', '--detach'],
    ['checkout', '--quiet', '-b', 'look', '--track', 'origin/main'],
  ]) {
    const stage = await Stage.served(t);
    git(stage.host.work, ...words);
    const { id, commit } = await stage.deploy({ 'index.html': words.join(' ') });
    t.equal(await stage.poll(), 'good', words.join(' '));
    t.equal(stage.runner.running?.image, id);
    t.equal(git(stage.host.work, 'rev-parse', 'refs/heads/main'), commit);
    t.notOk((await stage.steps()).includes('cancelled'));
    t.equal(await stage.poll(), 'unchanged');
  }
});

t.test('commits in a row do not keep every image from its verdict', async (t) => {
  const stage = await Stage.served(t);
  let number = 0;
  const another = async (): Promise<void> => {
    await stage.deploy({ 'index.html': `number ${number++}` });
    await pull(stage.host, stage.journal);
  };
  await another();
  let rounds = 0;
  stage.gates.selfTest = async (_image, _args, abort) => {
    await another();
    if (abort === undefined || ++rounds === 8) return undefined;
    // The watch looks several times a second, and does not keep the process.
    const alive = setInterval(() => undefined, 1000);
    if (!abort.aborted) await new Promise((resolve) => abort.addEventListener('abort', resolve));
    clearInterval(alive);
    return 'it was cut off';
  };
  t.equal(await stage.deployer().apply(), 'good');
  t.equal((await stage.steps()).filter((step) => step === 'cancelled').length, 7);
});

t.test('a repository of SHA-256 takes images, by path and by URL, the first one and later ones', async (t) => {
  const stage = Stage.empty(t);
  const images = [await stage.build(SITE), await stage.build({ 'index.html': 'second' })];
  const root = directory(t);
  for (const format of ['sha256', 'sha1']) {
    // What the machine would choose by itself must not matter.
    environment(t, { GIT_DEFAULT_HASH: format === 'sha1' ? 'sha256' : 'sha1' });
    for (const how of ['path', 'url']) {
      const bare = join(root, `${format}-${how}.git`);
      execFileSync('git', ['init', '--quiet', '--bare', `--object-format=${format}`, '--initial-branch=main', bare]);
      execFileSync('git', ['-C', bare, 'config', 'uploadpack.allowFilter', 'true']);
      const repository = how === 'path' ? bare : pathToFileURL(bare).href;
      for (const { folder, id } of images) {
        const made = await commitImage({ folder, repository, branch: 'main', keep: 10 });
        t.match(made, { id, changed: true }, `${format} ${how}`);
        t.equal(made.commit.length, format === 'sha256' ? 64 : 40);
      }
    }
  }
});

t.test('the settings of a user and of a machine do not change what is committed, cloned and pulled', async (t) => {
  const root = directory(t);
  const bad = join(root, 'hooks');
  mkdirSync(bad);
  const ran = join(root, 'ran');
  for (const hook of ['post-merge', 'pre-push', 'post-checkout', 'pre-commit', 'post-commit'])
    writeFileSync(join(bad, hook), `#!/bin/sh\necho ${hook} >> ${ran}\nexit 1\n`, { mode: 0o755 });
  const settings = `
[core]
	hooksPath = ${bad}
	fsmonitor = true
	autocrlf = true
	splitIndex = true
[init]
	templateDir = ${root}
	defaultBranch = elsewhere
[clone]
	defaultRemoteName = upstream
	rejectShallow = true
[safe]
	bareRepository = explicit
[color]
	ui = always
[log]
	showSignature = true
[push]
	gpgSign = true
	followTags = true
[transfer]
	fsckObjects = true
[pull]
	rebase = true
[submodule]
	recurse = true
[fetch]
	prune = true
`;
  writeFileSync(join(root, 'gitconfig'), settings);
  const stage = Stage.empty(t);
  environment(t, { GIT_CONFIG_GLOBAL: join(root, 'gitconfig') });
  await stage.deploy(SITE);
  await stage.initHost();
  t.equal(await stage.poll(), 'good');
  const { id } = await stage.deploy({ 'index.html': 'second' });
  t.equal(await stage.poll(), 'good');
  t.equal(stage.runner.running?.image, id);
  t.notOk(existsSync(ran), 'none of the user’s hooks ran');
  t.ok(existsSync(join(stage.host.gitDir, 'hooks', 'post-merge')));
  const hooks = execFileSync('git', ['-C', stage.host.work, 'config', 'core.hooksPath'], { encoding: 'utf8' }).trim();
  t.equal(hooks, join(stage.host.gitDir, 'hooks'), 'a pull by hand runs ours');
});

t.test('a commit that git’s fsck refuses does not keep a host from later ones', async (t) => {
  const stage = await Stage.served(t);
  environment(t, { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'transfer.fsckObjects', GIT_CONFIG_VALUE_0: 'true' });
  const tip = git(stage.repository, 'rev-parse', 'main');
  const tree = git(stage.repository, 'rev-parse', 'main^{tree}');
  const odd = `tree ${tree}\nparent ${tip}\nauthor x <x@x> 0000001 +0000\ncommitter x <x@x> 0000001 +0000\n\nodd\n`;
  const words = ['-C', stage.repository, 'hash-object', '-t', 'commit', '-w', '--literally', '--stdin'];
  const commit = execFileSync('git', words, { input: odd, encoding: 'utf8' }).trim();
  t.throws(() => execFileSync('git', ['-C', stage.repository, 'fsck', '--strict', commit], { stdio: 'pipe' }));
  git(stage.repository, 'update-ref', 'refs/heads/main', commit);
  const { id } = await stage.deploy({ 'index.html': 'after the odd one' });
  t.equal(await stage.poll(), 'good');
  t.equal(stage.runner.running?.image, id);
});

t.test('eight commits at once all get onto the branch', async (t) => {
  const stage = await Stage.served(t);
  const images = [];
  for (let i = 0; i < 8; i++) images.push(await stage.build({ 'index.html': `one of eight: ${i}` }));
  const made = await Promise.all(images.map(({ folder }) => stage.commit(folder)));
  t.equal(new Set(made.map(({ serial }) => serial)).size, 8, 'each has a serial of its own');
  t.equal(git(stage.repository, 'rev-list', '--count', 'main'), '9');
});

t.test('a name that git leaves out of a tree is refused by its name', async (t) => {
  for (const path of ['git~1', 'sub/.git/config']) {
    const stage = await Stage.served(t);
    const choices = { compression: 'none', hidden: true, spa: false } as const;
    const { folder } = await stage.build({ ...SITE, [path]: 'x' }, { choices });
    const before = git(stage.repository, 'rev-parse', 'main');
    await t.rejects(stage.commit(folder), { message: new RegExp(`"${path.replace('.', '\\.')}".*rename it`) });
    t.equal(git(stage.repository, 'rev-parse', 'main'), before);
  }
});

t.test('a repository whose name begins with a dash is a repository', async (t) => {
  const stage = Stage.empty(t);
  const { folder } = await stage.build(SITE);
  const bare = join(directory(t), '-x.git');
  execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', '--', bare]);
  const before = process.cwd();
  process.chdir(dirname(bare));
  try {
    t.ok((await commitImage({ folder, repository: '-x.git', branch: 'main', keep: 10 })).changed);
  } finally {
    process.chdir(before);
  }
});

t.test('a site that hosts would refuse is refused by image build', async (t) => {
  const root = t.testdir({ site: { 'index.html': 'home', 'tab\t.html': 'x' }, good: { 'index.html': 'home' } });
  const build = (site: string) => {
    const words = [
      'image',
      'build',
      join(root, site),
      '--target',
      'socket',
      '--port',
      '18080',
      '-o',
      join(root, 'images'),
    ];
    return spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8' });
  };
  const refused = build('site');
  t.equal(refused.status, 1);
  t.match(refused.stderr, /tab.*\.html has a name that no request/);
  t.equal(refused.stdout, '');
  t.same(
    readdirSync(root).filter((name) => name === 'images'),
    [],
    'nothing was made',
  );
  t.equal(build('good').status, 0);
});
