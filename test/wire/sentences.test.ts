import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Dnsmasq } from './dnsmasq.js';
import { Lab, type Namespace, type Program } from './lab.js';
import { skipWithout } from './needs.js';
import { MAIN, serve, TARGETS } from './server.js';

/** Root, but without any capability: files and devices are guarded as for everybody. */
const POWERLESS = ['--bounding-set=-all', '--inh-caps=-all', '--no-new-privs', process.execPath, MAIN];

function smallSite(lab: Lab): string {
  const site = join(lab.folder, 'site');
  mkdirSync(site);
  writeFileSync(join(site, 'index.html'), '<!doctype html><title>small</title>');
  return site;
}

function start(place: Namespace, args: readonly string[]): Program {
  return place.start(process.execPath, [MAIN, ...args]);
}

/** It ended with that status and one sentence that says so; nothing on stdout, no stack trace. */
async function ends(t: Test, program: Program, status: number, sentence: RegExp): Promise<void> {
  const got = await program.exit;
  t.equal(got, status, `exit status; stderr: ${program.stderr}`);
  const lines = program.stderr.trim().split('\n');
  t.equal(lines.length, 1, `one sentence: ${program.stderr}`);
  t.match(program.stderr, /^sitekernel: /);
  t.match(program.stderr, sentence);
  t.notMatch(program.stderr, /\n\s+at /, 'no stack trace');
  t.equal(program.stdout, '');
}

const skip = skipWithout('unshare', 'setpriv');

t.test('a site that is missing ends a start with one sentence that names it', { skip }, async (t) => {
  const { host } = new Lab(t);
  await ends(t, start(host, ['/nowhere/at/all']), 1, /\/nowhere\/at\/all does not exist/);
});

t.test('with --strict a file that may not be read ends a start with its name', { skip }, async (t) => {
  const lab = new Lab(t);
  const site = smallSite(lab);
  writeFileSync(join(site, 'secret.html'), 'x');
  chmodSync(join(site, 'secret.html'), 0);
  await ends(t, lab.host.start('setpriv', [...POWERLESS, '--strict', '--port', '8080', site]), 1, /secret\.html/);
});

t.test('a port in use ends a start with its number', { skip }, async (t) => {
  const lab = new Lab(t);
  const site = smallSite(lab);
  await serve(lab.host, ['--port', '8080', site]);
  await ends(t, start(lab.host, ['--port', '8080', site]), 1, /8080.*(in use|taken)/);
});

t.test('an address that is none is bad usage', { skip }, async (t) => {
  const { host } = new Lab(t);
  await ends(t, start(host, ['--net', 'direct', '--ipv4', '46.43.42.300/25']), 2, /46\.43\.42\.300/);
  await ends(t, start(host, ['--net', 'direct', '--ipv4', '46.43.42.137']), 2, /netmask|\/\d\d/);
  await ends(
    t,
    start(host, ['--net', 'direct', '--ipv4', '46.43.42.137/25', '--ipv4-gateway', '46.43.42.255']),
    2,
    /46\.43\.42\.255\b/,
  );
  await ends(t, start(host, ['--net', 'direct', '--ipv6', '2001:db8::80']), 2, /2001:db8::80\/64/);
});

t.test('a missing /dev/net/tun ends a start with its name', { skip }, async (t) => {
  const lab = new Lab(t, '46.43.42.129/25');
  const script = 'mount -t tmpfs none /dev/net && exec "$@"';
  const program = lab.host.start('unshare', [
    ...['--mount', 'sh', '-c', script, 'sh', process.execPath, MAIN],
    ...[...TARGETS.static, smallSite(lab)],
  ]);
  await ends(t, program, 1, /\/dev\/net\/tun/);
});

t.test('a lack of rights ends a start, and is said', { skip }, async (t) => {
  const lab = new Lab(t, '46.43.42.129/25');
  const args = ['--net', 'direct', '--tap', 'tap0', '--ipv4', '46.43.42.137/25', smallSite(lab)];
  await ends(t, lab.host.start('setpriv', [...POWERLESS, ...args]), 1, /permi|root|right|allowed/i);
});

t.test('a TAP that is in use ends a start with its name', { skip }, async (t) => {
  const lab = new Lab(t, '46.43.42.129/25');
  const site = smallSite(lab);
  await serve(lab.host, [...TARGETS.static, site]);
  await ends(t, start(lab.host, [...TARGETS.static, site]), 1, /tap0.*(in use|busy|taken|used)/);
});

t.test('an address that another host has ends a start, and is named', { skip }, async (t) => {
  const lab = new Lab(t, '46.43.42.129/25');
  lab.client('46.43.42.137/25');
  await ends(
    t,
    start(lab.host, [...TARGETS.static, smallSite(lab)]),
    1,
    /46\.43\.42\.137.*(in use|taken|used|already|has)/,
  );
});

t.test(
  'no DHCP server: it says so, goes on trying, and takes the address when one appears',
  { skip: skipWithout('dnsmasq') },
  async (t) => {
    const lab = new Lab(t, '10.77.0.1/24');
    const program = start(lab.host, [...TARGETS.dhcp, smallSite(lab)]);
    const sentence = await program.says(/^sitekernel: .*DHCP.*$/im, 30);
    t.match(sentence[0], /try|again|wait/i, sentence[0]);
    t.match(sentence[0], /\d+ ?s/, 'how long');
    t.equal(program.stdout, '');
    await Dnsmasq.start(lab, { from: '10.77.0.50', to: '10.77.0.99', netmask: '255.255.255.0', lease: '2m' });
    await t.resolves(program.says(/^listening on http:\/\/10\.77\.0\.\d+\/$/m, 60));
    t.equal(await program.stop(), 0);
  },
);
