/**
 * `deploy init` once more on a host: the tool, the hook and the settings that were named are new, and all else stays.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { initHost } from '../../src/deploy/init.js';
import { directory } from '../store/tree.js';
import { MAIN } from '../wire/server.js';
import { SITE, Stage } from './setup.js';

function signers(t: Parameters<typeof directory>[0]): { key: string; allowed: string } {
  const folder = directory(t);
  const key = join(folder, 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  writeFileSync(join(folder, 'allowed'), `ci@example.org ${readFileSync(`${key}.pub`, 'utf8')}`);
  return { key, allowed: join(folder, 'allowed') };
}

t.test('the tool is renewed by the program of an image; settings, signers, state and what runs stay', async (t) => {
  const { key, allowed } = signers(t);
  const stage = Stage.empty(t);
  await stage.deploy(SITE, key);
  const args = ['--port', '0'];
  const { folder } = await stage.initHost({ allowedSigners: allowed, args, probe: 'off', gate: 7 });
  t.equal(await stage.poll(), 'good');
  const kept = ['host.json', 'state.json', 'journal.jsonl', 'trust/allowed_signers'];
  const before = kept.map((name) => readFileSync(join(folder, name), 'utf8'));
  const running = stage.runner.running!.image;
  writeFileSync(stage.host.tool, 'an old one');
  writeFileSync(join(folder, 'repo', '.git', 'hooks', 'post-merge'), 'an old one');
  const program = join(folder, 'images', running, 'program', 'main.js');
  const { status, stderr, stdout } = spawnSync(process.execPath, [program, 'deploy', 'init', folder], {
    encoding: 'utf8',
  });
  t.same([status, stderr], [0, '']);
  t.ok(stdout.startsWith(`${folder} follows main of ${stage.repository}\n`));
  t.same(
    kept.map((name) => readFileSync(join(folder, name), 'utf8')),
    before,
  );
  t.ok(readFileSync(stage.host.tool).equals(readFileSync(program)));
  t.match(readFileSync(join(folder, 'repo', '.git', 'hooks', 'post-merge'), 'utf8'), /^#!\/bin\/sh\n/);
  t.equal(await stage.poll(), 'unchanged');
  t.equal(stage.runner.running!.image, running);
  await stage.deploy({ 'index.html': 'not signed' });
  t.equal(await stage.poll(), 'refused');
});

t.test('whom to trust changes only when it is said: another file, or --unsigned', async (t) => {
  const { key, allowed } = signers(t);
  const other = signers(t);
  const stage = Stage.empty(t);
  await stage.deploy(SITE, key);
  const { folder } = await stage.initHost({ allowedSigners: allowed });
  const renewed = async (options: object) => {
    stage.host = (await initHost({ folder, ...options })).host;
    return stage.host.config;
  };
  t.match(await renewed({ allowedSigners: other.allowed }), { allowedSigners: true, minisign: false });
  t.equal(readFileSync(join(folder, 'trust', 'allowed_signers'), 'utf8'), readFileSync(other.allowed, 'utf8'));
  t.match(await renewed({ gate: 9 }), { allowedSigners: true, gate: 9 });
  t.match(await renewed({ unsigned: true }), { allowedSigners: false, gate: 9 });
  t.notOk(existsSync(join(folder, 'trust', 'allowed_signers')));
});

t.test('one that fails changes neither the settings nor whom to trust', async (t) => {
  const { key, allowed } = signers(t);
  const stage = Stage.empty(t);
  await stage.deploy(SITE, key);
  const { folder } = await stage.initHost({ allowedSigners: allowed });
  const before = readFileSync(join(folder, 'host.json'), 'utf8');
  await t.rejects(initHost({ folder, branch: 'nowhere', unsigned: true }), {
    message: `${stage.repository} has no branch nowhere; commit an image to it first, with "deploy commit", or name another --branch`,
  });
  await t.rejects(initHost({ folder, allowedSigners: key }), {
    message: `${key} is a secret key; a host is given public ones`,
  });
  t.equal(readFileSync(join(folder, 'host.json'), 'utf8'), before);
  t.equal(readFileSync(join(folder, 'trust', 'allowed_signers'), 'utf8'), readFileSync(allowed, 'utf8'));
  t.equal(await stage.poll(), 'good');
});

t.test('the first time it needs a repository, and one with an image; then the same command works', async (t) => {
  const stage = Stage.empty(t);
  const folder = join(dirname(stage.repository), 'host');
  const init = (...words: string[]) =>
    spawnSync(process.execPath, [MAIN, 'deploy', 'init', folder, ...words], { encoding: 'utf8' });
  t.match(init(), {
    status: 1,
    stderr: `sitekernel: ${folder} is not the folder of a host yet; --repo says which repository it shall follow\n`,
  });
  t.notOk(existsSync(folder), 'nothing is made for a mistake');
  t.match(init('--repo', stage.repository), {
    status: 1,
    stderr: /^sitekernel: \/.* has no branch main; commit an image to it first.*\n$/,
  });
  t.match(init('--repo', `${stage.repository}.not`), {
    status: 1,
    stderr: /^sitekernel: git clone: repository '\/.*' does not exist\n$|does not appear/,
  });
  t.match(init('--unsigned', '--minisign', 'x', '--repo', stage.repository), { status: 2, stderr: /give one of them/ });
  await stage.deploy(SITE);
  t.match(init('--repo', stage.repository), { status: 0, stderr: '' });
});

t.test('what stands behind "--" is judged when it is said, not when an image is to start with it', async (t) => {
  const stage = await Stage.open(t);
  const before = readFileSync(join(stage.host.folder, 'host.json'), 'utf8');
  const init = (...words: string[]) =>
    spawnSync(process.execPath, [MAIN, 'deploy', 'init', stage.host.folder, '--', ...words], { encoding: 'utf8' });
  for (const [words, said] of [
    [['--nonsense'], /^sitekernel: unknown option '--nonsense'; .*\n$/],
    [['--tap', 'tap0'], /^sitekernel: .*--tap.*\n$/],
    [['a-site'], /^sitekernel: behind "--" stand options of a server.*\n$/],
    [['--workers', '2'], /^sitekernel: --workers is not for a supervised program.*\n$/],
  ] as const)
    t.match(init(...words), { status: 2, stderr: said }, words.join(' '));
  t.equal(readFileSync(join(stage.host.folder, 'host.json'), 'utf8'), before);
  t.match(init('--port', '8081'), { status: 0, stderr: '' });
  t.same(JSON.parse(readFileSync(join(stage.host.folder, 'host.json'), 'utf8')).args, ['--port', '8081']);

  const { folder } = await stage.build(SITE, { target: 'direct', network: {} });
  await stage.commit(folder);
  t.match(init('--record', 'x'), { status: 2, stderr: /what it takes over from another cannot be played again/ });
  t.match(init('--tap', 'tap7', '--bridge', 'br7'), { status: 0, stderr: '' });
});

t.test('a deploy init that fails leaves nothing; what was in the folder stays', async (t) => {
  const stage = await Stage.open(t);
  const root = dirname(stage.repository);
  const fresh = join(root, 'fresh');
  await t.rejects(stage.initHost({ folder: fresh, branch: 'nowhere' }), { message: /no branch nowhere/ });
  t.notOk(existsSync(fresh));
  const there = join(root, 'there');
  mkdirSync(join(there, 'cache'), { recursive: true });
  await t.rejects(stage.initHost({ folder: there, repository: join(root, 'none.git') }));
  t.same(readdirSync(there), ['cache']);
  const before = readdirSync(stage.host.folder).sort();
  await t.rejects(stage.initHost({ branch: 'nowhere' }));
  t.same(readdirSync(stage.host.folder).sort(), before, 'a host that is there goes on as it was');
  const service = readFileSync(join(stage.host.folder, 'systemd', 'sitekernel.service'), 'utf8');
  t.match(service, /^ExecReload=.* deploy poll /m);
  const { uid, username } = userInfo();
  if (uid === 0) t.notMatch(service, /^User=/m);
  else t.match(service, new RegExp(`^User=${username}$`, 'm'));
});
