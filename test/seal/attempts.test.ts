/** A compromised server has nothing to take: each attempt is refused, in each way of serving. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';
import { nodeCrypto } from '../../src/acme/node-crypto.js';
import { Denials } from '../../src/seal/denials.js';
import { thisKernel } from '../../src/seal/kernel.js';
import { landlockVersion } from '../../src/seal/landlock.js';
import { bundleDirectory } from '../../src/store/index.js';
import { Lab } from '../wire/lab.js';
import { skipWithout } from '../wire/needs.js';
import { TABLE } from './table.js';

const MAIN = resolve('build', 'src', 'main.js');
const HOOK = pathToFileURL(resolve('build', 'test', 'seal', 'attack.js')).href;
const kernel = thisKernel();
const skip = landlockVersion(kernel) > 0 ? false : 'needs a kernel with Landlock';

interface Bed {
  readonly folder: string;
  readonly bundle: string;
  readonly env: Record<string, string>;
}

async function bed(t: Test): Promise<Bed> {
  const folder = mkdtempSync(join(tmpdir(), 'sitekernel-attack-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  // What lies beside a bundle may be read.
  mkdirSync(join(folder, 'site'));
  const bundle = join(folder, 'site', 'site.bundle');
  await bundleDirectory(t.testdir({ 'index.html': '<title>site</title>' }), bundle);
  // A server that orders nothing has no key: then it is another secret of the host.
  const env = { SITEKERNEL_ATTACK: join(folder, 'found'), SITEKERNEL_ATTACK_KEY: '/etc/shadow' };
  return { folder, bundle, env: { ...env, NODE_OPTIONS: `--import=${HOOK}` } };
}

/** The same, and the key of an account. */
async function bedWithAccount(t: Test): Promise<Bed> {
  const made = await bed(t);
  const acme = join(made.folder, 'state', 'acme');
  mkdirSync(acme, { recursive: true, mode: 0o700 });
  const key = join(acme, 'account.key');
  writeFileSync(key, nodeCrypto.generateKey().pem, { mode: 0o600 });
  return { ...made, env: { ...made.env, SITEKERNEL_ATTACK_KEY: key } };
}

/** Options of a server that orders certificates from an authority that is not there. */
function ordering({ folder }: Bed): string[] {
  return [
    ...['--acme', 'a@example.org', '--agree-tos', '--domain', 'www.example.org', '--state', join(folder, 'state')],
    ...['--acme-directory', 'https://127.0.0.1:9/directory', '--seal', 'default', '--log', 'net'],
  ];
}

/** Tells the attackers which process orders. */
async function aim({ folder }: Bed): Promise<void> {
  const pid = await until(
    () => readdirSync(folder).flatMap((name) => /^found\.orderer\.(\d+)$/.exec(name)?.[1] ?? [])[0],
    'the process that orders',
  );
  writeFileSync(join(folder, 'found-targets'), pid);
}

async function until<T>(look: () => T | undefined, what: string): Promise<T> {
  for (let i = 0; i < 1200; i++) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`${what} did not come`);
}

