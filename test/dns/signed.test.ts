/** Signed zones as validators see them: unbound, BIND's and ldns' checkers; and the keys of the command line. */

import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { comes, dig, freePort, run, SITE, serveNames, skipWithoutCommands, start } from './peers.js';

const MAIN = resolve('build', 'src', 'main.js');

t.test('zone keys prints the DS record, always the same', async (t) => {
  const folder = t.testdir({ 'site.example.zone': SITE });
  const keys = (): Promise<{ status: number; out: string }> =>
    run(process.execPath, MAIN, 'zone', 'keys', join(folder, 'site.example.zone'), '--state', join(folder, 'state'));
  const first = await keys();
  t.match(first, { status: 0, out: /^site\.example\. DS \d+ 13 2 [0-9A-F]{64}$/m });
  t.match(first.out, /^site\.example\. DNSKEY 257 3 13 \S+$/m);
  t.equal((await keys()).out, first.out);
  const key = join(folder, 'state', 'dns', 'site.example.key');
  t.equal(statSync(key).mode & 0o777, 0o600);
  writeFileSync(key, 'damaged');
  t.match(await keys(), { status: 1, out: /cannot be read: .*; put back the copy/ }, 'a damaged key is not replaced');
});

const skip = skipWithoutCommands('unbound', 'dig', 'ldns-verify-zone', 'kzonecheck', 'named-checkzone');
t.test('unbound validates every kind of answer, and the checkers find no fault', { skip }, async (t) => {
  const folder = t.testdir({ 'site.example.zone': SITE });
  const file = join(folder, 'site.example.zone');
  const state = join(folder, 'state');
  const secret = randomBytes(32).toString('base64');
  writeFileSync(join(folder, 'keys'), `hmac-sha256:xfr-key:${secret}\n`);
  const { port } = await serveNames(
    t,
    '--zone',
    file,
    '--dnssec',
    '--state',
    state,
    '--dns-keys',
    join(folder, 'keys'),
  );
  const { out } = await run(process.execPath, MAIN, 'zone', 'keys', file, '--state', state);
  const key = /^site\.example\. DNSKEY (.*)$/m.exec(out)![1]!;
  writeFileSync(join(folder, 'anchor'), `site.example. 3600 IN DNSKEY ${key}\n`);

  const zone = await dig(
    port,
    '+noall',
    '+answer',
    '+onesoa',
    '-y',
    `hmac-sha256:xfr-key:${secret}`,
    'site.example',
    'AXFR',
  );
  const signed = join(folder, 'signed');
  writeFileSync(
    signed,
    `${zone
      .split('\n')
      .filter((line) => !/TSIG|^;/.test(line))
      .join('\n')}\n`,
  );
  t.match(await run('ldns-verify-zone', '-k', join(folder, 'anchor'), signed), { status: 0, out: /verified/ });
  t.match(await run('kzonecheck', '-d', 'on', '-o', 'site.example', signed), { status: 0 });
  t.match(await run('named-checkzone', 'site.example', signed), { status: 0 });

  const resolver = await freePort();
  writeFileSync(
    join(folder, 'unbound.conf'),
    `server:
  chroot: ""
  username: ""
  directory: "${folder}"
  pidfile: ""
  use-syslog: no
  interface: 127.0.0.1
  port: ${resolver}
  do-ip6: no
  do-not-query-localhost: no
  trust-anchor-file: "${folder}/anchor"
  module-config: "validator iterator"
  aggressive-nsec: no
stub-zone:
  name: site.example
  stub-addr: 127.0.0.1@${port}
remote-control:
  control-enable: no
`,
  );
  start(t, 'unbound', '-d', '-c', join(folder, 'unbound.conf'));
  await comes(() => dig(resolver, 'site.example', 'SOA'), /NOERROR/);
  const kinds: [string, string, string][] = [
    ['site.example', 'A', 'NOERROR'],
    ['site.example', 'HTTPS', 'NOERROR'],
    ['site.example', 'DNSKEY', 'NOERROR'],
    ['site.example', 'CDS', 'NOERROR'],
    ['site.example', 'CDNSKEY', 'NOERROR'],
    ['site.example', 'NSEC', 'NOERROR'],
    ['site.example', 'ANY', 'NOERROR'],
    ['www.site.example', 'A', 'NOERROR'],
    ['alias.site.example', 'CNAME', 'NOERROR'],
    ['mail.site.example', 'AAAA', 'NOERROR'],
    ['ent.site.example', 'A', 'NOERROR'],
    ['nope.site.example', 'A', 'NXDOMAIN'],
    ['no.ent.site.example', 'A', 'NXDOMAIN'],
    ['x.y.wild.site.example', 'A', 'NOERROR'],
    ['x.wild.site.example', 'TXT', 'NOERROR'],
    ['*.wild.site.example', 'A', 'NOERROR'],
    ['any.star.site.example', 'A', 'NOERROR'],
    ['towild.site.example', 'A', 'NOERROR'],
    ['towild.site.example', 'TXT', 'NOERROR'],
    ['sub.site.example', 'DS', 'NOERROR'],
    ['secure.site.example', 'DS', 'NOERROR'],
  ];
  for (const [name, type, status] of kinds) {
    const answer = await dig(resolver, '+dnssec', name, type);
    t.match(
      answer,
      new RegExp(`status: ${status}.*flags: [a-z ]* ad;`, 's'),
      `${name} ${type}: ${status}, authenticated`,
    );
  }
  t.equal(existsSync(join(state, 'dns', 'site.example.serial')), true);
  t.equal(readFileSync(join(state, 'dns', 'site.example.serial'), 'utf8'), '2026112301\n');
});
