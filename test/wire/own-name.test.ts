/**
 * A name and a certificate of its own, from an empty state folder, on our own stack and on the kernel's sockets: the
 * server has the zone, signed; Knot has the parent that delegates it; a validating unbound is everybody's resolver;
 * Pebble is the authority; Chromium trusts what it trusts by its own means.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { Lab } from './lab.js';
import { skipWithout } from './needs.js';
import { CA_NAME, SELF_ZONE, saveRoot, startPebble, statusAt } from './pebble.js';
import { MAIN, SITE } from './server.js';
import { BROWSER_NEEDS, openBrowser } from './trusting-browser.js';

t.setTimeout(480_000);
const COMMANDS = ['pebble', 'pebble-challtestsrv', 'openssl', 'curl', 'dig', 'knotd', 'unbound', ...BROWSER_NEEDS];
const skip = skipWithout(...COMMANDS);
const WORLD = '10.77.0.2';
const OURS = '10.77.0.80';
const LOAD = resolve('build', 'test', 'wire', 'own-name-load.js');

/** Where the server is, and how it reaches the authority. */
const DIRECT = {
  args: [
    ...['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', `${OURS}/24`, '--no-ipv6', '--dns', WORLD],
    ...['--acme-directory', `https://${CA_NAME}:14000/dir`],
  ],
  prepare: (_lab: Lab): void => undefined,
};
const SOCKETS: typeof DIRECT = {
  args: [
    ...['--host', OURS, '--port', '80', '--https-port', '443'],
    ...['--acme-directory', `https://${WORLD}:14000/dir`, '--acme-challenge', 'dns-01'],
  ],
  prepare: (lab) => lab.host.ip(`addr add ${OURS}/24 dev br0`),
};