function start(t: Test, { env }: Bed, argv: readonly string[]): { child: ChildProcess; said: () => string } {
  const child = spawn(process.execPath, [MAIN, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  t.teardown(async () => {
    const exit = new Promise((done) => child.on('exit', done));
    if (child.kill('SIGTERM')) await exit;
  });
  return { child, said: () => said };
}

/** Has each process that has the hook attack, but for `but`, and checks what it met. */
async function attacked(t: Test, { folder }: Bed, but: readonly number[], count: number): Promise<void> {
  const pids = await until(() => {
    const all = readdirSync(folder).flatMap((name) => /^found\.(\d+)$/.exec(name)?.[1] ?? []);
    const found = all.map(Number).filter((pid) => !but.includes(pid) && existsSync(`/proc/${pid}`));
    return found.length >= count ? found : undefined;
  }, 'the server');
  for (const pid of pids) {
    process.kill(pid, 'SIGPWR');
    const file = join(folder, `found.${pid}`);
    const text = await until(() => readFileSync(file, 'utf8') || undefined, 'the report');
    const { found } = JSON.parse(text) as { found: Record<string, string> };
    t.same(
      Object.keys(found),
      TABLE.map(({ attempt }) => attempt),
      'the table names every attempt',
    );
    for (const { attempt, host } of TABLE) t.ok(host.includes(found[attempt]!), `${attempt}: ${found[attempt]}`);
  }
}

t.test('sockets: every attempt is refused', { skip }, async (t) => {
  const b = await bed(t);
  const { said } = start(t, b, ['--port', '0', '--seal', 'default', '--log', 'net', b.bundle]);
  await until(() => /sealed: /.exec(said()) ?? undefined, 'the seal');
  await attacked(t, b, [], 1);
});

t.test('HTTPS with a self-signed certificate: every attempt is refused', { skip }, async (t) => {
  const b = await bed(t);
  const state = join(b.folder, 'state-of-https');
  const { said } = start(t, b, [
    '--tls',
    'self-signed',
    '--http-port',
    '0',
    '--https-port',
    '0',
    '--state',
    state,
    '--seal',
    'default',
    '--log',
    'net',
    b.bundle,
  ]);
  await until(() => /sealed: /.exec(said()) ?? undefined, 'the seal');
  await attacked(t, b, [], 1);
});

t.test('with --acme: every attempt is refused, and the key of the account is out of reach', { skip }, async (t) => {
  const b = await bedWithAccount(t);
  const { said } = start(t, b, ['--http-port', '0', '--https-port', '0', ...ordering(b), b.bundle]);
  await until(() => /sealed: /.exec(said()) ?? undefined, 'the seal');
  // It is at work by then.
  await until(() => /no new certificate for www\.example\.org/.exec(said()) ?? undefined, 'the first order');
  await aim(b);
  await attacked(t, b, [], 1);
});

t.test('--acme and --workers: every attempt is refused, and the key is out of reach', { skip }, async (t) => {
  const b = await bedWithAccount(t);
  const ports = ['--http-port', '0', '--https-port', '0', '--workers', '2'];
  const { child, said } = start(t, b, [...ports, ...ordering(b), b.bundle]);
  await until(() => /listening on /.exec(said()) ?? undefined, 'the workers');
  writeFileSync(join(b.folder, 'found-targets'), String(child.pid));
  await attacked(t, b, [child.pid!], 2);
});

t.test('--acme, supervised: every attempt is refused, and the key is out of reach', { skip }, async (t) => {
  const b = await bedWithAccount(t);
  const args = ['--http-port', '0', '--https-port', '0', ...ordering(b), b.bundle];
  // What lies beside a socket may be written.
  mkdirSync(join(b.folder, 'run'), { mode: 0o700 });
  const { child, said } = start(t, b, ['supervise', '--control', join(b.folder, 'run', 'control.sock'), '--', ...args]);
  await until(() => /serving on /.exec(said()) ?? undefined, 'the program');
  await aim(b);
  await attacked(t, b, [child.pid!], 1);
});

t.test('--workers: every attempt is refused in each of them', { skip }, async (t) => {
  const b = await bed(t);
  const { child, said } = start(t, b, ['--port', '0', '--workers', '2', '--seal', 'default', '--log', 'net', b.bundle]);
  await until(() => /listening on /.exec(said()) ?? undefined, 'the workers');
  await attacked(t, b, [child.pid!], 2);
});

t.test('supervised: every attempt is refused', { skip }, async (t) => {
  const b = await bed(t);
  const control = join(b.folder, 'control.sock');
  const { child, said } = start(t, b, [
    'supervise',
    '--control',
    control,
    '--',
    '--port',
    '0',
    '--seal',
    'default',
    b.bundle,
  ]);
  await until(() => /serving on /.exec(said()) ?? undefined, 'the program');
  await attacked(t, b, [child.pid!], 1);
});

const wire = skip || skipWithout('ip');

t.test('direct mode: every attempt is refused', { skip: wire }, async (t) => {
  const b = await bed(t);
  const lab = new Lab(t, '10.77.0.1/24');
  const static4 = [
    '--net',
    'direct',
    '--tap',
    'tap0',
    '--bridge',
    'br0',
    '--ipv4',
    '10.77.0.9/24',
    '--state',
    b.folder,
    '--seal',
    'default',
  ];
  const server = lab.host.start(process.execPath, [MAIN, ...static4, b.bundle], b.env);
  await server.says(/listening on /, 60);
  await attacked(t, b, [], 1);
});

t.test('direct mode with --acme: every attempt is refused, and the key is out of reach', { skip: wire }, async (t) => {
  const b = await bedWithAccount(t);
  const lab = new Lab(t, '10.77.0.1/24');
  const place = ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', '10.77.0.9/24'];
  const server = lab.host.start(process.execPath, [MAIN, ...place, ...ordering(b), b.bundle], b.env);
  await server.says(/listening on /, 60);
  await aim(b);
  await attacked(t, b, [], 1);
});

t.test('direct mode, supervised: every attempt is refused', { skip: wire }, async (t) => {
  const b = await bed(t);
  const lab = new Lab(t, '10.77.0.1/24');
  const static4 = [
    '--net',
    'direct',
    '--tap',
    'tap0',
    '--bridge',
    'br0',
    '--ipv4',
    '10.77.0.9/24',
    '--state',
    b.folder,
    '--seal',
    'default',
  ];
  const args = [MAIN, 'supervise', '--control', join(b.folder, 'control.sock'), '--', ...static4, b.bundle];
  const server = lab.host.start(process.execPath, args, b.env);
  await server.says(/serving on /, 60);
  await attacked(t, b, [server.child.pid!], 1);
});

t.test('a refused call is said once, by its name', { skip: skip || !tellsOfRefusals() }, async (t) => {
  const b = await bed(t);
  const { said } = start(t, b, ['--port', '0', '--seal', 'default', '--log', 'net', b.bundle]);
  await until(() => /sealed: /.exec(said()) ?? undefined, 'the seal');
  await attacked(t, b, [], 1);
  await until(() => /was refused: ptrace;/.exec(said()) ?? undefined, 'the refusal of ptrace');
  t.equal([...said().matchAll(/was refused: socket;/g)].length, 1);
});

t.test('strict: the first call that is not on the list ends the process', { skip }, async (t) => {
  const b = await bed(t);
  chmodSync(b.folder, 0o755);
  const user = process.getuid?.() === 0 ? ['--user', '61234'] : [];
  const { child, said } = start(t, b, ['--port', '0', '--log', 'net', '--seal', 'strict', ...user, b.bundle]);
  await until(() => /sealed: /.exec(said()) ?? undefined, 'the seal');
  const exit = new Promise<NodeJS.Signals | null>((done) => child.on('exit', (_status, signal) => done(signal)));
  process.kill(child.pid!, 'SIGPWR');
  t.equal(await exit, 'SIGSYS');
});

t.test(
  'strict with a user who cannot reach the site does not serve',
  { skip: skip || process.getuid?.() !== 0 },
  async (t) => {
    const b = await bed(t);
    chmodSync(b.folder, 0o700);
    const { child, said } = start(t, b, ['--port', '0', '--seal', 'strict', b.bundle]);
    t.equal(await new Promise((done) => child.on('exit', done)), 1);
    t.match(
      said(),
      /^sitekernel: --seal strict cannot be had: user \d+ cannot reach \S+, which is needed later; [^\n]*\n$/,
    );
  },
);

t.test('--seal off gives up nothing, and a user that is none is one sentence', { skip }, async (t) => {
  const b = await bed(t);
  const { child, said } = start(t, b, ['--port', '0', '--seal', 'off', b.bundle]);
  await until(() => /listening on /.exec(said()) ?? undefined, 'the server');
  t.match(readFileSync(`/proc/${child.pid}/status`, 'utf8'), /^Seccomp:\t0$/m);
  const wrong = start(t, b, ['--port', '0', '--seal', 'default', '--user', 'no-such-user', b.bundle]);
  t.equal(await new Promise((done) => wrong.child.on('exit', done)), 2);
  t.equal(wrong.said(), 'sitekernel: --user: there is no user no-such-user on this machine\n');
});

t.test('"seal" says what there is, and what would be applied', { skip }, async (t) => {
  const b = await bed(t);
  const { child, said } = start(t, b, ['seal', '--', '--seal', 'strict', b.bundle]);
  t.equal(await new Promise((done) => child.on('close', done)), 0);
  for (const line of [
    /^ {2}Landlock +version \d+$/m,
    /^ {2}seccomp +yes, \w+$/m,
    /any other ends the process$/m,
    /^ {4}read +\S+site\.bundle$/m,
  ])
    t.match(said(), line);
  t.match(said(), /^ {4}accept accept4: /m);
  t.notMatch(said(), /^ {4}socket /m);
});

/** The kernel tells this user of refused calls. */
function tellsOfRefusals(): boolean {
  return new Denials(kernel, () => undefined).open();
}
