/**
 * Certificates from Pebble: by the program itself with http-01, in use for HTTPS; and by its library with each kind of
 * challenge.
 */
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { Lab, type Program } from './lab.js';
import { skipWithout } from './needs.js';
import { ADDRESS, DIRECTORY, EXTERNAL, type Pebble, saveRoot, startPebble } from './pebble.js';

const skip = skipWithout('pebble', 'pebble-challtestsrv', 'openssl', 'curl');
const MAIN = resolve('dist', 'main.js');
const NAME = 'www.example.test';

function server({ host, ca }: Pebble, state: string, ...more: string[]): Program {
  const args = [
    ...[MAIN, '--net', 'socket', '--host', ADDRESS, '--port', '80', '--https-port', '443'],
    ...['--state', state, '--log', 'net'],
    ...['--acme', 'admin@example.test', '--domain', `${NAME},example.test`, '--acme-directory', DIRECTORY, ...more],
  ];
  return host.start(process.execPath, args, { NODE_EXTRA_CA_CERTS: ca });
}

interface Page {
  readonly status: string;
  /** SHA-256 of the certificate, as browsers show it. */
  readonly fingerprint: string;
}

/**
 * A page over HTTPS from NAME. `trust`: how the certificate is verified. Throws when it is not the one of a server with
 * that name.
 */
async function securePage({ host }: Pebble, ...trust: string[]): Promise<Page> {
  const out = ['-s', '-o', '/dev/null', '-w', '%{http_code}\n%{certs}', '--resolve', `${NAME}:443:${ADDRESS}`];
  const { stdout } = await host.run('curl', [...out, ...trust, `https://${NAME}/`]);
  const status = stdout.slice(0, stdout.indexOf('\n'));
  const pem = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/.exec(stdout)?.[0];
  if (pem === undefined) throw new Error(`no certificate: ${stdout}`);
  return { status, fingerprint: new X509Certificate(pem).fingerprint256 };
}

function certificateOf(state: string): X509Certificate {
  return new X509Certificate(readFileSync(join(state, 'acme', 'example.test', 'certificate.pem')));
}

t.test(
  'from an empty state folder to an HTTPS page, kept over a restart, renewed while it is served',
  { skip },
  async (t) => {
    const lab = new Lab(t);
    const pebble = await startPebble(lab);
    const state = join(lab.folder, 'state');
    // The HTTP port redirects to HTTPS, except for what the authority asks for.
    const first = server(pebble, state, '--agree-tos');
    await first.says(/the certificate for example\.test, www\.example\.test is ready/);
    const certificate = certificateOf(state);
    const ca = join(lab.folder, 'roots.pem');
    await saveRoot(pebble, ca);
    const chain = join(state, 'acme', 'example.test', 'certificate.pem');
    const verified = execFileSync('openssl', [
      'verify',
      '-CAfile',
      ca,
      '-untrusted',
      chain,
      '-verify_hostname',
      NAME,
      chain,
    ]);
    t.match(verified.toString(), /OK/);
    t.equal(statSync(chain).mode & 0o777, 0o600);
    const served = { status: '200', fingerprint: certificate.fingerprint256 };
    t.same(await securePage(pebble, '--cacert', ca), served, 'in use without a restart');
    const plain = ['-s', '-o', '/dev/null', '-w', '%{redirect_url}', '-H', `Host: ${NAME}`, `http://${ADDRESS}/`];
    t.equal((await lab.host.run('curl', plain)).stdout, `https://${NAME}/`);

    const status = await lab.host.run(process.execPath, [MAIN, 'certificate', 'status', '--state', state]);
    t.match(status.stdout, /for example\.test, www\.example\.test\n.*\n {2}valid until .*\n {2}renewed at/);

    await first.stop();
    const orders = (): number => pebble.program.stdout.match(/There are now \d+ orders|Added order/g)?.length ?? 0;
    const before = orders();
    const second = server(pebble, state, '--agree-tos');
    await second.says(/is ready/);
    t.equal(certificateOf(state).fingerprint256, certificate.fingerprint256, 'a restart orders nothing');
    t.equal(orders(), before);
    t.same(await securePage(pebble, '--cacert', ca), served);
    t.notMatch(second.stderr, /self-signed/);

    await lab.host.run(process.execPath, [MAIN, 'certificate', 'renew', '--state', state]);
    second.signal('SIGHUP');
    await second.says(/it was asked for[\s\S]*is ready/);
    const renewed = certificateOf(state).fingerprint256;
    t.not(renewed, certificate.fingerprint256);
    t.same(await securePage(pebble, '--cacert', ca), { status: '200', fingerprint: renewed }, 'the new one is in use');

    const copy = join(lab.folder, 'copy.pem');
    const other = join(lab.folder, 'other');
    await lab.host.run(process.execPath, [MAIN, 'certificate', 'export', '--state', state, '-o', copy]);
    const imported = await lab.host.run(process.execPath, [MAIN, 'certificate', 'import', copy, '--state', other]);
    t.match(imported.stdout, /is stored, valid until/);
    await second.stop();

    // A second host with the same account: it answers for the first, orders nothing, and uses what it is given.
    const refused = server(pebble, other, '--acme-follow');
    t.equal(await refused.exit, 1);
    t.match(refused.stderr, /--acme-follow: there is no .*account\.key; copy it from the host that orders/);
    copyFileSync(join(state, 'acme', 'account.key'), join(other, 'acme', 'account.key'));
    const follower = server(pebble, other, '--acme-follow');
    await follower.says(/is ready/);
    t.same(await securePage(pebble, '--cacert', ca), { status: '200', fingerprint: renewed }, 'so does a follower');
    const token = 'x'.repeat(43);
    const url = `http://${ADDRESS}/.well-known/acme-challenge/${token}`;
    const answered = await lab.host.run('curl', ['-s', '-H', `Host: ${NAME}:80`, url]);
    t.match(answered.stdout, new RegExp(`^${token}\\.[\\w-]{43}$`));
    const words = [
      'certificate',
      'rollover',
      '--state',
      other,
      '--acme-directory',
      DIRECTORY,
      '--acme-roots',
      pebble.ca,
    ];
    const rollover = await lab.host.run(process.execPath, [MAIN, ...words]);
    t.match(rollover, { status: 1, stderr: /this host follows another one \(--acme-follow\)/ });
    await follower.stop();
  },
);

