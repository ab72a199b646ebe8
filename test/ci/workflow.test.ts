import { execFileSync, spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { siteNameOf } from '../../src/deploy/host/purpose.js';
import { git, Stage } from '../deploy/setup.js';
import { directory } from '../store/tree.js';
import { type Run, readWorkflow, type Step } from './workflow.js';

t.setTimeout(180_000);

const FILE = resolve('.github', 'workflows', 'ci.yml');
const NOTHING = { vars: {}, secrets: {} };
/** What whoever runs the tests has done already. */
const DONE = new Set(['npm ci --ignore-scripts', 'npm run -s build']);
/** What a job on GitHub has beside the checkout. */
const ACTIONS = new Set(['actions/checkout', 'actions/upload-artifact', 'actions/download-artifact']);
/** An action by the hash of its commit, which stays what it is; a tag can be moved. */
const PINNED = /^([\w-]+\/[\w-]+)@[0-9a-f]{40}$/;

t.test('each step is an action that we know, or a script that runs here too', (t) => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const runs = readWorkflow(FILE, NOTHING);
  t.ok(runs.length >= 9);
  for (const { job, needs, steps } of runs) {
    for (const other of needs)
      t.ok(
        runs.some((one) => one.job === other),
        `${job} needs ${other}`,
      );
    for (const { uses, run } of steps) {
      if (uses !== undefined)
        t.ok(ACTIONS.has(PINNED.exec(uses)?.[1] ?? ''), `${job}: ${uses} is one of ours, by hash`);
      else if (run === undefined) t.fail(`a step of ${job} does nothing`);
      else {
        const [command, ...words] = run.split(' ');
        const script =
          command === 'npm' && words[0] === 'run'
            ? words.find((word) => /^[a-z]/.test(word) && word !== 'run')
            : undefined;
        if (script !== undefined) t.ok(scripts[script], `${job}: ${run}`);
        else if (command!.includes('/')) t.doesNotThrow(() => accessSync(command!, constants.X_OK), `${job}: ${run}`);
        else
          t.match(
            run,
            /^(npm ci --ignore-scripts|npm publish --provenance --access public --ignore-scripts|chmod \+x images\/\*\/run\*|diff hashes\/\S+ hashes\/\S+)$/,
            `${job}: ${run}`,
          );
      }
    }
  }
  t.end();
});

t.test('the targets are those of the seed: socket; DHCP; static with address, gateway and netmask', (t) => {
  const images = readWorkflow(FILE, NOTHING).filter(({ job }) => job === 'images');
  t.same(
    images.map(({ steps, env }) => [steps.find(({ run }) => run?.includes('configure'))?.run, env]),
    [
      ['scripts/configure.sh socket', { ADDR: '', GWS: '', MASK: '' }],
      ['scripts/configure.sh direct', { ADDR: '', GWS: '', MASK: '' }],
      ['scripts/configure.sh static', { ADDR: '46.43.42.137', GWS: '46.43.42.129', MASK: '255.255.255.128' }],
    ],
  );
  t.end();
});

/** A machine of CI: a checkout of its own, and where artifacts are kept. */
class Ci {
  readonly folder: string;
  private readonly artifacts: string;
  private readonly commit = 'c0ffee0000000000000000000000000000000000';
  private readonly path: string;
  private checkouts = 0;

  constructor(t: Parameters<typeof directory>[0], path: string) {
    this.folder = directory(t);
    this.artifacts = join(this.folder, 'artifacts');
    this.path = path;
    mkdirSync(this.artifacts);
  }

  /** Every step in its order; answers what was written. Throws with what was said when one fails. */
  run({ job, env, steps }: Run): string {
    const checkout = join(this.folder, `checkout-${this.checkouts++}`);
    let said = '';
    for (const step of steps) {
      if (step.uses !== undefined) this.action(step, checkout);
      else if (!DONE.has(step.run!)) {
        const { HOME, SSH_AUTH_SOCK: _, ...rest } = process.env;
        const own = { ...env, ...step.env, HOME: this.folder, PATH: this.path, GITHUB_SHA: this.commit, BUILT: '1' };
        const { status, stdout, stderr } = spawnSync('bash', ['-e', '-c', step.run!], {
          cwd: checkout,
          env: { ...rest, ...own, XDG_CACHE_HOME: join(HOME ?? '/root', '.cache') },
          encoding: 'utf8',
        });
        said += stdout + stderr;
        if (status !== 0) throw new Error(`${job}: ${step.run} ended with ${status}: ${stdout}\n${stderr}`);
      }
    }
    return said;
  }

