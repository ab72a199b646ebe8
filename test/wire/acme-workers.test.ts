/**
 * Several workers on our own stack, and one certificate: the first process orders it, over the stack of the workers,
 * because the kernel of its host has no way to the authority. Each kind of challenge; dns-01 is proven by a secondary.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Lab, type Program } from './lab.js';
import { skipWithout } from './needs.js';
import { CA_NAME, SELF_ZONE, startPebble } from './pebble.js';
import { MAIN, SITE } from './server.js';

t.setTimeout(240_000);
const skip = skipWithout('pebble', 'pebble-challtestsrv', 'openssl', 'curl', 'knotd');
const WORLD = '10.77.0.2';
const OURS = '10.77.0.80';
const ABOVE = `$TTL 60
@ SOA ns hostmaster 1 7200 900 1209600 300
@ NS ns
ns A ${WORLD}
ca A ${WORLD}
www.example A ${OURS}
`;
const SECRET = Buffer.alloc(32, 7).toString('base64');

t.test(
  '--workers on our own stack: each kind of challenge, and a secondary that must have the proof',
  { skip },
  async (t) => {
    const lab = new Lab(t);
    const at = (name: string): string => join(lab.folder, name);
    lab.host.ip('link add name br0 type bridge');
    lab.host.ip('link set br0 up');
    const world = lab.client(`${WORLD}/24`);
    const place = { host: world, address: WORLD, target: OURS };
    const pebble = await startPebble(lab, { place });
    t.equal((await lab.host.run('ip', ['route', 'get', WORLD])).status, 2, 'no way for the kernel');
    writeFileSync(at('test.zone'), ABOVE);
    const resolver = world.start(process.execPath, [
      ...[MAIN, '--host', WORLD, '--port', '8080', '--zone', at('test.zone'), '--dns-port', '5300', SITE],
    ]);
    await resolver.says(/answering names at/);
    const start = (state: string, ...more: string[]): Program =>
      lab.host.start(process.execPath, [
        ...[MAIN, '--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', `${OURS}/24`, '--no-ipv6'],
        ...['--workers', '2', '--dns', `${WORLD}@5300`, '--state', at(state), '--log', 'net'],
        ...['--acme', 'a@example.test', '--agree-tos', '--acme-directory', `https://${CA_NAME}:14000/dir`],
        ...['--acme-roots', pebble.ca, ...more, SITE],
      ]);
    const certificateOf = (state: string, name: string): X509Certificate =>
      new X509Certificate(readFileSync(join(at(state), 'acme', name, 'certificate.pem')));

    for (const kind of ['http-01', 'tls-alpn-01'] as const) {
      const server = start(kind, '--acme-challenge', kind, '--domain', 'www.example.test');
      await server.says(/the certificate for www\.example\.test is ready/, 60);
      await server.says(/certificates were read again[\s\S]*certificates were read again/);
      const { fingerprint256 } = certificateOf(kind, 'www.example.test');
      // New connections come to either worker.
      for (let i = 0; i < 8; i++) {
        const words = ['-sk', '-o', '/dev/null', '-w', '%{certs}', '--resolve', `www.example.test:443:${OURS}`];
        const { stdout } = await world.run('curl', [...words, 'https://www.example.test/']);
        t.equal(new X509Certificate(stdout.slice(stdout.indexOf('-----BEGIN'))).fingerprint256, fingerprint256);
      }
      await server.stop();
    }
    const missing = start('missing', '--domain', 'www.example.test', '--acme-roots', at('nothing'));
    t.equal(await missing.exit, 1);
    t.match(missing.stderr, /--acme-roots: .*nothing cannot be read/);
    const untrusted = start('untrusted', '--domain', 'www.example.test', '--acme-roots', at('pebble.pem'));
    await untrusted.says(/ca\.test:14000 cannot be asked: .*no root that is trusted has issued it/, 60);
    await untrusted.stop();

    // The authority asks the secondary, and nobody else.
    await pebble.program.stop();
    writeFileSync(at('example.test.zone'), SELF_ZONE);
    writeFileSync(at('keys'), `hmac-sha256:k:${SECRET}\n`);
    writeFileSync(
      at('knot.conf'),
      `server:\n  rundir: ${lab.folder}\n  listen: ${WORLD}@5302\ndatabase:\n  storage: ${at('db')}
key:\n  - id: k\n    algorithm: hmac-sha256\n    secret: ${SECRET}
remote:\n  - id: ours\n    address: ${OURS}@53\n    key: k
acl:\n  - id: notified\n    key: k\n    action: notify
zone:\n  - domain: example.test.\n    file: ${at('copy.zone')}\n    master: ours\n    acl: notified\n`,
    );
    const knot = world.start('knotd', ['-c', at('knot.conf')]);
    // It must hear the first NOTIFY.
    await knot.says(/server started/);
    await startPebble(lab, { place, dnsServer: `${WORLD}:5302` });
    const server = start(
      'dns',
      ...['--zone', at('example.test.zone'), '--acme-challenge', 'dns-01', '--domain', '*.example.test,example.test'],
      ...['--dns-keys', at('keys'), '--dns-secondary', `${WORLD}@5302#k`],
    );
    await server.says(/the certificate for \*\.example\.test, example\.test is ready/, 90);
    t.notMatch(server.stderr, /has not taken/);
    t.match(certificateOf('dns', '_wildcard.example.test').subjectAltName, 'DNS:*.example.test');
    t.ok(knot.running);
  },
);