t.test(
  'a CA that is not there, and terms that are not agreed to: the site is served, and one message says what to do',
  { skip },
  async (t) => {
    const lab = new Lab(t);
    const pebble = await startPebble(lab);
    const state = join(lab.folder, 'state');
    const refused = server(pebble, state, '--no-redirect');
    await refused.says(/agree to them with --agree-tos; the next attempt is at/);
    const [, fingerprint] = await refused.says(/self-signed; its SHA-256 fingerprint is ([\dA-F:]+)/);
    t.same(await securePage(pebble, '-k'), { status: '200', fingerprint }, 'self-signed until there is one');
    const page = await lab.host.run('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', `http://${ADDRESS}/`]);
    t.equal(page.stdout, '200');
    await refused.stop();
    await pebble.program.stop();
    const alone = server(pebble, join(lab.folder, 'alone'), '--agree-tos', '--no-redirect');
    await alone.says(/127\.0\.0\.1:14000 cannot be asked: .*the next attempt is at/);
    const served = await lab.host.run('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', `http://${ADDRESS}/`]);
    t.equal(served.stdout, '200');
    t.notOk(existsSync(join(lab.folder, 'alone', 'acme', 'example.test', 'certificate.pem')));
  },
);

t.test(
  'each kind of challenge: names, a wildcard beside its name, an address; and revoked by the certificate’s key',
  { skip },
  async (t) => {
    const lab = new Lab(t);
    const pebble = await startPebble(lab);
    const order = async (...args: string[]): Promise<{ names: string[]; id: string }> => {
      const script = resolve('build', 'test', 'wire', 'acme-order.js');
      const program = lab.host.start(process.execPath, [script, ...args], { NODE_EXTRA_CA_CERTS: pebble.ca });
      const status = await program.exit;
      t.equal(status, 0, `${args.join(' ')}: ${program.stderr}`);
      return JSON.parse(program.stdout || '{}');
    };
    t.same((await order('http-01', 'a.example.test', 'b.example.test')).names, ['a.example.test', 'b.example.test']);
    t.same((await order('http-01', ADDRESS)).names, [ADDRESS]);
    t.same((await order('tls-alpn-01', 'c.example.test')).names, ['c.example.test']);
    t.same((await order('tls-alpn-01', ADDRESS)).names, [ADDRESS]);
    t.same((await order('dns-01', '*.example.test', 'example.test')).names, ['*.example.test', 'example.test']);
  },
);

t.test('several processes see what one of them ordered, and what it renews', { skip }, async (t) => {
  const lab = new Lab(t);
  const pebble = await startPebble(lab);
  const state = join(lab.folder, 'state');
  const program = server(pebble, state, '--agree-tos', '--workers', '2');
  await program.says(/is ready/);
  await program.says(/certificates were read again[\s\S]*certificates were read again/);
  const first = certificateOf(state).fingerprint256;
  for (let i = 0; i < 8; i++) t.same(await securePage(pebble, '-k'), { status: '200', fingerprint: first });
  await lab.host.run(process.execPath, [MAIN, 'certificate', 'renew', '--state', state]);
  program.signal('SIGHUP');
  await program.says(/it was asked for[\s\S]*is ready/);
  await program.says(/it was asked for[\s\S]*certificates were read again[\s\S]*certificates were read again/);
  const second = certificateOf(state).fingerprint256;
  t.not(second, first);
  for (let i = 0; i < 8; i++) t.same(await securePage(pebble, '-k'), { status: '200', fingerprint: second });
});

t.test('an account is bound to an external one where the CA asks for that', { skip }, async (t) => {
  const lab = new Lab(t);
  const pebble = await startPebble(lab, { external: true });
  const state = join(lab.folder, 'state');
  const program = server(pebble, state, '--agree-tos', '--acme-eab', EXTERNAL);
  await program.says(/is ready/);
  t.ok(certificateOf(state));
});
