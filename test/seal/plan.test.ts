/** What a process of a server is given for later is what it does itself. */
import { chownSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parseArguments } from '../../src/cli/arguments/arguments.js';
import type { PathRule } from '../../src/seal/landlock.js';
import type { Plan } from '../../src/seal/plan.js';
import type { ServeOptions } from '../../src/serve/options/serve.js';
import { bundlePlaces } from '../../src/serve/sealing/later-paths.js';
import { makeFolders, orderingPlan, planOf, type Role } from '../../src/serve/sealing/plan-of.js';

interface Planned {
  readonly plan: Plan;
  /** What may be done with a file of the state. */
  readonly reaches: (file: string) => string[];
  readonly state: string;
  readonly options: ServeOptions;
}

function planFor(t: Test, role: Role, ...words: string[]): Planned {
  const state = mkdtempSync(join(tmpdir(), 'sitekernel-plan-'));
  t.teardown(() => rmSync(state, { recursive: true, force: true }));
  const acme = ['--acme', 'a@example.org', '--agree-tos', '--domain', 'www.example.org,example.org'];
  const options = parseArguments([...acme, '--state', state, ...words]) as ServeOptions;
  const plan = planOf(options, role);
  const reaches = (file: string): string[] => {
    const path = join(state, file);
    return plan.paths.filter((one) => path === one.path || path.startsWith(`${one.path}/`)).map(({ access }) => access);
  };
  return { plan, reaches, state, options };
}

t.test("a worker over sockets reads its certificates, has no account's key, and writes nothing", async (t) => {
  const { plan, reaches, state } = planFor(t, 'worker', '--workers', '2', '--net', 'socket');
  t.same(reaches('acme/account.key'), []);
  t.same(reaches('acme/account.json'), []);
  t.same(reaches('acme/other.example.org/certificate.pem'), []);
  t.same(reaches('acme/example.org/certificate.pem'), ['read']);
  t.same(reaches('acme/_challenges/thumbprint'), ['read']);
  t.same(reaches('self-signed.key'), [], 'it is read at the start');
  t.notOk(plan.paths.some(({ access, path }) => access === 'write' && path.startsWith(state)));
  t.equal(plan.connects, false, 'the first process asks the authority');
});

for (const role of ['alone', 'supervised'] as const)
  t.test(`a server (${role}) is told of its certificates, and reaches nothing of its state`, async (t) => {
    for (const net of [
      ['--net', 'socket'],
      ['--net', 'direct', '--ipv4', '10.0.0.2/24'],
    ]) {
      const { plan, state } = planFor(t, role, ...net);
      t.notOk(plan.paths.some(({ path }) => path.startsWith(state)));
      t.equal(plan.connects, false);
    }
  });

t.test('with DHCP a server writes its lease, and nothing else of its state', async (t) => {
  for (const role of ['alone', 'supervised', 'worker'] as const) {
    const { plan, reaches, state } = planFor(t, role, '--net', 'direct');
    t.same(reaches('leases/tap0.json'), ['write']);
    t.same(reaches('acme/account.key'), []);
    t.same(
      plan.paths.flatMap(({ access, path }) => (access === 'write' && path.startsWith(state) ? [path] : [])),
      [join(state, 'leases')],
    );
  }
});

t.test(
  'the process that orders has the folder of certificates, and connects where the kernel has the network',
  async (t) => {
    const { options, state } = planFor(t, 'alone', '--net', 'socket');
    const plan = orderingPlan(options);
    t.same(
      plan.paths.flatMap(({ access, path }) => (access === 'write' ? [path] : [])),
      [join(state, 'acme')],
    );
    t.equal(plan.connects, true);
    t.equal(orderingPlan(planFor(t, 'alone', '--net', 'direct').options).connects, false);
    t.notOk(plan.paths.some(({ path }) => path === state));
  },
);

t.test('bundles are looked for beneath the top folders, but not where certificates lie', async (t) => {
  const folder = t.testdir({ a: { acme: { 'account.key': '' }, b: {} }, c: {}, link: t.fixture('symlink', 'a') });
  const hidden = join(folder, 'a', 'acme');
  const places = bundlePlaces(join(folder, 'link', 'acme'));
  const reached = (path: string): boolean => places.some((one) => path === one || path.startsWith(`${one}/`));
  t.notOk(reached(join(hidden, 'account.key')));
  t.notOk(reached(join(folder, 'link', 'acme')));
  t.ok(reached(join(folder, 'a', 'b', 'site.bundle')));
  t.ok(reached(join(folder, 'c', 'site.bundle')));
  t.notOk(reached('/etc/passwd'));
  t.ok(bundlePlaces(undefined).every((one) => /^\/[^/]+$/.test(one)));
});

t.test(
  'folders that root makes for the user named are that user’s beneath one of theirs, and root’s elsewhere',
  { skip: process.getuid?.() !== 0 && 'needs root' },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'sitekernel-plan-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const theirs = join(folder, 'theirs');
    mkdirSync(theirs);
    chownSync(theirs, 61_234, 61_234);
    const rule = (path: string): PathRule => ({ access: 'write', path });
    const { plan } = planFor(t, 'alone');
    const paths = [rule(join(theirs, 'state', 'leases')), rule(join(folder, 'others', 'leases'))];
    makeFolders({ ...plan, paths }, { level: 'default', user: '61234' });
    t.equal(statSync(join(theirs, 'state', 'leases')).uid, 61_234);
    t.equal(statSync(join(theirs, 'state')).uid, 61_234);
    t.equal(statSync(join(folder, 'others', 'leases')).uid, 0);
    t.equal(statSync(folder).uid, 0);
  },
);
