/** One certificate for many hosts: through the deployment repository, encrypted for those that may have it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import t, { type Test } from 'tap';
import { challengeCertificate } from '../../src/acme/der/challenge-certificate.js';
import { identifierOf } from '../../src/acme/der/names.js';
import { nodeCrypto } from '../../src/acme/node-crypto.js';
import { hostRecipient, isRecipient, isSealed, seal, unseal } from '../../src/acme/state/sealed.js';
import { FolderStorage } from '../../src/acme/state/storage.js';
import { acmeFolderOf } from '../../src/deploy/certificates.js';
import { freePort } from '../dns/peers.js';
import { directory } from '../store/tree.js';
import { MAIN } from '../wire/server.js';
import { RealHost } from './real-host.js';
import { git, SITE, Stage } from './setup.js';

t.setTimeout(300_000);

const sitekernel = (...words: string[]) => spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8' });

const DAY = 86_400_000;

/** A certificate for `example.org`, in a state folder as the server that orders has it. `later`: when it begins, ms. */
function ordered(t: Test, state = directory(t), later = 0): string {
  const key = nodeCrypto.generateKey();
  const identifier = identifierOf('example.org')!;
  const serial = Uint8Array.of(1, later / DAY);
  const der = challengeCertificate(key, identifier, new Uint8Array(32), serial, Date.now() + later);
  const lines = Buffer.from(der)
    .toString('base64')
    .match(/.{1,64}/g)!;
  const file = join(directory(t), 'pair.pem');
  writeFileSync(file, `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n${key.pem}`);
  const imported = sitekernel('certificate', 'import', file, '--state', state);
  if (imported.status !== 0) throw new Error(imported.stderr);
  return state;
}

const fingerprint = (state: string): string =>
  JSON.parse(sitekernel('certificate', 'status', '--state', state, '--json').stdout)[0]?.fingerprint;

t.test('what is sealed for a host is opened by it, and by no other; damage and strangers are named', async (t) => {
  const [one, two, none] = [1, 2, 3].map(() => new FolderStorage(directory(t))) as [
    FolderStorage,
    FolderStorage,
    FolderStorage,
  ];
  const recipient = await hostRecipient(one);
  t.ok(isRecipient(recipient));
  t.equal(await hostRecipient(one), recipient, 'its identity stays');
  const sealed = await seal('a secret', [recipient]);
  t.ok(isSealed(sealed));
  t.notMatch(sealed, /secret/);
  t.equal(await unseal(sealed, one), 'a secret');
  await hostRecipient(two);
  await t.rejects(unseal(sealed, two), { code: 'state', message: /it is not for this host, or damaged/ });
  await t.rejects(unseal(sealed, none), { message: /no identity; make one with "certificate identity"/ });
  const damaged = sealed.replace(/\n(.)/, (_all, char: string) => `\n${char === 'A' ? 'B' : 'A'}`);
  await t.rejects(unseal(damaged, one), { code: 'state' });
  await two.write('host.identity', 'AGE-SECRET-KEY-1');
  await t.rejects(unseal(sealed, two), { message: /host\.identity in the state folder is damaged/ });
});

t.test('certificate identity, export --for, import: from one state folder to another', async (t) => {
  const from = ordered(t);
  const [to, other] = [directory(t), directory(t)];
  const recipient = sitekernel('certificate', 'identity', '--state', to).stdout.trim();
  const file = join(directory(t), 'example.org.age');
  t.match(sitekernel('certificate', 'export', '--state', from, '--for', recipient, '-o', file), { status: 0 });
  t.match(readFileSync(file, 'utf8'), /^-----BEGIN AGE ENCRYPTED FILE-----/);
  t.match(sitekernel('certificate', 'import', file, '--state', to), {
    status: 0,
    stdout: /example\.org: the certificate/,
  });
  t.equal(fingerprint(to), fingerprint(from));
  const refused = sitekernel('certificate', 'import', file, '--state', other);
  t.match(refused, { status: 1, stderr: /example\.org\.age: this host has no identity/ });
  t.match(sitekernel('certificate', 'export', '--state', from, '--for', 'age1x'), {
    status: 2,
    stderr: /A recipient is/,
  });
});

