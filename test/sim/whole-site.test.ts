import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t from 'tap';
import { HttpServer } from '../../src/http/index.js';
import { type Faults, NO_FAULTS } from '../../src/net/device/wrap/faults.js';
import { bundleDirectory, openStore } from '../../src/store/index.js';
import { pagesOf } from '../wire/whole-site.js';
import { SimHost } from './host.js';
import { Browser } from './http-client.js';
import { Switch } from './switch.js';
import { World } from './world.js';

const SITE = resolve('site', '_site');
const SERVER = '10.0.0.10';

const links: readonly [string, Faults][] = [
  ['a clean link of 10 ms', { ...NO_FAULTS, delay: 10 }],
  [
    '3% loss, duplication and reordering',
    { ...NO_FAULTS, delay: 5, loss: 0.03, duplicate: 0.03, reorder: 0.03, reorderDelay: 3 },
  ],
  [
    'bursts of loss and corruption',
    { ...NO_FAULTS, delay: 2, corrupt: 0.01, burst: { enter: 0.005, leave: 0.3, loss: 0.7 } },
  ],
  ['a modem with a small queue', { ...NO_FAULTS, delay: 30, rate: 250, queue: 20_000 }],
];

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

t.test('the whole site over the real HTTP server and the real stack, in virtual time', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sitekernel-sim-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const bundle = join(folder, 'site.bundle');
  await bundleDirectory(SITE, bundle, { compression: 'none' });
  const store = await openStore(bundle);
  t.teardown(() => store.close());
  const pages = pagesOf(SITE);
  t.ok(pages.length > 10, `${pages.length} URLs`);

  for (const [name, faults] of links) {
    for (const offload of [false, true]) {
      await t.test(`${name}, ${offload ? 'with' : 'without'} offloads`, async (t) => {
        const world = new World(4711);
        const network = new Switch(world, 'switch');
        const [server, client] = ['server', 'client'].map((each, i) => {
          const host = new SimHost(world, { name: each, mac: Uint8Array.of(2, 0, 0, 0, 0, 10 + i), offload });
          host.connectTo(network.plug(each, host, faults, faults));
          host.place(`10.0.0.${10 + i}`, 24);
          return host;
        }) as [SimHost, SimHost];
        const http = new HttpServer({ store: () => store, clock: server.clock });
        await server.listen(80, http.accept);
        const browser = new Browser(pages.map((page) => page.path));
        browser.start(6, (visit) => client.dial(server.ipv4() as number, 80, visit, (flow) => visit.next(flow)));
        world.time.run(3_600_000, () => browser.open === 0);
        t.same(browser.problems, []);
        t.equal(browser.answers.length, pages.length);
        const got = new Map(browser.answers.map((answer) => [answer.path, answer]));
        const wrong = pages.filter(({ path, file }) => {
          const answer = got.get(path);
          return answer?.status !== 200 || sha256(answer.body) !== sha256(readFileSync(file));
        });
        t.same(
          wrong.map((page) => page.path),
          [],
        );
        world.time.run(world.time.now() + 300_000);
        t.same([...server.leftovers(), ...client.leftovers()], []);
        t.equal(http.connections, 0);
        t.equal(server.address, SERVER);
      });
    }
  }
});
