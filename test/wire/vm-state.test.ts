/** A machine image with a state disk: it orders its certificate once, and has it at the next start. */
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Lab, type Program } from './lab.js';
import { BOOT, boot, build, endsCleanly, imageFolder, onePage, skip } from './machine.js';
import { skipWithout } from './needs.js';
import { SELF_ZONE, saveRoot, startPebble } from './pebble.js';
import { MAIN } from './server.js';

t.setTimeout(1_200_000);
const HOST = '46.43.42.129';
const MACHINE = '46.43.42.137';
const NAME = 'www.example.test';
const NAMES = `example.test,${NAME}`;
const READY = /the certificate for example\.test, www\.example\.test is ready/;

/** SHA-256 of the certificate that the machine serves. */
async function served(lab: Lab, roots: string): Promise<string> {
  const out = ['-s', '-o', '/dev/null', '-w', '%{http_code}\n%{certs}', '--resolve', `${NAME}:443:${MACHINE}`];
  const { stdout, stderr } = await lab.host.run('curl', [...out, '--cacert', roots, `https://${NAME}/`]);
  const pem = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/.exec(stdout)?.[0];
  if (!stdout.startsWith('200\n') || pem === undefined) throw new Error(`${stdout} ${stderr}`);
  return new X509Certificate(pem).fingerprint256;
}

async function dnskey(lab: Lab): Promise<string> {
  const { stdout } = await lab.host.run('dig', [`@${MACHINE}`, '+time=20', '+short', 'example.test', 'DNSKEY']);
  return stdout;
}

function disk(...words: string[]): string {
  return execFileSync(process.execPath, [MAIN, 'image', 'state', ...words], { encoding: 'utf8' });
}

const tools = skip || skipWithout('pebble', 'pebble-challtestsrv', 'openssl', 'dig');

interface Bed {
  readonly lab: Lab;
  /** File of the disk. */
  readonly state: string;
  /** The certificate and the key of the zone that the machine serves now. */
  readonly served: () => Promise<{ certificate: string; key: string }>;
  /** `names`: of the certificate. */
  readonly start: (names: string, ...more: string[]) => Program;
}

/** `kind`: of the challenge that is answered. */
async function bed(t: Test, kind: 'tls-alpn-01' | 'dns-01'): Promise<Bed> {
  const lab = new Lab(t, `${HOST}/25`);
  const place = { host: lab.host, address: HOST, target: MACHINE };
  const pebble = await startPebble(lab, kind === 'dns-01' ? { place, dnsServer: `${MACHINE}:53` } : { place });
  const images = imageFolder(t);
  const zone = join(images, 'example.test.zone');
  writeFileSync(zone, SELF_ZONE);
  const image = build(images, onePage(t, 'kept'), '--zone', zone);
  const state = join(images, 'state.disk');
  const first = join(images, 'first');
  mkdirSync(first);
  copyFileSync(pebble.ca, join(first, 'roots.pem'));
  t.equal(disk(state, '--from', first).split(' ')[0], 'roots.pem');
  const roots = join(images, 'roots.pem');
  const options = [
    ...['acme=admin@example.test', 'agree-tos', 'acme-roots=roots.pem', 'log=net', 'dnssec'],
    ...[`acme-directory=https://${HOST}:14000/dir`, `acme-challenge=${kind}`],
  ];
  return {
    lab,
    state,
    served: async () => {
      await saveRoot(pebble, roots);
      return { certificate: await served(lab, roots), key: await dnskey(lab) };
    },
    start: (names, ...more) => {
      const append = [...options, `domain=${names}`].join(' ');
      return boot(lab, image, '--ipv4', `${MACHINE}/25`, '--state-disk', state, '--append', append, ...more);
    },
  };
}

t.test('certificate, by tls-alpn-01, plan and the key of the zone outlive the machine', { skip: tools }, async (t) => {
  const { start, served, state } = await bed(t, 'tls-alpn-01');
  const one = start(NAMES);
  await one.says(READY, BOOT);
  const before = await served();
  t.match(before.key, /^257 3 13 /);
  t.match(one.stderr, /sealed: .*user 61184/, 'it is sealed as without');
  await endsCleanly(t, one);
  const files = disk(state)
    .split('\n')
    .map((line) => line.split(' ')[0]);
  for (const file of ['account.key', 'account.json', 'example.test/certificate.pem', 'example.test/renewal.json'])
    t.ok(files.includes(`acme/${file}`), file);
  const two = start(NAMES);
  await two.says(/^listening on https:/m, BOOT);
  t.same(await served(), before, 'the same certificate, and the same key');
  t.notMatch(two.stderr, READY, 'nothing was ordered');
  await endsCleanly(t, two);
});

t.test(
  'a machine that takes the traffic over takes the state over, and proves by dns-01',
  { skip: tools },
  async (t) => {
    const { lab, start, served, state } = await bed(t, 'dns-01');
    const link = join(lab.folder, 'link');
    const mac = ['--mac', '02:00:00:00:00:07'];
    const first = start(NAMES, ...mac, '--successor', link);
    await first.says(READY, BOOT);
    const before = await served();
    for (const flag of ['learning', 'flood', 'bcast_flood', 'mcast_flood'])
      lab.host.ip(`link set dev tap0 type bridge_slave ${flag} off`);
    // Another set of names is another order: by the same account, stored by the second.
    const second = start('example.test,further.example.test', ...mac, '--tap', 'tap1', '--predecessor', link);
    await second.says(/the certificate for example\.test, further\.example\.test is ready/, BOOT);
    t.equal(await first.exit, 0, first.stderr);
    t.equal(await dnskey(lab), before.key, 'the key of the zone');
    t.notMatch(
      `${first.stderr}${second.stderr}`,
      /another machine (?!serves)|cannot be written/,
      'one writes at a time',
    );
    await endsCleanly(t, second);
    const folder = join(lab.folder, 'taken');
    disk(state, '--to', folder);
    const status = execFileSync(process.execPath, [MAIN, 'certificate', 'status', '--state', folder], {
      encoding: 'utf8',
    });
    t.match(status, /for example\.test, further\.example\.test/, 'commands work on what is taken out');
  },
);
