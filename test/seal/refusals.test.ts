/** What cannot be had is one sentence, before serving: with `strict` it ends the server, otherwise it goes on. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { UserError } from '../../src/errors/user-error.js';
import { cannotBecome, reachOfRoot, unreachable, userOf } from '../../src/seal/credentials.js';
import { Denials } from '../../src/seal/denials.js';
import { describeSeal } from '../../src/seal/describe.js';
import { type Call, type Kernel, thisKernel } from '../../src/seal/kernel.js';
import type { Plan } from '../../src/seal/plan.js';
import { Seal, sealLine } from '../../src/seal/seal.js';

const PLAN: Plan = {
  paths: [],
  rules: [],
  anyCode: false,
  connects: false,
  capabilities: 0n,
  capabilityNames: '',
  staysRoot: 'it is a test',
};
const EPERM = 1;
const EMFILE = 24;
const EOPNOTSUPP = 95;

/** A kernel that answers 0, but where `answers` says otherwise; and what it was asked. */
function fakeKernel(answers: Readonly<Record<string, number>>): Kernel & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    arch: 'x86_64',
    asked,
    call: (...[name]: Call) => {
      asked.push(name);
      // A pipe that it said to have made would be two descriptors of this process.
      return answers[name] ?? (name === 'pipe2' ? -EMFILE : 0);
    },
    begin: (_call, done) => done(0),
  };
}

async function sealed(kernel: Kernel, level: 'default' | 'strict', plan = PLAN): Promise<string> {
  const seal = new Seal(plan, { level, user: undefined }, kernel);
  await seal.files();
  return sealLine(seal.close());
}

const root = process.geteuid?.() === 0;

t.test('a kernel without Landlock: said once, or refused', { skip: process.platform !== 'linux' }, async (t) => {
  const kernel = () => fakeKernel({ landlock_create_ruleset: -EOPNOTSUPP });
  t.match(await sealed(kernel(), 'default'), /^sealed: .*; not so: the kernel has no Landlock[^;]*/);
  if (!root)
    await t.rejects(sealed(kernel(), 'strict'), {
      message: /^--seal strict cannot be had: the kernel has no Landlock/,
    });
});

t.test('a container that forbids prctl: said once, or refused', { skip: process.platform !== 'linux' }, async (t) => {
  const kernel = fakeKernel({ prctl: -EPERM });
  t.match(
    await sealed(kernel, 'default'),
    /; not so: prctl is forbidden here, as in some containers: files are those of the user, no system call is refused, and it can be looked into$/,
  );
  for (const name of ['seccomp', 'landlock_restrict_self'])
    t.notOk(kernel.asked.includes(name), `${name} without it would need root`);
});

t.test('a kernel that takes no filter is told', { skip: process.platform !== 'linux' }, async (t) => {
  const kernel = fakeKernel({ seccomp: -22, landlock_create_ruleset: -EOPNOTSUPP });
  t.match(await sealed(kernel, 'default'), /the kernel takes no seccomp filter \(error 22\)$/);
});

t.test('another system: nothing is sealed, and strict does not serve', async (t) => {
  const kernel: Kernel = { arch: undefined, call: () => -38, begin: (_call, done) => done(-1) };
  t.equal(
    await sealed(kernel, 'default'),
    'nothing could be sealed; not so: this system has neither seccomp nor Landlock',
  );
  if (!root) await t.rejects(sealed(kernel, 'strict'), { message: /neither seccomp nor Landlock; mend that/ });
  t.match(describeSeal(PLAN, { level: 'default', user: undefined }, kernel), /nothing can be sealed/);
});

t.test('root that cannot become another user is refused with strict', { skip: !root && 'needs root' }, async (t) => {
  t.throws(() => new Seal(PLAN, { level: 'strict', user: undefined }, fakeKernel({})), {
    message: '--seal strict cannot be had: it stays root: it is a test; mend that, or take --seal default',
  });
});

t.test('a user that does not exist is one sentence, and so is root', async (t) => {
  t.throws(() => userOf('no-such-user-here'), {
    message: '--user: there is no user no-such-user-here on this machine',
    code: 'bad-usage',
  });
  t.throws(() => userOf('0'), { message: /^--user: root is the one that is left/ });
  t.throws(() => userOf('4294967295'), { message: /is no number of a user/ });
  t.equal(userOf('nobody').uid > 0, true);
  t.equal(userOf('61234').gid, 61_234);
});

t.test('a state folder that the user cannot reach is one sentence', { skip: !root && 'needs root' }, async (t) => {
  const folder = join(t.testdir({}), 'state');
  mkdirSync(folder, 0o700);
  const plan = { ...PLAN, staysRoot: undefined, paths: [{ path: folder, access: 'write' as const }] };
  try {
    new Seal(plan, { level: 'default', user: '61234' }, fakeKernel({}));
    t.fail('it was not refused');
  } catch (error) {
    t.type(error, UserError);
    t.equal(
      (error as Error).message,
      `--user: user 61234 cannot reach ${folder}, which is needed later; give that user the right to it, or name another user`,
    );
  }
});

