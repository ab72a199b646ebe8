import t from 'tap';
import { skipWithout } from './needs.js';
import { SITE } from './server.js';
import { targetBed } from './targets.js';
import { fetchSite } from './whole-site.js';

t.test(
  `every URL of the site comes byte for byte over our stack with an address by DHCP`,
  { skip: skipWithout('curl', 'dnsmasq') },
  async (t) => {
    const { server, client, dnsmasq } = await targetBed(t, 'dhcp');
    const lease = await dnsmasq?.lease(server.address);
    t.ok(lease, `the address ${server.address} is one that dnsmasq leased`);
    const fetched = await fetchSite(client, server.url, SITE);
    t.ok(fetched.urls > 10, `${fetched.urls} URLs`);
    t.same(fetched.wrong, []);
    t.equal(await server.program.stop(), 0, 'SIGTERM ends it with status 0');
  },
);