t.test('a host gets the certificate by its poll, once, and never an older one', async (t) => {
  const from = ordered(t);
  const stage = await Stage.open(t);
  const state = directory(t);
  const args = ['--state', state];
  await stage.initHost({ args });
  const recipient = sitekernel('certificate', 'identity', '--state', state).stdout.trim();
  const words = ['deploy', 'certificate', '--repo', stage.repository, '--for', recipient, '--state'];
  const deploy = (folder: string) => sitekernel(...words, folder);
  t.match(deploy(from), { status: 0, stdout: /committed to main, for 1 host\n/ });
  t.match(deploy(from), { status: 0, stdout: /has it for this host already; nothing was done/ });
  t.equal(await stage.poll(), 'good');
  t.equal(fingerprint(state), fingerprint(from));
  t.match(await stage.reason('note'), /the certificate for example\.org, valid until [\d-]+, is taken/);
  const first = fingerprint(from);
  // An image that follows leaves it where it is.
  await stage.deploy({ ...SITE, 'index.html': 'next' });
  t.match(git(stage.repository, 'ls-tree', '-r', '--name-only', 'main'), /^certificates\/example\.org\.age$/m);
  t.equal(await stage.poll(), 'good');
  ordered(t, from, DAY);
  t.match(deploy(from), { status: 0, stdout: /committed/ });
  t.equal(await stage.poll(), 'unchanged');
  t.equal(fingerprint(state), fingerprint(from));
  t.not(fingerprint(state), first);
  // Who can write to the repository cannot bring an old one back.
  const old = git(stage.repository, 'rev-parse', 'main~1:certificates/example.org.age');
  stage.tamper({ 'certificates/example.org.age': git(stage.repository, 'cat-file', 'blob', old) });
  await stage.poll();
  t.match(
    await stage.reason('note'),
    /certificate example\.org is not taken: this host has one that is as young, or younger/,
  );
  t.equal(fingerprint(state), fingerprint(from));
  const notes = (await stage.log()).length;
  await stage.poll();
  t.equal((await stage.log()).length, notes, 'said once');
});

t.test('a certificate needs a branch with an image, and the error message says so', async (t) => {
  const empty = directory(t);
  execFileSync('git', ['init', '--quiet', '--bare', empty]);
  const state = ordered(t);
  const recipient = sitekernel('certificate', 'identity', '--state', state).stdout.trim();
  t.match(sitekernel('deploy', 'certificate', '--repo', empty, '--for', recipient, '--state', state), {
    status: 1,
    stderr: /has no branch "main", where a certificate is put beside an image; commit an image first/,
  });
  t.equal(execFileSync('git', ['-C', empty, 'branch'], { encoding: 'utf8' }), '', 'and nothing was committed');
});

t.test('a host with signers takes signed certificates only', async (t) => {
  const keys = directory(t);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'ci', '-f', join(keys, 'key')]);
  const allowed = `ci@example.org namespaces="sitekernel" ${readFileSync(join(keys, 'key.pub'), 'utf8')}`;
  writeFileSync(join(keys, 'allowed'), allowed);
  const stage = Stage.empty(t);
  await stage.deploy(SITE, join(keys, 'key'));
  const state = directory(t);
  await stage.initHost({ args: ['--state', state], allowedSigners: join(keys, 'allowed') });
  t.equal(await stage.poll(), 'good');
  const recipient = sitekernel('certificate', 'identity', '--state', state).stdout.trim();
  const from = ordered(t);
  const words = ['deploy', 'certificate', '--repo', stage.repository, '--for', recipient, '--state', from];
  t.equal(sitekernel(...words).status, 0);
  await stage.poll();
  t.match(await stage.reason('note'), /not taken: it is not signed/);
  t.equal(fingerprint(state), undefined);
  ordered(t, from, DAY);
  t.equal(sitekernel(...words, '--sign', join(keys, 'key')).status, 0);
  await stage.poll();
  t.equal(fingerprint(state), fingerprint(from));
});

/** The SHA-256 of the certificate that is served at a port. */
function served(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'example.org', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256.replaceAll(':', '').toLowerCase());
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

t.test('a server that runs has it without a restart', async (t) => {
  const [port, state] = [await freePort(), directory(t)];
  const recipient = sitekernel('certificate', 'identity', '--state', state).stdout.trim();
  writeFileSync(join(state, 'acme', 'account.key'), nodeCrypto.generateKey().pem, { mode: 0o600 });
  const stage = Stage.empty(t);
  await stage.deploy(SITE);
  const follows = ['--acme', 'a@example.org', '--domain', 'example.org', '--acme-follow', '--agree-tos'];
  const args = [...follows, '--acme-directory', 'https://127.0.0.1:1/', '--https-port', String(port), '--state', state];
  await stage.initHost({ gate: 20, probe: 'off', args });
  const host = new RealHost(stage);
  t.teardown(async () => {
    await host.deploy('stop').ended;
  });
  t.match(await host.deploy('poll').ended, { status: 0 });
  const { running } = await host.status();
  const from = ordered(t);
  t.not(await served(port), fingerprint(from), 'a self-signed one');
  const words = ['deploy', 'certificate', '--repo', stage.repository, '--for', recipient, '--state', from];
  t.match(sitekernel(...words), { status: 0 });
  t.match(await host.deploy('poll').ended, { status: 0 });
  t.equal(await served(port), fingerprint(from));
  t.equal((await host.status()).running!.pid, running!.pid);
});

t.test('the state folder is the one that the programs of the host have', (t) => {
  t.equal(acmeFolderOf(['--state', '/a'], '/srv/site'), '/a/acme');
  t.equal(acmeFolderOf(['--state=b', '--port', '80'], '/srv/site'), '/srv/site/b/acme');
  t.match(acmeFolderOf([], '/srv/site'), /\/sitekernel\/acme$/);
  t.end();
});
