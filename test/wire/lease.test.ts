import t from 'tap';
import { skipWithout } from './needs.js';
import { SITE } from './server.js';
import { targetBed } from './targets.js';
import { fetchSite } from './whole-site.js';

t.test(
  'the lease is renewed at T1 while it serves, and the address stays [2131 4.4.5]',
  { skip: skipWithout('curl', 'dnsmasq') },
  async (t) => {
    // dnsmasq leases for two minutes at the least; options 58 and 59 bring T1 and T2 nearer.
    const { server, client, dnsmasq } = await targetBed(t, 'dhcp', ['--hostname', 'web'], ['58,6', '59,60']);
    const first = (await dnsmasq!.lease(server.address))!;
    t.equal(first.hostname, 'web', 'option 12 carries the name');
    const acknowledged = dnsmasq!.acknowledged;
    await t.resolves(
      dnsmasq!.program.says(new RegExp(`(DHCPACK\\(br0\\) ${server.address} [^]*){${acknowledged + 1}}`), 30),
      'a second acknowledgement for the same address',
    );
    const second = (await dnsmasq!.lease(server.address, first.expires))!;
    t.equal(second?.mac, first.mac, 'the lease was prolonged for the same client');
    t.equal(dnsmasq!.program.stderr.split('DHCPDISCOVER(').length - 1, 1, 'it renewed and did not begin again');
    const fetched = await fetchSite(client, server.url, SITE);
    t.same(fetched.wrong, []);
    t.equal(await server.program.stop(), 0);
    await t.resolves(dnsmasq!.program.says(/DHCPRELEASE\(br0\)/, 5), 'the address is given back at exit');
  },
);
