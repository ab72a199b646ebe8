/** The program itself where the seal, or a part, cannot be had: one message, before it serves; or it does not serve. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { thisKernel } from '../../src/seal/kernel.js';
import { landlockVersion } from '../../src/seal/landlock.js';
import { bundleDirectory } from '../../src/store/index.js';
import { SITE as ZONE } from '../dns/peers.js';

const MAIN = resolve('build', 'src', 'main.js');
const FORBIDDING = resolve('build', 'test', 'seal', 'forbidding.js');
const EPERM = 1;
const ENOSYS = 38;
const root = process.getuid?.() === 0;
const skip = landlockVersion(thisKernel()) > 0 ? false : 'needs a kernel with Landlock';
const asRoot = skip || (root ? false : 'needs root');

async function site(t: Test): Promise<{ folder: string; bundle: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'sitekernel-bad-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const bundle = join(folder, 'site.bundle');
  await bundleDirectory(t.testdir({ 'index.html': '<title>site</title>' }), bundle);
  chmodSync(bundle, 0o644);
  return { folder, bundle };
}

interface Ended {
  /** Undefined: it served, and was ended. */
  readonly status: number | undefined;
  /** Lines of both streams in their order, but those about this Node and this certificate. */
  readonly lines: readonly string[];
  readonly page: string | undefined;
}

/** Runs until it serves or ends. `calls`: those that fail, with their error numbers. */
async function run(calls: Readonly<Record<string, number>>, ...argv: string[]): Promise<Ended> {
  const command = [process.execPath, FORBIDDING, JSON.stringify(calls), process.execPath, MAIN, ...argv];
  const child = spawn('sh', ['-c', 'exec "$@" 2>&1', 'sh', ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const ended = new Promise<number>((done) => child.on('close', (status) => done(status ?? -1)));
  let said = '';
  const serves = new Promise<undefined>((done) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (/^listening on \S+\n/m.test(said)) done(undefined);
    });
  });
  const status = await Promise.race([ended, serves]);
  const url = /^listening on (\S+)$/m.exec(said)?.[1];
  const page = status === undefined ? await (await fetch(url!)).text() : undefined;
  if (status === undefined) child.kill('SIGTERM');
  await ended;
  const lines = said
    .trim()
    .split('\n')
    .filter((line) => !/has had no security fixes|certificate is self-signed/.test(line));
  return { status, lines, page };
}

const CASES: readonly { readonly name: string; readonly calls: Record<string, number>; readonly sentence: RegExp }[] = [
  {
    name: 'a kernel without Landlock',
    calls: { landlock_create_ruleset: ENOSYS },
    sentence: /the kernel has no Landlock, or it is switched off: files are those of the user/,
  },
  {
    name: 'a container that forbids prctl',
    calls: { prctl: EPERM },
    sentence:
      /prctl is forbidden here, as in some containers: [^;]*no system call is refused, and it can be looked into/,
  },
  {
    name: 'a container that forbids seccomp',
    calls: { seccomp: EPERM },
    sentence: /the kernel takes no seccomp filter \(error 1\)/,
  },
];

for (const { name, calls, sentence } of CASES) {
  t.test(`${name}: one message, and it serves`, { skip }, async (t) => {
    const { bundle } = await site(t);
    const { status, lines, page } = await run(calls, '--port', '0', bundle);
    t.equal(status, undefined);
    t.equal(page, '<title>site</title>');
    t.equal(lines.length, 2, lines.join('\n'));
    t.match(lines.join('\n'), new RegExp(`^sitekernel: not all is sealed: ${sentence.source}$`, 'm'));
  });

  t.test(`${name}: with strict one message, and it does not serve`, { skip }, async (t) => {
    const { bundle } = await site(t);
    const user = root ? ['--user', '61234'] : [];
    const { status, lines } = await run(calls, '--port', '0', '--seal', 'strict', ...user, bundle);
    t.equal(status, 1);
    t.equal(lines.length, 1, lines.join('\n'));
    t.match(lines[0], new RegExp(`^sitekernel: --seal strict cannot be had: ${sentence.source}; mend that, or take `));
  });
}

for (const level of ['default', 'strict'])
  t.test(`a user that does not exist, ${level}: one message, and it does not serve`, { skip }, async (t) => {
    const { bundle } = await site(t);
    const ended = await run({}, '--port', '0', '--seal', level, '--user', 'no-such-user', bundle);
    t.same(ended, {
      status: 2,
      lines: ['sitekernel: --user: there is no user no-such-user on this machine'],
      page: undefined,
    });
  });

/** Options of a server that writes keys of zones later, and of one whose certificates are ordered. */
function keeping(folder: string, state: string): [string[], string[]] {
  const zone = join(folder, 'site.example.zone');
  writeFileSync(zone, ZONE);
  const ordered = ['--acme', 'a@example.org', '--agree-tos', '--domain', 'www.example.org'];
  const nobody = ['--acme-directory', 'https://127.0.0.1:9/directory', '--http-port', '0', '--https-port', '0'];
  return [
    ['--port', '0', '--zone', zone, '--dnssec', '--dns-port', '0', '--state', state],
    [...ordered, ...nobody, '--state', state],
  ];
}

for (const level of ['default', 'strict'])
  t.test(
    `a folder of state that the user named cannot reach, ${level}: it does not serve`,
    { skip: asRoot },
    async (t) => {
      const { folder, bundle } = await site(t);
      const state = join(folder, 'state');
      mkdirSync(state, 0o700);
      for (const words of keeping(folder, state)) {
        const { status, lines } = await run({}, ...words, '--seal', level, '--user', '61234', bundle);
        t.equal(status, 1);
        t.match(lines, [
          /^sitekernel: --user: user 61234 cannot reach \S+state\/\w+, which is needed later; give that user the right/,
        ]);
        t.equal(lines.length, 1, lines.join('\n'));
      }
    },
  );

t.test('a folder of state that no user of its own can reach: strict does not serve', { skip: asRoot }, async (t) => {
  const { folder, bundle } = await site(t);
  const state = join(folder, 'state');
  mkdirSync(state, 0o700);
  const [zones] = keeping(folder, state);
  const { status, lines } = await run({}, ...zones, '--seal', 'strict', bundle);
  t.equal(status, 1);
  t.match(lines, [
    /^sitekernel: --seal strict cannot be had: user \d+ cannot reach \S+state\/dns, which is needed later; mend/,
  ]);
  t.equal(lines.length, 1, lines.join('\n'));
});

t.test('what is forbidden is forbidden: the launcher fails calls as it is told', { skip }, async (t) => {
  const child = spawn(process.execPath, [FORBIDDING, '{"mkdir":13}', process.execPath, '-p', FAILING], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await new Promise((done) => child.on('close', done));
  t.equal(said, 'EACCES\n');
});

const FAILING = `try { require('node:fs').mkdirSync('/tmp/never') } catch (error) { error.code }`;
