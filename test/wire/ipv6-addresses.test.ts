/** IPv6 addresses as networks offer them: prefixes of radvd and dnsmasq, leases of dnsmasq, and none at all. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { bed, IPV6_LINE } from './ipv6-bed.js';
import { prefix, radvd, writeRadvd } from './ipv6-routers.js';
import { skipWithout } from './needs.js';
import { SITE } from './server.js';

const RADVD = `interface br0 {
  AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvLinkMTU 1480;
  prefix 2001:db8:77::/64 { AdvOnLink on; AdvAutonomous on; AdvValidLifetime 3600; AdvPreferredLifetime 1800; };
};
`;

for (const router of ['radvd', 'dnsmasq'] as const) {
  t.test(
    `an address is made of the prefix that ${router} advertises, the same after a restart`,
    { skip: skipWithout('curl', router) },
    async (t) => {
      const { lab, client, start } = bed(t);
      await lab.host.run('sysctl', ['-w', 'net.ipv6.conf.all.forwarding=1']);
      if (router === 'radvd') {
        const file = join(lab.folder, 'radvd.conf');
        writeFileSync(file, RADVD);
        lab.host.start('radvd', ['-n', '-C', file, '-p', join(lab.folder, 'radvd.pid'), '-u', 'root']);
      } else {
        const names = ['--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--user=root', '--interface=br0'];
        const range = ['--bind-interfaces', '--enable-ra', '--dhcp-range=::,constructor:br0,ra-only'];
        lab.host.start('dnsmasq', [...names, ...range, `--pid-file=${join(lab.folder, 'pid')}`]);
      }
      const addresses: string[] = [];
      for (let i = 0; i < 2; i++) {
        const program = start(['--no-ipv4', SITE]);
        const [, address] = await program.says(IPV6_LINE, 40);
        addresses.push(address as string);
        t.match(address, /^2001:db8:77:0?:/);
        const got = await client.run('curl', [
          '-s',
          '-m',
          '5',
          '-o',
          '/dev/null',
          '-w',
          '%{http_code}',
          `http://[${address}]/`,
        ]);
        t.equal(got.stdout, '200');
        t.equal(await program.stop(), 0);
      }
      t.equal(addresses[0], addresses[1]);
    },
  );
}

t.test('an address is leased by DHCPv6, and given back', { skip: skipWithout('curl', 'dnsmasq') }, async (t) => {
  const { lab, client, start } = bed(t);
  await lab.host.run('sysctl', ['-w', 'net.ipv6.conf.all.forwarding=1']);
  const names = ['--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--user=root', '--interface=br0'];
  const range = ['--bind-interfaces', '--enable-ra', '--dhcp-range=2001:db8:77::a00,2001:db8:77::aff,64,120'];
  const more = [`--dhcp-leasefile=${join(lab.folder, 'leases')}`, `--pid-file=${join(lab.folder, 'pid')}`];
  const server = lab.host.start('dnsmasq', [...names, ...range, ...more, '--log-dhcp', '--log-facility=-']);
  const program = start(['--no-ipv4', SITE]);
  const [, address] = await program.says(/^listening on http:\/\/\[(2001:db8:77::a[0-9a-f]{2})\]\/$/m, 40);
  const got = await client.run('curl', [
    '-s',
    '-m',
    '5',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    `http://[${address}]/`,
  ]);
  t.equal(got.stdout, '200');
  t.equal(await program.stop(), 0);
  await server.says(/DHCPRELEASE\(br0\)/, 5);
});

t.test('without a router the program says what it has, and goes on', { skip: skipWithout('curl') }, async (t) => {
  const { client, start } = bed(t);
  const program = start(['--no-ipv4', SITE]);
  const [, link] = await program.says(/no router has offered an address; we have (fe80::[0-9a-f:]+) on the link/, 40);
  const got = await client.run('curl', [
    ...['-s', '-g', '-m', '5', '-o', '/dev/null', '-w', '%{http_code}'],
    `http://[${link}%25eth0]/`,
  ]);
  t.equal(got.stdout, '200', 'served on the link');
  t.equal(await program.stop(), 0);
});

for (const workers of ['1', '2']) {
  t.test(
    `a prefix that is too long is told of once, and IPv4 serves (${workers})`,
    { skip: skipWithout('curl', 'radvd') },
    async (t) => {
      const { lab, client, start } = bed(t);
      await lab.host.run('sysctl', ['-w', 'net.ipv6.conf.all.forwarding=1']);
      const file = writeRadvd(lab, [prefix('2001:db8:77::', 3600, 1800).replace('/64', '/80')]);
      radvd(lab, file);
      const program = start(['--workers', workers, '--ipv4', '10.77.0.7/24', '--log', 'net', SITE]);
      const sentence =
        /a router offers the prefix 2001:db8:77::\/80, of which no address can be made: it takes one of 64 bits/g;
      await program.says(sentence, 40);
      await program.says(/IPv6: no router has offered an address; we have fe80::[0-9a-f:]+ on the link alone/, 40);
      t.equal(program.stderr.match(sentence)?.length, 1, 'although the router says so again and again');
      t.equal(program.stdout, 'listening on http://10.77.0.7/\n');
      t.equal((await client.run('curl', ['-s', '-m', '5', 'http://10.77.0.7/'])).status, 0);
      t.equal(await program.stop(), 0);
    },
  );
}

t.test(
  '--no-ipv6: nothing of ours is IPv6, and nothing is answered',
  { skip: skipWithout('curl', 'tcpdump', 'ping') },
  async (t) => {
    const { lab, client, start } = bed(t);
    const listening = lab.host.start('tcpdump', ['-n', '-l', '-e', '-i', 'br0', 'ip6']);
    await listening.says(/listening on/);
    const program = start(['--no-ipv6', '--ipv4', '10.77.0.7/24', SITE]);
    await program.says(/^listening on http:\/\/10\.77\.0\.7\/$/m);
    t.equal((await client.run('curl', ['-s', '-m', '5', '-o', '/dev/null', 'http://10.77.0.7/'])).status, 0);
    const shown = await client.run('ip', ['neigh', 'show', '10.77.0.7']);
    const [, mac] = /lladdr (\S+)/.exec(shown.stdout) as RegExpExecArray;
    // To all nodes: each that speaks IPv6 answers.
    const ping = await client.run('ping', ['-6', '-c', '2', '-W', '1', 'ff02::1%eth0']);
    await listening.says(/ICMP6, echo request/);
    t.notMatch(listening.stdout, new RegExp(`${mac} > `), ping.stdout);
    t.equal(await program.stop(), 0);
  },
);
