/**
 * A machine that has its IPv6 addresses from the network, of prefixes and of a lease, on a bridge that loses 3 %: the
 * whole site over both families. And one that is told all of it on the kernel's command line.
 */
import t from 'tap';
import { bed } from './ipv6-bed.js';
import { type Giver, give } from './ipv6-routers.js';
import { BOOT, boot, build, endsCleanly, imageFolder, onePage, skip } from './machine.js';
import { skipWithout } from './needs.js';
import { SITE } from './server.js';
import { fetchSite } from './whole-site.js';

t.setTimeout(1_200_000);

const OURS = /^listening on http:\/\/\[(2001:db8:77:[0-9a-f:]+)\]\/$/m;
const LOSS = 'numgen random mod 1000 < 30 counter drop';
const needs = skip || skipWithout('radvd', 'kea-dhcp6', 'nft');

t.test('machines with addresses of radvd, dnsmasq and Kea serve at 3 % loss', { skip: needs }, async (t) => {
  const image = build(imageFolder(t));
  for (const giver of ['radvd', 'dnsmasq', 'kea-dhcp6'] as const satisfies readonly Giver[]) {
    await t.test(giver, async (t) => {
      const { lab, client } = bed(t);
      const rules = ['add table bridge sk', 'add chain bridge sk c { type filter hook forward priority 0; }'];
      const lossy = await lab.host.run('nft', [[...rules, `add rule bridge sk c ${LOSS}`].join('; ')]);
      if (lossy.status !== 0) t.comment(`nothing is lost: ${lossy.stderr}`);
      await give(lab, giver);
      const machine = boot(lab, image, '--ipv4', '10.77.0.7/24');
      const [, address] = await machine.says(OURS, BOOT);
      t.match(address, giver === 'kea-dhcp6' ? /^2001:db8:77::a[0-9a-f]{2}$/ : /^2001:db8:77:0?:/);
      for (const url of [`http://[${address}]/`, 'http://10.77.0.7/']) {
        const fetched = await fetchSite(client, url, SITE, 120);
        t.ok(fetched.urls > 10, `${fetched.urls} URLs`);
        t.same(fetched.wrong, [], url);
      }
      await endsCleanly(t, machine);
    });
  }
});

t.test(
  "addresses of both families on the kernel's command line",
  { skip: skip || skipWithout('tcpdump') },
  async (t) => {
    const image = build(imageFolder(t), onePage(t, 'given'));
    const { lab, client } = bed(t);
    const words = [
      'ipv4=10.77.0.7/24,198.51.100.7/25',
      'ipv6=2001:db8:77::80/64,2001:db8:78::80/64',
      'ipv6-gateway=fe80::1',
      'anycast=192.0.2.80,2001:db8:a::53',
    ];
    const machine = boot(lab, image, '--append', words.join(' '));
    await machine.says(/^listening on http:\/\/\[2001:db8:77::80\]\/$/m, BOOT);
    await machine.says(/^listening on http:\/\/\[2001:db8:78::80\]\/$/m, BOOT);
    client.ip('addr add 198.51.100.9/25 dev eth0');
    client.ip('addr add 2001:db8:78::3/64 dev eth0 nodad');
    client.ip('route add 192.0.2.80/32 via 10.77.0.7');
    client.ip('-6 route add 2001:db8:a::53/128 via 2001:db8:77::80');
    const places = ['10.77.0.7', '198.51.100.7', '192.0.2.80', '[2001:db8:77::80]', '[2001:db8:78::80]'];
    for (const place of [...places, '[2001:db8:a::53]']) {
      t.ok(machine.stdout.includes(`listening on http://${place}/`), `a line for ${place}`);
      const got = await client.run('curl', ['-sg', '-m', '20', `http://${place}/`]);
      t.match(got.stdout, '<title>given</title>', place);
    }
    await endsCleanly(t, machine);
  },
);
