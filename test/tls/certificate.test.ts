/**
 * Certificates: what is wrong with files is said, each in its message; names and schemes choose (RFC 8446 4.4.2.2, RFC
 * 9525 6).
 */
import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Certificates } from '../../src/tls/certificate/certificate.js';
import { CertificateError, loadCertificate, makeCertificate } from '../../src/tls/certificate/load.js';
import { makeSelfSigned } from '../../src/tls/certificate/self-signed.js';
import { Roots, readChain, verifyChain } from '../../src/tls/certificate/verify.js';
import { TlsError } from '../../src/tls/common/alert.js';
import { SCHEME } from '../../src/tls/common/suites.js';
import { opensslCertificate, seeded } from './setup.js';

/** A little later: certificates that are made below begin to be valid when they are made. */
const NOW = Date.now() + 60_000;
const DAY = 86_400_000;
const FILES = { certificate: 'a.pem', key: 'a.key' };
const P256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

function openssl(cwd: string, ...args: string[]): void {
  execFileSync('openssl', args, { cwd, stdio: 'pipe' });
}

/** A root, an intermediate and a server's certificate in a folder. */
function authority(folder: string): { chain: string[]; key: string; root: string } {
  const ca = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=keyCertSign'];
  openssl(folder, 'req', '-x509', ...P256, '-nodes', '-keyout', 'r.key', '-out', 'r.pem', '-subj', '/CN=Root', ...ca);
  const sign = (name: string, subject: string, by: string, extensions: string): void => {
    const files = ['-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`];
    openssl(folder, 'req', ...P256, ...files, '-subj', `/CN=${subject}`);
    writeFileSync(join(folder, 'extensions'), extensions);
    const authority = ['-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-days', '30', '-extfile', 'extensions'];
    openssl(folder, 'x509', '-req', '-in', `${name}.csr`, ...authority, '-out', `${name}.pem`);
  };
  sign('i', 'Intermediate', 'r', 'basicConstraints=critical,CA:TRUE\n');
  sign(
    's',
    'Server',
    'i',
    'subjectAltName=DNS:example.org,DNS:*.example.org,IP:192.0.2.1\nextendedKeyUsage=serverAuth\n',
  );
  const read = (name: string): string => readFileSync(join(folder, name), 'latin1');
  return { chain: [read('s.pem'), read('i.pem')], key: read('s.key'), root: read('r.pem') };
}

t.test('each mistake with files has its message', async (t) => {
  const dir = t.testdir({ 'empty.pem': 'nothing\n' });
  const own = makeSelfSigned({ names: ['a.example'], from: NOW, random: seeded(1) });
  const other = makeSelfSigned({ names: ['b.example'], from: NOW, random: seeded(2) });
  const refuses = (chain: string, key: string, pattern: RegExp): void => {
    t.throws(() => makeCertificate(chain, key, FILES, NOW), { name: 'CertificateError', message: pattern });
  };
  refuses(own.certificate, other.key, /^a\.key: the key does not fit the certificate in a\.pem; /);
  refuses('nothing', own.key, /^a\.pem: no certificate in PEM/);
  refuses(own.certificate, 'nothing', /^a\.key: no private key in PEM/);
  refuses(own.certificate.replace('MII', 'AAA'), own.key, /^a\.pem: certificate 1 in it is damaged/);
  refuses(own.certificate, own.key.replace('MIG', 'AAA'), /^a\.key: the private key is damaged/);
  const encrypted = createPrivateKey(own.key).export({
    format: 'pem',
    type: 'pkcs8',
    cipher: 'aes-256-cbc',
    passphrase: 'x',
  });
  refuses(own.certificate, encrypted as string, /^a\.key: the key is encrypted, .*openssl pkey -in a\.key/);
  const weak = opensslCertificate(['-newkey', 'rsa:1024'], 'a.example');
  refuses(weak.certificate, weak.key, /^a\.key: a key of type rsa is not used here/);
  const missing = { certificate: join(dir, 'none.pem'), key: join(dir, 'none.key') };
  await t.rejects(loadCertificate(missing, NOW), {
    message: /none\.pem: the certificate cannot be read: there is no such file/,
  });
  t.throws(() => makeCertificate(own.certificate, other.key, FILES, NOW), CertificateError);
});

t.test('what is served all the same is said: dates, order, an incomplete chain', (t) => {
  const dir = t.testdir();
  const own = makeSelfSigned({ names: ['a.example'], from: NOW, random: seeded(1) });
  const notes = (chain: string, key: string, now: number): readonly string[] =>
    makeCertificate(chain, key, FILES, now).notes;
  t.same(notes(own.certificate, own.key, NOW), []);
  t.match(notes(own.certificate, own.key, NOW + 400 * DAY), [/^a\.pem: the certificate expired on \d{4}-\d\d-\d\d;/]);
  t.match(notes(own.certificate, own.key, NOW - 2 * DAY), [/^a\.pem: the certificate is not valid before/]);
  t.match(notes(own.certificate, own.key, NOW + 355 * DAY), [/^a\.pem: the certificate expires on .*, in \d+ days$/]);
  const { chain, key, root } = authority(dir);
  const [server = '', intermediate = ''] = chain;
  t.same(notes(server + intermediate, key, NOW), []);
  t.match(notes(intermediate + server, key, NOW), [/wrong order; they are sent in the right one/]);
  t.match(notes(server, key, NOW), [/chain is incomplete/]);
  const right = makeCertificate(server + intermediate, key, FILES, NOW).certificate;
  const mended = makeCertificate(root + intermediate + server, key, FILES, NOW).certificate;
  t.same(mended.message, right.message, 'in order, and without the root');
  t.same(right.names, ['example.org', '*.example.org', '192.0.2.1']);
  t.end();
});

t.test('RFC 8446 4.4.2.2: name and signature schemes choose the certificate', (t) => {
  const make = (name: string, options: readonly string[]) => {
    const { certificate, key } = opensslCertificate(options, name);
    return makeCertificate(certificate, key, { certificate: `${name} ${options[1]}`, key: 'k' }, NOW).certificate;
  };
  const ecdsa = make('example.org', P256);
  const rsa = make('example.org', ['-newkey', 'rsa:2048']);
  const wild = make('*.example.org', P256);
  const other = make('example.net', ['-newkey', 'ed25519']);
  const all = new Certificates([rsa, ecdsa, wild, other]);
  const both = [SCHEME.rsaPssRsaeSha256, SCHEME.ecdsaSecp256r1Sha256, SCHEME.ed25519];
  const chosen = (name: string | undefined, schemes: readonly number[]) =>
    all.choose(name, schemes)?.certificate.source;
  t.equal(chosen('example.org', both), ecdsa.source, 'ECDSA before RSA');
  t.equal(chosen('EXAMPLE.org'.toLowerCase(), [SCHEME.rsaPssRsaeSha256]), rsa.source, 'RSA for who has nothing else');
  t.equal(chosen('www.example.org', both), wild.source);
  t.equal(
    chosen('a.b.example.org', both),
    ecdsa.source,
    'RFC 9525 6.3: a wildcard is one label; the first certificate stands in',
  );
  t.equal(chosen('example.net.', both), other.source);
  t.equal(chosen(undefined, both), ecdsa.source);
  t.equal(chosen('unknown.example', both), ecdsa.source);
  t.equal(chosen('example.net', [SCHEME.rsaPssRsaeSha256]), undefined);
  t.equal(all.choose('example.org', both)?.scheme, SCHEME.ecdsaSecp256r1Sha256);
  t.end();
});

t.test('a self-signed certificate is what OpenSSL takes for one', (t) => {
  const { certificate, key } = makeSelfSigned({ names: ['localhost', '127.0.0.1'], from: NOW, random: seeded(3) });
  const read = new X509Certificate(certificate);
  t.equal(read.subjectAltName, 'DNS:localhost, IP Address:127.0.0.1');
  t.ok(read.verify(read.publicKey));
  t.ok(read.checkPrivateKey(createPrivateKey(key)));
  t.equal(read.ca, false);
  t.ok(Date.parse(read.validTo) - NOW < 398 * DAY);
  const text = execFileSync('openssl', ['x509', '-noout', '-text'], { input: certificate }).toString();
  t.match(text, /Signature Algorithm: ecdsa-with-SHA256/);
  t.match(text, /TLS Web Server Authentication/);
  t.end();
});

t.test('RFC 5280 6: a client believes a chain that leads to a root, for the name, today', (t) => {
  const dir = t.testdir();
  const { chain, root } = authority(dir);
  const der = chain.map((pem) => new X509Certificate(pem).raw);
  const roots = new Roots([root]);
  /** The alert with which a client would refuse. */
  const alert = (name: string, certificates = der, now = NOW, trusted = roots): string | undefined => {
    try {
      verifyChain(readChain(certificates), name, now, trusted);
      return undefined;
    } catch (error) {
      if (!(error instanceof TlsError)) throw error;
      return error.alert;
    }
  };
  t.equal(alert('example.org'), undefined);
  t.equal(alert('www.example.org'), undefined);
  t.equal(alert('192.0.2.1'), undefined);
  t.equal(alert('example.org', [...der, new X509Certificate(root).raw]), undefined);
  t.equal(alert('example.net'), 'badCertificate');
  t.equal(alert('192.0.2.2'), 'badCertificate');
  t.equal(alert('example.org', der.slice(0, 1)), 'unknownCa');
  t.equal(alert('example.org', [der[0]!, der[0]!]), 'unknownCa');
  t.equal(alert('example.org', der, NOW, new Roots([])), 'unknownCa');
  t.equal(alert('example.org', der, NOW + 31 * DAY), 'certificateExpired');
  t.equal(alert('example.org', der, NOW - 2 * DAY), 'certificateExpired');
  t.equal(alert('example.org', [Buffer.of(1, 2, 3)]), 'badCertificate');
  t.equal(new Roots().issuers(new X509Certificate(root)).length, 0, "Node's own roots do not know it");
  t.end();
});
