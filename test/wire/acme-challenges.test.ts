/**
 * Each kind of challenge by the program itself, on the kernel's sockets and on our own stack, where all that goes to
 * the authority goes over that stack as well: its host has no address by which it could be reached otherwise.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Lab, type Namespace, type Program } from './lab.js';
import { skipWithout } from './needs.js';
import { ADDRESS, CA_NAME, DIRECTORY, SELF_ZONE, startPebble } from './pebble.js';
import { MAIN, SITE } from './server.js';

const skip = skipWithout('pebble', 'pebble-challtestsrv', 'openssl', 'curl');

const ABOVE = `$TTL 60
@ SOA ns hostmaster 1 7200 900 1209600 300
@ NS ns
ns A 10.77.0.2
ca A 10.77.0.2
example A 10.77.0.80
www.example A 10.77.0.80
`;

function namesOf(state: string, folder: string): string[] {
  const text = new X509Certificate(readFileSync(join(state, 'acme', folder, 'certificate.pem'))).subjectAltName ?? '';
  return text
    .split(', ')
    .map((one) => one.replace(/^(DNS|IP Address):/, ''))
    .sort();
}

function start(host: Namespace, args: readonly string[]): Program {
  return host.start(process.execPath, [MAIN, ...args, '--log', 'net', '--acme', 'a@example.test', '--agree-tos', SITE]);
}

t.test(
  'over sockets: tls-alpn-01 in every worker, and dns-01 for a wildcard in a zone of its own',
  { skip },
  async (t) => {
    const lab = new Lab(t);
    const zone = join(lab.folder, 'example.test.zone');
    writeFileSync(zone, SELF_ZONE);
    const pebble = await startPebble(lab, { dnsServer: `${ADDRESS}:53` });
    // On port 80 nobody serves: what asks there is refused.
    const names = lab.host.start(process.execPath, [
      ...[MAIN, '--host', ADDRESS, '--port', '8080', '--zone', zone, SITE],
    ]);
    await names.says(/answering names at/);
    const common = ['--host', ADDRESS, '--acme-directory', DIRECTORY, '--acme-roots', pebble.ca];
    const alpn = join(lab.folder, 'alpn');
    const first = start(lab.host, [
      ...[...common, '--port', '8081', '--https-port', '443', '--workers', '3', '--state', alpn],
      ...['--domain', 'www.example.test,example.test'],
    ]);
    await first.says(/the certificate for example\.test, www\.example\.test is ready/, 60);
    t.same(namesOf(alpn, 'example.test'), ['example.test', 'www.example.test']);
    await first.stop();
    await names.stop();
    const dns = join(lab.folder, 'dns');
    const second = start(lab.host, [
      ...[...common, '--port', '8081', '--https-port', '8443', '--zone', zone, '--state', dns],
      ...['--domain', '*.example.test,example.test'],
    ]);
    await second.says(/the certificate for \*\.example\.test, example\.test is ready/, 60);
    t.same(namesOf(dns, '_wildcard.example.test'), ['*.example.test', 'example.test']);
  },
);

t.test('on our own stack: each kind, with the authority reached through that stack alone', { skip }, async (t) => {
  const lab = new Lab(t);
  // A bridge without an address: the kernel of the host has no way to the authority.
  lab.host.ip('link add name br0 type bridge');
  lab.host.ip('link set br0 up');
  const host = lab.client('10.77.0.2/24');
  const target = '10.77.0.80';
  const pebble = await startPebble(lab, { place: { host, address: '10.77.0.2', target } });
  t.equal((await lab.host.run('ip', ['route', 'get', '10.77.0.2'])).status, 2, 'no way for the kernel');
  // Whom the stack's resolver asks.
  const above = join(lab.folder, 'test.zone');
  writeFileSync(above, ABOVE);
  const resolver = host.start(process.execPath, [
    ...[MAIN, '--host', '10.77.0.2', '--port', '8080', '--zone', above, '--dns-port', '5300', SITE],
  ]);
  await resolver.says(/answering names at/);
  const zone = join(lab.folder, 'example.test.zone');
  writeFileSync(zone, SELF_ZONE);
  const common = [
    ...['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', `${target}/24`, '--dns', '10.77.0.2@5300'],
    ...['--no-ipv6', '--acme-directory', `https://${CA_NAME}:14000/dir`, '--acme-roots', pebble.ca],
  ];
  for (const [kind, names, folder] of [
    ['http-01', 'www.example.test,example.test', 'example.test'],
    ['tls-alpn-01', 'www.example.test', 'www.example.test'],
  ] as const) {
    const state = join(lab.folder, kind);
    const server = start(lab.host, [...common, '--state', state, '--acme-challenge', kind, '--domain', names]);
    await server.says(/the certificate for .* is ready/, 60);
    t.same(namesOf(state, folder), names.split(',').sort());
    await server.stop();
  }
  const untrusted = start(lab.host, [
    ...[...common.slice(0, -2), '--state', join(lab.folder, 'untrusted'), '--domain', 'www.example.test'],
  ]);
  await untrusted.says(/ca\.test:14000 cannot be asked: .*no root that is trusted has issued it/, 60);
  await untrusted.stop();
  await pebble.program.stop();
  const own = await startPebble(lab, { place: { host, address: '10.77.0.2', target }, dnsServer: `${target}:53` });
  const state = join(lab.folder, 'dns');
  const server = start(lab.host, [
    ...[...common, '--state', state, '--zone', zone, '--acme-challenge', 'dns-01'],
    ...['--domain', '*.example.test,example.test'],
  ]);
  await server.says(/the certificate for .* is ready/, 60);
  t.same(namesOf(state, '_wildcard.example.test'), ['*.example.test', 'example.test']);
  t.ok(own.program.running);
});
