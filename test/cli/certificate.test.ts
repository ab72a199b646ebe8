import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { identifierOf } from '../../src/acme/der/names.js';
import { nodeCrypto } from '../../src/acme/node-crypto.js';
import { rememberRole } from '../../src/acme/state/account-state.js';
import { NO_RENEWAL, REQUEST, saveRenewal } from '../../src/acme/state/renewal-state.js';
import { FolderStorage } from '../../src/acme/state/storage.js';
import { parseArguments } from '../../src/cli/arguments/arguments.js';
import { runCertificate } from '../../src/cli/commands/certificate.js';
import { UserError } from '../../src/errors/user-error.js';
import { FakeCa } from '../acme/fake-ca.js';

type Write = typeof process.stdout.write;

/** Runs the command; its output, or the message of its failure. */
async function run(...argv: string[]): Promise<string> {
  const task = parseArguments(['certificate', ...argv]);
  if (task?.kind !== 'certificate') throw new Error('not a command about certificates');
  const written: string[] = [];
  const write = process.stdout.write;
  process.stdout.write = ((text: string) => written.push(text) > 0) as Write;
  try {
    await runCertificate(task);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    written.push(error.message);
  } finally {
    process.stdout.write = write;
  }
  return written.join('');
}

t.test('a certificate is imported, shown, exported, and asked to be renewed', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sitekernel-certificate-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const state = ['--state', folder];
  const key = nodeCrypto.generateKey();
  const chain = new FakeCa(() => Date.now()).issue(
    [identifierOf('example.org')!, identifierOf('www.example.org')!],
    key.spki,
  );
  writeFileSync(join(folder, 'chain'), chain);
  writeFileSync(join(folder, 'key'), key.pem);
  writeFileSync(join(folder, 'other'), nodeCrypto.generateKey().pem);

  t.match(await run('status', ...state), /there are no certificates in/);
  t.match(await run('renew', ...state), /there are no certificates in/);
  t.match(
    await run('import', join(folder, 'chain'), join(folder, 'other'), ...state),
    /not that of its first certificate/,
  );
  t.match(await run('import', join(folder, 'chain'), ...state), /no private key in PEM/);
  t.match(await run('import', join(folder, 'nothing'), ...state), /cannot be read: ENOENT/);
  t.match(
    await run('import', join(folder, 'chain'), join(folder, 'key'), '--domain', 'b.org', ...state),
    /and not for b\.org/,
  );
  t.match(
    await run('import', join(folder, 'chain'), join(folder, 'key'), ...state),
    /^example\.org: the certificate for example\.org, www\.example\.org is stored/,
  );

  const storage = new FolderStorage(join(folder, 'acme', 'example.org'));
  const failure = {
    at: 1e12,
    until: 2e12,
    count: 3,
    code: 'refused',
    problem: 'rateLimited',
    message: 'too many',
    request: undefined,
    configuration: '',
  };
  await saveRenewal(storage, { ...NO_RENEWAL, renewAt: 1.9e12, failure });
  const status = await run('status', ...state);
  t.match(
    status,
    /for example\.org, www\.example\.org\n {2}from CN=Fake Root X1, SHA-256 [0-9a-f]{64}\n {2}valid until/,
  );
  t.match(
    status,
    /renewed at 2030-03-17 17:46 UTC, by a part of its life\n {2}attempt 3 failed at 2001-09-09 01:46 UTC: too many\n {2}the next one is not before 2033-05-18/,
  );
  t.match(JSON.parse(await run('status', '--json', ...state)), [
    { name: 'example.org', failure: { problem: 'rateLimited' } },
  ]);

  t.match(await run('status', '--domain', 'www.example.org', ...state), /^example\.org:/, 'by any of its names');
  t.match(await run('status', '--domain', 'b.org', ...state), /there are no certificates/);

  const copy = join(folder, 'copy.pem');
  await run('export', '-o', copy, ...state);
  t.equal(statSync(copy).mode & 0o777, 0o600);
  t.equal(readFileSync(copy, 'utf8').replace(/\n+/g, '\n'), (chain + key.pem).replace(/\n+/g, '\n'));
  t.match(await run('export', '--domain', 'b.org', ...state), /no certificate for b\.org .*there are: example\.org/);

  t.match(await run('renew', ...state), /is ordered; a running server/);
  t.match(await storage.read(REQUEST), /^\d{4}-/);
  t.match(await run('status', ...state), /a new one was asked for/);
});

t.test('rollover is refused on a host that follows, also with --acme-directory', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sitekernel-certificate-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const storage = new FolderStorage(join(folder, 'acme'));
  const key = nodeCrypto.generateKey().pem;
  await storage.write('account.key', key);
  const words = ['rollover', '--state', folder, '--acme-directory', 'https://127.0.0.1:1/'];
  await rememberRole(storage, false);
  t.match(await run(...words), /: this host follows another one \(--acme-follow\)/);
  t.equal(await storage.read('account.key'), key);
  t.equal(await storage.read('account.next.key'), undefined);
  await rememberRole(storage, true);
  t.match(await run(...words), /127\.0\.0\.1:1 cannot be asked/, 'and not on one that orders again');
});

t.test('revoke says what it lacks before it asks an authority', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sitekernel-certificate-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const state = ['--state', folder];
  const key = nodeCrypto.generateKey();
  const at = (name: string): string => join(folder, name);
  writeFileSync(at('chain'), new FakeCa(() => Date.now()).issue([identifierOf('example.org')!], key.spki));
  writeFileSync(at('key'), key.pem);
  writeFileSync(at('other'), nodeCrypto.generateKey().pem);
  t.match(await run('revoke', ...state), /there are no certificates in/);
  t.match(await run('revoke', at('key'), ...state), /no certificate in PEM/);
  t.match(await run('revoke', at('chain'), at('other'), ...state), /not that of its first certificate/);
  t.match(await run('revoke', at('chain'), at('key'), at('key'), ...state), /one file, or two/);
  t.match(await run('revoke', at('chain'), ...state), /there is no account\.key in .*: --by certificate/);
  const compromised = ['--reason', 'keyCompromise', ...state];
  t.match(await run('revoke', at('chain'), ...compromised), /the key of the certificate is needed for that/);
  const unknown = /does not know which authority it is from; name that with --acme-directory/;
  t.match(await run('revoke', at('chain'), at('key'), ...compromised), unknown);
  const nowhere = ['--acme-directory', 'https://127.0.0.1:1/'];
  t.match(await run('revoke', at('chain'), at('key'), ...compromised, ...nowhere), /127\.0\.0\.1:1 cannot be asked/);
  t.match(
    await run('revoke', at('chain'), at('key'), ...compromised, ...nowhere, '--acme-roots', at('key')),
    /has no certificate in PEM/,
  );
  const words = 'req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout'.split(' ');
  execFileSync('openssl', [...words, at('rsa.key'), '-out', at('rsa')], { stdio: 'ignore' });
  t.match(
    await run('revoke', at('rsa'), at('rsa.key'), ...compromised, ...nowhere),
    /no ECDSA key on P-256.*use --by account/,
  );
  t.notOk(existsSync(join(folder, 'acme')), 'and nothing was stored');
});
