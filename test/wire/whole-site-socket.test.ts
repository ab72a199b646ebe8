import t from 'tap';
import { skipWithout } from './needs.js';
import { SITE } from './server.js';
import { targetBed } from './targets.js';
import { fetchSite } from './whole-site.js';

t.test(
  "every URL of the site comes byte for byte over the kernel's sockets",
  { skip: skipWithout('curl') },
  async (t) => {
    const { server, client } = await targetBed(t, 'socket');
    t.equal(server.url, 'http://127.0.0.1:8080/');
    const fetched = await fetchSite(client, server.url, SITE);
    t.ok(fetched.urls > 10, `${fetched.urls} URLs`);
    t.same(fetched.wrong, []);
    t.equal(await server.program.stop(), 0, 'SIGTERM ends it with status 0');
  },
);
