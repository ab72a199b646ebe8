/**
 * Addresses as clouds and load balancers give them: a gateway outside of the network, several addresses of both
 * families, and such as are served and never announced.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { bed, IPV6_LINE } from './ipv6-bed.js';
import type { Namespace } from './lab.js';
import { skipWithout } from './needs.js';

const BODY = Buffer.alloc(1_000_000, 'sixteen bytes of text ');
const SHA256 = createHash('sha256').update(BODY).digest('hex');

function siteIn(folder: string): string {
  const site = join(folder, 'site');
  mkdirSync(site);
  writeFileSync(join(site, 'index.html'), 'hello');
  writeFileSync(join(site, 'big.txt'), BODY);
  return site;
}

async function fetchBig(client: Namespace, address: string): Promise<string> {
  const host = address.includes(':') ? `[${address}]` : address;
  const got = await client.run('curl', ['-sg', '-m', '20', `http://${host}/big.txt`]);
  return createHash('sha256').update(got.stdout).digest('hex');
}

t.test(
  'a gateway outside of the network is asked for on the link, as clouds have it',
  { skip: skipWithout('curl', 'ping') },
  async (t) => {
    const { lab, start } = bed(t);
    const { host } = lab;
    // A router with one address of another network, and a route to ours that says that it is on the link.
    host.ip('addr add 10.0.0.1/32 dev br0');
    host.ip('route add 192.0.2.80/32 dev br0');
    const far = lab.namespace('far');
    host.ip(`link add name uplink type veth peer name eth0 netns ${far.name}`);
    host.ip('addr add 203.0.113.1/24 dev uplink');
    host.ip('link set uplink up');
    far.ip('addr add 203.0.113.9/24 dev eth0');
    far.ip('link set eth0 up');
    far.ip('route add default via 203.0.113.1');
    await host.run('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
    const program = start(['--no-ipv6', '--ipv4', '192.0.2.80/32', '--ipv4-gateway', '10.0.0.1', siteIn(lab.folder)]);
    await program.says(/^listening on http:\/\/192\.0\.2\.80\/$/m);
    t.equal(await fetchBig(far, '192.0.2.80'), SHA256, 'through the router');
    const ping = await far.run('ping', ['-c', '1', '-W', '5', '192.0.2.80']);
    t.equal(ping.status, 0, ping.stdout);
    t.equal(await fetchBig(host, '192.0.2.80'), SHA256, 'and to the router itself');
    t.equal(await program.stop(), 0);
  },
);

for (const workers of [1, 2]) {
  t.test(
    `several addresses are served, and anycast ones never announced by ARP, neighbour discovery or MLD (${workers})`,
    { skip: skipWithout('curl', 'tcpdump') },
    async (t) => {
      const { lab, client, start } = bed(t);
      const dump = lab.host.start('tcpdump', ['-n', '-l', '-e', '-v', '-i', 'br0', 'arp or icmp6']);
      await dump.says(/listening on/);
      const [ours, second] = ['--ipv4', '--ipv6'];
      const program = start([
        ...[ours, '10.77.0.80/24', ours, '198.51.100.7/25', second, '2001:db8:77::80/64', second, '2001:db8:78::80/64'],
        ...['--anycast', '192.0.2.80/32', '--anycast', '2001:db8:a::53/128', '--workers', String(workers)],
        siteIn(lab.folder),
      ]);
      await program.says(/2001:db8:77::80/);
      await program.says(/2001:db8:78::80/);
      const urls = [...program.stdout.matchAll(/^listening on http:\/\/(.*)\/$/gm)].map(([, one]) => one as string);
      const all = ['10.77.0.80', '192.0.2.80', '198.51.100.7', '[2001:db8:77::80]', '[2001:db8:78::80]'];
      t.same(urls.sort(), [...all, '[2001:db8:a::53]'].sort(), 'a line for each');
      client.ip('addr add 198.51.100.9/25 dev eth0');
      client.ip('addr add 2001:db8:78::3/64 dev eth0 nodad');
      // As a router of an anycast network, or a balancer that returns directly, brings it here.
      client.ip('route add 192.0.2.80/32 via 10.77.0.80');
      client.ip('-6 route add 2001:db8:a::53/128 via 2001:db8:77::80');
      for (const one of urls) t.equal(await fetchBig(client, one.replace(/[[\]]/g, '')), SHA256, one);
      // Somebody on the link asks who has them: nobody says so.
      client.ip('route replace 192.0.2.80/32 dev eth0');
      client.ip('-6 route replace 2001:db8:a::53/128 dev eth0');
      for (const url of ['http://192.0.2.80/', 'http://[2001:db8:a::53]/']) {
        const got = await client.run('curl', ['-sg', '-m', '4', url]);
        t.not(got.status, 0, `${url} cannot be found on the link`);
      }
      t.equal(await program.stop(), 0);
      t.notMatch(program.stderr, /EACCES/, 'what is sealed cleans up what it may');
      await dump.stop();
      // A packet is a line that begins with its time, and lines beneath it.
      const packets = dump.stdout.split(/\n(?=\d\d:\d\d:)/);
      const mac = /lladdr|((?:[0-9a-f]{2}:){5}[0-9a-f]{2})/;
      const shown = await client.run('ip', ['neigh', 'show', '10.77.0.80']);
      const own = mac.exec(shown.stdout.split('lladdr')[1] ?? '')?.[1] as string;
      t.match(own, /^([0-9a-f]{2}:){5}/);
      const asked = packets.filter((one) => /192\.0\.2\.80|2001:db8:a::53|ff02::1:ff00:53/.test(one));
      const from = (one: string): boolean => one.split(' > ')[0]!.includes(own);
      t.ok(asked.some((one) => /who-has 192\.0\.2\.80/i.test(one)) && asked.some((one) => /solicitation/.test(one)));
      t.same(asked.filter(from), [], 'not a word of ours about them');
      t.ok(
        packets.some((one) => from(one) && /2001:db8:77::80/.test(one)),
        'others are announced',
      );
    },
  );
}

t.test('anycast of one family beside the other alone', { skip: skipWithout('curl') }, async (t) => {
  const { lab, client, start } = bed(t);
  const args = ['--no-ipv4', '--ipv6', '2001:db8:77::80/64', '--anycast', '2001:db8:a::53', siteIn(lab.folder)];
  const program = start(args);
  await program.says(IPV6_LINE);
  await program.says(/2001:db8:77::80/);
  client.ip('-6 route add 2001:db8:a::53/128 via 2001:db8:77::80');
  t.equal(await fetchBig(client, '2001:db8:a::53'), SHA256);
  t.equal(await program.stop(), 0);
});
