/** What a process of a server is given for later is what it does itself. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parseArguments } from '../../src/cli/arguments/arguments.js';
import type { Plan } from '../../src/seal/plan.js';
import type { ServeOptions } from '../../src/serve/options/serve.js';
import { planOf, type Role } from '../../src/serve/sealing/plan-of.js';

interface Planned {
  readonly plan: Plan;
  /** What may be done with a file of the state. */
  readonly reaches: (file: string) => string[];
  readonly state: string;
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
  return { plan, reaches, state };
}

t.test("a worker over sockets reads its certificates, has no account's key, and writes nothing", async (t) => {
  const { plan, reaches, state } = planFor(t, 'worker', '--workers', '2', '--net', 'socket');
  t.same(reaches('acme/account.key'), []);
  t.same(reaches('acme/account.json'), []);
  t.same(reaches('acme/other.example.org/certificate.pem'), []);
  t.same(reaches('acme/example.org/certificate.pem'), ['read']);
  t.same(reaches('acme/_challenges/thumbprint'), ['read']);
  t.same(reaches('self-signed.key'), ['read']);
  t.notOk(plan.paths.some(({ access, path }) => access === 'write' && path.startsWith(state)));
  t.equal(plan.connects, false, 'the first process asks the authority');
});

t.test('a server of one process orders by itself', async (t) => {
  const { plan, reaches } = planFor(t, 'alone', '--net', 'socket');
  t.ok(reaches('acme/account.key').includes('write'));
  t.equal(plan.connects, true);
});