t.test(
  'what a user can reach is told by the rights of files on the way',
  { skip: !root && 'needs root' },
  async (t) => {
    const user = { name: 'x', uid: 61_234, gid: 61_234 };
    const folder = t.testdir({ site: { 'a.html': '' } });
    const site = join(folder, 'site');
    chmodSync(site, 0o755);
    t.equal(unreachable([{ path: site, access: 'read' }], user), undefined);
    t.equal(unreachable([{ path: site, access: 'write' }], user), site);
    t.equal(unreachable([{ path: site, access: 'write', optional: true }], user), undefined);
    t.equal(unreachable([{ path: join(folder, 'nothing'), access: 'write' }], user), undefined, 'what is not there');
    chmodSync(site, 0o777);
    t.equal(unreachable([{ path: site, access: 'write' }], user), undefined);
    chmodSync(site, 0o1777);
    t.equal(unreachable([{ path: site, access: 'read' }], user), undefined);
    t.equal(unreachable([{ path: site, access: 'write' }], user), site, 'what root made in a sticky folder stays');
    chmodSync(site, 0o755);
    chmodSync(folder, 0o700);
    t.equal(unreachable([{ path: site, access: 'read' }], user), site);
    chmodSync(folder, 0o755);
  },
);

t.test('root that stays root keeps what it needs for files of others', { skip: !root && 'needs root' }, async (t) => {
  const home = join(t.testdir({ site: {} }), 'site');
  chownSync(home, 61_234, 61_234);
  chmodSync(home, 0o755);
  t.equal(reachOfRoot([{ path: home, access: 'read' }]), undefined);
  t.match(reachOfRoot([{ path: home, access: 'write' }]), { names: 'CAP_DAC_OVERRIDE', path: home });
  chmodSync(home, 0o700);
  t.match(reachOfRoot([{ path: home, access: 'read' }]), { bits: 4n, names: 'CAP_DAC_READ_SEARCH', path: home });
});

t.test('root of a container without the right stays root, and says why', { skip: !root && 'needs root' }, async (t) => {
  t.equal(cannotBecome({ name: 'x', uid: 61_234, gid: 61_234 }, thisKernel()), undefined);
  const module = (name: string): string => `import('${pathToFileURL(resolve('build/src/seal', name))}')`;
  const script = `Promise.all([${module('credentials.js')}, ${module('kernel.js')}])
    .then(([{ cannotBecome }, { thisKernel }]) =>
      console.log(cannotBecome({ name: 'x', uid: 61234, gid: 61234 }, thisKernel())))`;
  const within = (...command: string[]): string =>
    execFileSync(command[0]!, [...command.slice(1), process.execPath, '-e', script], { encoding: 'utf8' });
  t.equal(
    within('setpriv', '--bounding-set=-setuid', '--inh-caps=-all', '--no-new-privs'),
    'it has no right to become another user (CAP_SETUID, CAP_SETGID)\n',
  );
  t.equal(within('unshare', '--user', '--map-root-user'), 'its namespace has no user 61234\n');
});

t.test('without koffi nothing can be sealed, and the reason is said', async (t) => {
  const kernel: Kernel = {
    arch: undefined,
    why: 'koffi does not load',
    call: () => -38,
    begin: (_call, done) => done(-1),
  };
  t.equal(await sealed(kernel, 'default'), 'nothing could be sealed; not so: koffi does not load');
});

t.test('refused calls are counted by name, of this process alone, within a bound', async (t) => {
  const told: string[] = [];
  const denials = new Denials(fakeKernel({}), (sentence) => told.push(sentence), 77);
  const record = (pid: number, call: number): Uint8Array =>
    Buffer.from(
      `\0\0audit(1.2:3): auid=1 uid=0 gid=0 ses=1 pid=${pid} comm="node" exe="/n" sig=0 arch=c000003e syscall=${call} compat=0`,
    );
  denials.heard(Buffer.concat([record(77, 59), record(77, 59), record(78, 41)]));
  denials.heard(record(77, 41));
  // clone3, which fails in every mode so that libc takes clone.
  denials.heard(record(77, 435));
  t.same(
    [...denials.counts],
    [
      ['execve', 2],
      ['socket', 1],
    ],
  );
  t.equal(told.length, 2, 'the first of each name is told');
  for (let i = 0; i < 1000; i++) denials.heard(record(77, 1000 + i));
  t.equal(denials.counts.size, 65);
  t.equal(denials.counts.get('others'), 1000 - 62);
});
