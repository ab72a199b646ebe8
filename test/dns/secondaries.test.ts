/**
 * NSD, Knot and BIND as secondaries: the zone by AXFR, word of a new version, and what changed by IXFR, all with TSIG.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { comes, dig, freePort, SITE, serveNames, skipWithoutCommands, start } from './peers.js';

type Make = (folder: string, port: number, primary: number, secret: string) => readonly [string, ...string[]];

const nsd: Make = (folder, port, primary, secret) => {
  writeFileSync(
    join(folder, 'nsd.conf'),
    `server:
  ip-address: 127.0.0.1@${port}
  username: ""
  chroot: ""
  database: ""
  pidfile: "${folder}/nsd.pid"
  xfrdfile: ""
  zonelistfile: "${folder}/nsd.list"
  zonesdir: "${folder}"
remote-control:
  control-enable: no
key:
  name: xfr-key
  algorithm: hmac-sha256
  secret: "${secret}"
zone:
  name: site.example
  zonefile: nsd.zone
  request-xfr: 127.0.0.1@${primary} xfr-key
  allow-notify: 127.0.0.1 xfr-key
`,
  );
  return ['nsd', '-d', '-c', join(folder, 'nsd.conf')];
};

const knot: Make = (folder, port, primary, secret) => {
  mkdirSync(join(folder, 'knot'));
  writeFileSync(
    join(folder, 'knot.conf'),
    `server:
  rundir: ${folder}/knot
  user: root:root
  listen: 127.0.0.1@${port}
database:
  storage: ${folder}/knot
key:
  - id: xfr-key
    algorithm: hmac-sha256
    secret: ${secret}
remote:
  - id: m
    address: 127.0.0.1@${primary}
    key: xfr-key
acl:
  - id: n
    address: 127.0.0.1
    key: xfr-key
    action: notify
zone:
  - domain: site.example
    storage: ${folder}
    file: knot.zone
    master: m
    acl: n
`,
  );
  return ['knotd', '-c', join(folder, 'knot.conf')];
};

const named: Make = (folder, port, primary, secret) => {
  writeFileSync(
    join(folder, 'named.conf'),
    `key xfr-key { algorithm hmac-sha256; secret "${secret}"; };
options { directory "${folder}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; pid-file none;
  dnssec-validation no; session-keyfile none; };
controls { };
zone "site.example" { type secondary; file "named.zone"; masterfile-format text;
  primaries { 127.0.0.1 port ${primary} key xfr-key; }; allow-notify { key xfr-key; }; };
`,
  );
  return ['named', '-f', '-c', join(folder, 'named.conf')];
};

for (const [name, make] of Object.entries({ nsd, knotd: knot, named })) {
  const skip = process.getuid?.() === 0 ? skipWithoutCommands(name, 'dig') : 'needs root';
  t.test(`${name} as a secondary`, { skip }, async (t) => {
    const folder = t.testdir({ 'site.example.zone': SITE });
    const file = join(folder, 'site.example.zone');
    const secret = randomBytes(32).toString('base64');
    writeFileSync(join(folder, 'keys'), `# for ${name}\nhmac-sha256:xfr-key:${secret}\n`);
    const port = await freePort();
    const argv = ['--zone', file, '--dns-keys', join(folder, 'keys'), '--dns-secondary', `127.0.0.1@${port}#xfr-key`];
    const server = await serveNames(t, ...argv);
    const [command, ...rest] = make(folder, port, server.port, secret);
    start(t, command, ...rest);
    const soa = (): Promise<string> => dig(port, '+short', 'site.example', 'SOA');
    t.match(await comes(soa, /2026112301/), /2026112301/, 'the zone came by AXFR');
    t.match(await dig(port, '+short', 'www.site.example', 'A'), /192\.0\.2\.2/);
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('2026112301', '2026112302').replace('192.0.2.3', '192.0.2.33'),
    );
    server.child.kill('SIGHUP');
    t.match(await comes(soa, /2026112302/), /2026112302/, 'word of the new version came, and the secondary fetched it');
    t.match(await dig(port, '+short', 'mail.site.example', 'A'), /192\.0\.2\.33/);
  });
}

t.test('whole zones are for those with a key', { skip: skipWithoutCommands('dig') }, async (t) => {
  const folder = t.testdir({ 'site.example.zone': SITE });
  const file = join(folder, 'site.example.zone');
  const [secret, wrong] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
  writeFileSync(join(folder, 'keys'), `hmac-sha512:long-key:${secret}\nhmac-sha256:xfr-key:${secret}\n`);
  const { port, child } = await serveNames(t, '--zone', file, '--dns-keys', join(folder, 'keys'));
  const axfr = (...argv: string[]): Promise<string> => dig(port, ...argv, 'site.example', 'AXFR');
  t.match(await axfr(), /Transfer failed/, 'without one');
  t.match(await axfr('-y', `hmac-sha256:xfr-key:${wrong}`), /BADSIG/);
  t.match(await axfr('-y', `hmac-sha256:other-key:${secret}`), /BADKEY/);
  t.match(await axfr('-y', `hmac-sha256:xfr-key:${secret}`), /XFR size: \d+ records/, 'with the key');
  t.match(await axfr('-y', `hmac-sha512:long-key:${secret}`), /XFR size: \d+ records/, 'with the other');
  t.match(
    await dig(port, '-y', `hmac-sha256:xfr-key:${secret}`, 'site.example', 'A'),
    /NOERROR[\s\S]*TSIG/,
    'any question may be signed',
  );
  writeFileSync(file, SITE.replace('2026112301', '2026112302').replace('192.0.2.3', '192.0.2.33'));
  child.kill('SIGHUP');
  await comes(() => dig(port, '+short', 'site.example', 'SOA'), /2026112302/);
  const ixfr = await dig(port, '-y', `hmac-sha256:xfr-key:${secret}`, 'site.example', 'IXFR=2026112301');
  t.match(ixfr, /mail[\s\S]*192\.0\.2\.3\n[\s\S]*mail[\s\S]*192\.0\.2\.33\n/, 'what changed');
  t.match(ixfr, /XFR size: 6 records/);
  t.match(
    await dig(port, '-y', `hmac-sha256:xfr-key:${secret}`, 'site.example', 'IXFR=2026112302'),
    /XFR size: 1 records/,
    'nothing did',
  );
});
