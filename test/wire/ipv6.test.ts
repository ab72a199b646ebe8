/**
 * IPv6 against the kernel of this machine: static addresses, those of radvd's and dnsmasq's prefixes, both families
 * at once.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { bed, IPV6_LINE } from './ipv6-bed.js';
import { skipWithout } from './needs.js';
import { MAIN, SITE } from './server.js';
import { fetchSite } from './whole-site.js';

const STATIC = ['--ipv6', '2001:db8:77::80/64', '--ipv6-gateway', 'fe80::1'];

for (const offload of [true, false]) {
  const more = offload ? [] : ['--no-offload'];
  t.test(
    `both families serve every URL of the site, ${offload ? 'with' : 'without'} offloads`,
    { skip: skipWithout('curl', 'ping') },
    async (t) => {
      const { client, start } = bed(t);
      const program = start(['--ipv4', '10.77.0.7/24', ...STATIC, ...more, SITE]);
      await program.says(IPV6_LINE);
      t.match(program.stdout, /^listening on http:\/\/10\.77\.0\.7\/$/m, 'a line for each address');
      for (const size of ['56', '1400', '4000']) {
        const ping = await client.run('ping', ['-6', '-c', '1', '-W', '5', '-s', size, '2001:db8:77::80']);
        t.equal(ping.status, 0, `an echo of ${size} bytes: ${ping.stdout}`);
      }
      for (const url of ['http://10.77.0.7/', 'http://[2001:db8:77::80]/']) {
        const fetched = await fetchSite(client, url, SITE);
        t.ok(fetched.urls > 10, `${fetched.urls} URLs`);
        t.same(fetched.wrong, [], url);
      }
      t.equal(await program.stop(), 0);
    },
  );
}

t.test('3 MB come whole over a path that is narrower than the link', { skip: skipWithout('curl') }, async (t) => {
  const { lab, client, start } = bed(t);
  const folder = join(lab.folder, 'site');
  mkdirSync(folder);
  const body = Buffer.alloc(3_000_000, 'sixteen bytes of text ');
  writeFileSync(join(folder, 'big.txt'), body);
  writeFileSync(join(folder, 'index.html'), 'hello');
  // Behind a router whose far link takes 1300 bytes.
  const far = lab.namespace('far');
  client.ip(`link add name out type veth peer name eth0 netns ${far.name}`);
  for (const [space, device, address] of [
    [client, 'out', '2001:db8:88::1/64'],
    [far, 'eth0', '2001:db8:88::2/64'],
  ] as const) {
    space.ip(`addr add ${address} dev ${device} nodad`);
    space.ip(`link set ${device} mtu 1300 up`);
  }
  far.ip('-6 route add default via 2001:db8:88::1');
  await client.run('sysctl', ['-w', 'net.ipv6.conf.all.forwarding=1']);
  const gateway = ['--ipv6', '2001:db8:77::80/64', '--ipv6-gateway', '2001:db8:77::3'];
  const program = start(['--no-ipv4', ...gateway, folder]);
  await program.says(IPV6_LINE);
  // The far end may take 1440 bytes a segment: its route, not its link, is narrow.
  await far.run('ip', ['link', 'set', 'eth0', 'mtu', '1500']);
  const got = await far.run('curl', ['-s', '-m', '20', 'http://[2001:db8:77::80]/big.txt']);
  t.equal(got.status, 0, got.stderr);
  t.equal(createHash('sha256').update(got.stdout).digest('hex'), createHash('sha256').update(body).digest('hex'));
  t.equal(await program.stop(), 0);
});

for (const workers of ['1', '2']) {
  t.test(
    `an address that another host has is not used, and is told of (${workers})`,
    { skip: skipWithout('curl') },
    async (t) => {
      const { client, start } = bed(t);
      client.ip('addr add 2001:db8:77::80/64 dev eth0 nodad');
      const mac = (await client.run('cat', ['/sys/class/net/eth0/address'])).stdout.trim();
      const sentence = `the address 2001:db8:77::80 is in use by another host (${mac}); give this one another with --ipv6\n`;
      const several = ['--workers', workers];
      const alone = start([...several, '--no-ipv4', ...STATIC, SITE]);
      t.equal(await alone.exit, 1);
      t.equal(alone.stderr.split(sentence).length - 1, 1, alone.stderr);
      const both = start([...several, '--ipv4', '10.77.0.7/24', ...STATIC, SITE]);
      await both.says(/^listening on http:\/\/10\.77\.0\.7\/$/m);
      t.equal((await client.run('curl', ['-s', '-m', '5', 'http://10.77.0.7/'])).status, 0, 'the other family serves');
      t.equal(await both.stop(), 0);
      // At the end: of two pipes the one that was written to first may be read last.
      t.equal(both.stderr.split(sentence).length - 1, 1, both.stderr);
      t.notMatch(both.stdout, /2001:db8:77::80/);
      // And the other way round.
      client.ip('addr del 2001:db8:77::80/64 dev eth0');
      client.ip('addr add 10.77.0.7/24 dev eth0');
      const six = start([...several, '--ipv4', '10.77.0.7/24', ...STATIC, SITE]);
      await six.says(IPV6_LINE);
      t.notMatch(six.stdout, /10\.77\.0\.7/);
      t.equal((await client.run('curl', ['-sg', '-m', '5', 'http://[2001:db8:77::80]/'])).status, 0);
      t.equal(await six.stop(), 0);
      t.match(
        six.stderr,
        `the address 10.77.0.7 is in use by another host (${mac}); give this one another with --ipv4\n`,
      );
    },
  );
}

t.test('a network card hears the groups of our addresses', { skip: skipWithout('curl') }, async (t) => {
  const { lab, client } = bed(t);
  const place = lab.namespace('machine');
  lab.host.ip(`link add name card type veth peer name eth0 netns ${place.name}`);
  lab.host.ip('link set card master br0 up');
  const args = ['--net', 'direct', '--interface', 'eth0', '--state', join(lab.folder, 'state')];
  const program = place.start(process.execPath, [MAIN, ...args, '--no-ipv4', ...STATIC, SITE]);
  await program.says(IPV6_LINE);
  const fetched = await fetchSite(client, 'http://[2001:db8:77::80]/', SITE);
  t.same(fetched.wrong, []);
  const groups = await place.run('ip', ['maddress', 'show', 'dev', 'eth0']);
  t.match(groups.stdout, /33:33:ff:00:00:80/);
  t.equal((await place.run('cat', ['/proc/sys/net/ipv6/conf/eth0/disable_ipv6'])).stdout.trim(), '1');
  t.equal(await program.stop(), 0);
});

t.test('two workers are one host over IPv6, too', { skip: skipWithout('curl', 'ping') }, async (t) => {
  const { client, start } = bed(t);
  const program = start(['--workers', '2', '--ipv4', '10.77.0.7/24', ...STATIC, '--log', 'net', SITE]);
  await program.says(IPV6_LINE);
  t.match(program.stdout, /^listening on http:\/\/10\.77\.0\.7\/$/m);
  for (const size of ['56', '4000']) {
    const ping = await client.run('ping', ['-6', '-c', '3', '-i', '0.2', '-W', '5', '-s', size, '2001:db8:77::80']);
    t.equal(ping.status, 0, ping.stdout);
  }
  for (const url of ['http://[2001:db8:77::80]/', 'http://10.77.0.7/']) {
    const fetched = await fetchSite(client, url, SITE);
    t.ok(fetched.urls > 10);
    t.same(fetched.wrong, [], url);
  }
  // Whichever of them the kernel asks: each answers, and what one learns the other has, too.
  for (let i = 0; i < 10; i++) {
    client.ip('-6 neigh flush dev eth0');
    const got = await client.run('curl', [
      '-s',
      '-m',
      '5',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      'http://[2001:db8:77::80]/',
    ]);
    t.equal(got.stdout, '200');
  }
  t.equal(await program.stop(), 0);
  const told = program.stderr.split('\n').filter((line) => / is ours$|is open, our MAC/.test(line));
  t.equal(told.length, 3, `the first of them speaks of device and addresses: ${told.join('\n')}`);
});