async function walk(t: Test, { args, prepare }: typeof DIRECT): Promise<void> {
  const lab = new Lab(t);
  const at = (name: string): string => join(lab.folder, name);
  lab.host.ip('link add name br0 type bridge');
  lab.host.ip('link set br0 up');
  prepare(lab);
  const world = lab.client(`${WORLD}/24`);
  const state = at('state');
  writeFileSync(at('example.test.zone'), SELF_ZONE);
  const keys = await lab.host.run(process.execPath, [MAIN, 'zone', 'keys', at('example.test.zone'), '--state', state]);
  const ds = /^example\.test\. DS .*$/m.exec(keys.stdout)?.[0];
  t.type(ds, 'string', 'the record for the registrar');

  // The parent, and who asks for everybody.
  const parent = `$ORIGIN test.\n$TTL 60\n@ SOA ns h 1 7200 900 1209600 300\n@ NS ns\nns A ${WORLD}\nca A ${WORLD}\n`;
  writeFileSync(at('test.zone'), `${parent}example NS ns.example\nns.example A ${OURS}\n${ds}\n`);
  const knot = `server:\n  rundir: ${lab.folder}\n  listen: ${WORLD}@5301\ndatabase:\n  storage: ${at('db')}\n`;
  writeFileSync(at('knot.conf'), `${knot}zone:\n  - domain: test.\n    file: ${at('test.zone')}\n`);
  const unbound = [
    'server:',
    ...[`directory: "${lab.folder}"`, 'username: ""', 'chroot: ""', 'pidfile: ""', 'use-syslog: no', 'logfile: ""'],
    ...[`interface: ${WORLD}`, `access-control: ${WORLD}/24 allow`, 'do-ip6: no', 'local-zone: "test." nodefault'],
    ...[`trust-anchor: "${ds}"`, 'cache-max-ttl: 5', 'verbosity: 1'],
    ...['stub-zone:', '  name: "test."', `  stub-addr: ${WORLD}@5301`],
    ...['remote-control:', '  control-enable: no', ''],
  ];
  writeFileSync(at('unbound.conf'), unbound.join('\n'));
  world.start('knotd', ['-c', at('knot.conf')]);
  const recursive = world.start('unbound', ['-d', '-c', at('unbound.conf')]);
  await recursive.says(/start of service/, 30);
  const place = { host: world, address: WORLD, target: OURS };
  const pebble = await startPebble(lab, { place, dnsServer: `${WORLD}:53` });

  const server = lab.host.start(process.execPath, [
    ...[MAIN, ...args, '--zone', at('example.test.zone'), '--dnssec', '--state', state, '--log', 'net'],
    ...['--acme', 'a@example.test', '--domain', 'example.test,www.example.test', '--agree-tos'],
    ...['--acme-roots', pebble.ca, SITE],
  ]);
  await server.says(/answering names at/, 30);
  // By the NSEC record of this answer everybody's resolver denies what would stand behind example.test (RFC 8198).
  await world.run('dig', [`@${WORLD}`, '+dnssec', 'example.test', 'AAAA']);
  await server.says(/the certificate for example\.test, www\.example\.test is ready/, 90);
  const asked = await world.run('dig', [`@${WORLD}`, '+dnssec', 'www.example.test', 'A']);
  t.match(asked.stdout, /flags: qr rd ra ad;[\s\S]*10\.77\.0\.80/, 'validated up to the key of the registrar');

  await saveRoot(pebble, at('roots.pem'));
  const load = world.start(process.execPath, [LOAD, OURS, 'www.example.test', at('roots.pem')]);
  await load.says(/ready/);
  for (const time of [2, 3]) {
    await lab.host.run(process.execPath, [MAIN, 'certificate', 'renew', '--state', state]);
    server.signal('SIGHUP');
    await server.says(new RegExp(`(?:the certificate for [^\\n]* is ready[\\s\\S]*){${time}}`), 90);
  }
  // Somebody else has the key. The kernel of a host with a stack of ours has no way to the authority: the command
  // runs where there is one.
  const file = join(state, 'acme', 'example.test', 'certificate.pem');
  const stolen = new X509Certificate(readFileSync(file));
  const { stdout } = await world.run(process.execPath, [
    ...[MAIN, 'certificate', 'revoke', '--state', state, '--reason', 'keyCompromise'],
    ...['--acme-directory', `https://${WORLD}:14000/dir`, '--acme-roots', pebble.ca],
  ]);
  t.match(stdout, /is revoked: keyCompromise\nexample\.test: a new certificate is ordered, with a new key/);
  t.match(await statusAt(pebble, stolen), { Status: 'Revoked', Reason: 1 });
  server.signal('SIGHUP');
  await server.says(/(?:the certificate for [^\n]* is ready[\s\S]*){4}/, 90);
  t.notOk(new X509Certificate(readFileSync(file)).publicKey.equals(stolen.publicKey), 'with a key of its own');
  load.child.stdin?.end();
  const [text] = await load.says(/^\{.*\}$/m, 30);
  const seen = JSON.parse(text) as { requests: number; failures: string[]; certificates: number };
  t.same(seen.failures, []);
  t.ok(seen.requests > 10 && seen.certificates >= 3, text);

  // A browser finds it by its name alone, as everybody does, and refuses it unless it trusts the root.
  const url = 'https://www.example.test/';
  const browser = { place: world, nameServer: WORLD };
  const trusting = await openBrowser(t, { ...browser, root: at('roots.pem') });
  const answer = await (await trusting.newPage()).goto(url, { timeout: 60_000 });
  t.equal(answer?.status(), 200);
  t.match(await answer?.securityDetails(), { protocol: 'TLS 1.3' });
  const stranger = await openBrowser(t, { ...browser, root: undefined });
  await t.rejects((await stranger.newPage()).goto(url, { timeout: 60_000 }), /ERR_CERT_AUTHORITY_INVALID/);
}

const NAME = 'from an empty state folder to a page by name, renewed twice and revoked under load';
t.test(`${NAME}: on our own stack`, { skip }, (t) => walk(t, DIRECT));
t.test(`${NAME}: on the kernel's sockets`, { skip }, (t) => walk(t, SOCKETS));