  private action({ uses, with: options = {} }: Step, checkout: string): void {
    if (uses!.startsWith('actions/checkout')) {
      mkdirSync(join(checkout, 'site'), { recursive: true });
      for (const name of ['scripts', 'package.json', 'site/_site'])
        cpSync(resolve(name), join(checkout, name), { recursive: true });
      for (const name of ['dist', 'node_modules']) symlinkSync(resolve(name), join(checkout, name));
    } else if (uses!.startsWith('actions/upload-artifact')) {
      const kept = join(this.artifacts, String(options['name']));
      const hidden = options['include-hidden-files'] === true;
      cpSync(join(checkout, String(options['path'])), kept, {
        recursive: true,
        filter: (path) => hidden || !/\/\.[^/]*$/.test(path),
      });
      // An archive of files, without their modes.
      for (const entry of readdirSync(kept, { recursive: true, withFileTypes: true }))
        if (entry.isFile()) chmodSync(join(entry.parentPath ?? entry.path, entry.name), 0o644);
    } else {
      if (options['merge-multiple'] !== true) throw new Error('each artifact would be in a folder of its own');
      for (const name of readdirSync(this.artifacts))
        cpSync(join(this.artifacts, name), join(checkout, String(options['path'])), { recursive: true });
    }
  }
}

t.test(
  'the images of every target are built, and committed with a deploy key, signed; a host takes them',
  async (t) => {
    const stage = Stage.empty(t);
    const keys = directory(t);
    for (const name of ['deploy', 'sign'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(keys, name)]);
    const key = (name: string): string => readFileSync(join(keys, name), 'utf8').trim();
    // In place of ssh: looks at the key that it is given, and is the machine that it leads to.
    const bin = directory(t);
    const used = join(keys, 'used');
    writeFileSync(
      join(bin, 'ssh'),
      `#!/bin/sh
key=; while [ $# -gt 2 ]; do [ "$1" != -i ] || key=$2; shift; done
stat -c %a "$key" >> '${used}'; cat "$key" >> '${used}'
[ "$1" = git@deploy.example.org ] || exit 9
eval "exec $2"
`,
    );
    chmodSync(join(bin, 'ssh'), 0o755);

    const ci = new Ci(t, `${bin}:${process.env['PATH']}`);
    const settings = {
      vars: { DEPLOY_REPOSITORY: `git@deploy.example.org:${stage.repository}` },
      secrets: { DEPLOY_KEY: key('deploy'), SIGN_KEY: key('sign') },
    };
    const runs = readWorkflow(FILE, settings);
    for (const one of runs.filter(({ job }) => job === 'images')) t.match(ci.run(one), /self-test passed/);
    const deploy = runs.find(({ job }) => job === 'deploy')!;
    const said = ci.run(deploy);
    for (const target of ['socket', 'direct', 'static']) {
      t.match(said, new RegExp(`, serial 1: committed to ${target} as `));
      const id = git(stage.repository, 'show', `${target}:latest`);
      const manifest = JSON.parse(git(stage.repository, 'show', `${target}:images/${id}/manifest.json`)) as {
        target: string;
        network: object;
      };
      t.equal(manifest.target, target);
      if (target === 'static') t.same(manifest.network, { ipv4: '46.43.42.137/25', 'ipv4-gateway': '46.43.42.129' });
      const labels = JSON.parse(git(stage.repository, 'show', `${target}:images/${id}/labels.json`)) as {
        sources: object;
      };
      t.same(labels.sources, { site: `c0ffee${'0'.repeat(34)}`, sitekernel: `c0ffee${'0'.repeat(34)}` });
    }
    t.match(readFileSync(used, 'utf8'), /^600\n-----BEGIN OPENSSH PRIVATE KEY-----/);
    t.ok(readFileSync(used, 'utf8').includes(key('deploy')), 'the deploy key is what ssh is given');
    t.same(
      readdirSync(ci.folder).sort(),
      ['artifacts', 'checkout-0', 'checkout-1', 'checkout-2', 'checkout-3'],
      'no key is left',
    );

    const allowed = join(keys, 'allowed');
    writeFileSync(allowed, `ci@example.org namespaces="sitekernel" ${readFileSync(join(keys, 'sign.pub'), 'utf8')}`);
    // The host reaches it by its path, and it is the same site.
    const name = siteNameOf(settings.vars.DEPLOY_REPOSITORY);
    await stage.initHost({ allowedSigners: allowed, branch: 'socket', name });
    t.equal(await stage.poll(), 'good');
    t.equal(await stage.signer(), 'ci@example.org');
    t.ok(statSync(join(stage.host.images, stage.runner.running!.image, 'run')).mode & 0o100);

    // The same once more: what is there already is not committed again.
    t.match(ci.run(deploy), /the branch static has it already; nothing was done/);
  },
);

t.test('without a repository the script that commits says what is missing', (t) => {
  const without = (words: string[], env: object): { status: number | null; stderr: string } =>
    spawnSync('scripts/commit-images.sh', words, {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], ...env } as NodeJS.ProcessEnv,
    });
  t.match(without(['images/x'], {}).stderr, /DEPLOY_REPOSITORY: the URL of the deployment repository/);
  t.equal(without([], { DEPLOY_REPOSITORY: '/srv' }).status, 2);
  const { status, stderr } = without(['/nowhere'], { DEPLOY_REPOSITORY: '/srv' });
  t.equal(status, 1);
  t.match(stderr, /^sitekernel: there is no \/nowhere\/manifest\.json; name the folder of an image/);
  t.notOk(existsSync('/srv/HEAD'));
  t.end();
});
