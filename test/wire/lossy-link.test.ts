import t from 'tap';
import { skipWithout } from './needs.js';
import { SITE } from './server.js';
import { targetBed } from './targets.js';
import { fetchSite } from './whole-site.js';

const FAULTS = 'loss=3%,dup=3%,reorder=3%';

for (const target of ['dhcp', 'static'] as const) {
  t.test(
    `every URL of the site comes byte for byte over a link with ${FAULTS} (${target})`,
    { skip: skipWithout('curl', 'dnsmasq') },
    async (t) => {
      const { server, client } = await targetBed(t, target, ['--faults', FAULTS]);
      const fetched = await fetchSite(client, server.url, SITE);
      t.ok(fetched.urls > 10, `${fetched.urls} URLs`);
      t.same(fetched.wrong, []);
      t.equal(await server.program.stop(), 0);
    },
  );
}

t.test(
  'every URL comes over a link that corrupts and loses in bursts',
  { skip: skipWithout('curl', 'dnsmasq') },
  async (t) => {
    const faults = 'corrupt=1%,burst=0.5%/25%/70%,reorder=5%';
    const { server, client } = await targetBed(t, 'static', ['--faults', faults]);
    const fetched = await fetchSite(client, server.url, SITE);
    t.same(fetched.wrong, []);
  },
);
