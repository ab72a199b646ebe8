/** The name server on our own stack: UDP and TCP over a TAP, beside the site, asked by dig from another machine. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Dnsmasq } from './dnsmasq.js';
import { Lab } from './lab.js';
import { skipWithout } from './needs.js';
import { SITE, serve, TARGETS } from './server.js';

const STRINGS = Array.from({ length: 100 }, () => `"${'x'.repeat(250)}"`).join(' ');
const ZONE = `$TTL 60
@ SOA ns hostmaster 1 7200 900 1209600 300
@ NS ns
ns A @SELF
@ A @SELF
@ HTTPS @SELF
big TXT ${STRINGS}
`;

t.test(
  'names over UDP and TCP of our own stack, the site at the address that they give',
  { skip: skipWithout('dig', 'curl') },
  async (t) => {
    const lab = new Lab(t, '46.43.42.129/25');
    const client = lab.client('46.43.42.140/25');
    const zone = join(lab.folder, 'own.example.zone');
    writeFileSync(zone, ZONE);
    const { address, program } = await serve(lab.host, [
      ...TARGETS.static,
      '--ipv6',
      '2001:db8:46::137/64',
      '--zone',
      zone,
      SITE,
    ]);
    await program.says(/^answering names at 46\.43\.42\.137:53$/m);
    await program.says(/^answering names at \[2001:db8:46::137\]:53$/m);
    const dig = async (...argv: string[]): Promise<string> =>
      (await client.run('dig', [`@${address}`, '+time=2', '+tries=2', ...argv])).stdout;
    t.match(await dig('+short', 'own.example', 'A'), /^46\.43\.42\.137\n$/);
    t.match(await dig('own.example', 'HTTPS'), /NOERROR[\s\S]*ANSWER: 0/, 'it speaks no TLS, and says nothing of it');
    t.match(await dig('+tcp', '+short', 'ns.own.example', 'A'), /^46\.43\.42\.137\n$/);
    t.match(await dig('+ignore', 'big.own.example', 'TXT'), /flags: qr aa tc/);
    t.match(
      await dig('big.own.example', 'TXT'),
      /\(TCP\)[\s\S]*MSG SIZE {2}rcvd: 25\d{3}/,
      'and by TCP what does not fit',
    );
    t.match(await dig('no.own.example', 'A'), /NXDOMAIN/);
    const { stdout } = await client.run('curl', [
      '-s',
      '--resolve',
      `own.example:80:${address}`,
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      'http://own.example/',
    ]);
    t.equal(stdout, '200');
  },
);

t.test(
  'with workers each has a part of the queries, from the address that DHCP gave, and none without it',
  { skip: skipWithout('dig', 'dnsmasq') },
  async (t) => {
    const lab = new Lab(t, '46.43.42.129/25');
    await Dnsmasq.start(lab, { from: '46.43.42.150', to: '46.43.42.150', netmask: '255.255.255.128', lease: '2m' });
    const client = lab.client('46.43.42.140/25');
    const zone = join(lab.folder, 'own.example.zone');
    writeFileSync(zone, ZONE);
    const options = ['--workers', '2', '--zone', zone, '--state', join(lab.folder, 'state')];
    const { address, program } = await serve(lab.host, [...TARGETS.dhcp, ...options, SITE]);
    await program.says(/^answering names at 46\.43\.42\.150:53$/m);
    const dig = async (...argv: string[]): Promise<string> =>
      (await client.run('dig', [`@${address}`, '+time=2', '+tries=2', '+short', ...argv])).stdout;
    for (let i = 0; i < 12; i++) t.equal(await dig('own.example', 'A'), '46.43.42.150\n', `query ${i + 1}`);
    for (let i = 0; i < 6; i++) t.equal(await dig('+tcp', 'ns.own.example', 'A'), '46.43.42.150\n', `TCP ${i + 1}`);
    writeFileSync(zone, ZONE.replace('hostmaster 1', 'hostmaster 9'));
    program.child.kill('SIGHUP');
    for (let good = 0; good < 12; ) good = / 9 7200 /.test(await dig('own.example', 'SOA')) ? good + 1 : 0;
    t.equal(await program.stop(), 0);
  },
);
