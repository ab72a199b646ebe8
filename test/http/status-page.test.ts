import { connect } from 'node:net';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import t from 'tap';
import { HttpServer, isLoopback, statusPages } from '../../src/http/index.js';
import { openSocketNetwork } from '../../src/net/sockets/open.js';
import { findCommand } from '../run/packages.js';
import { siteStore } from './hand-made-store.js';
import { request } from './setup.js';

const executablePath = findCommand('chromium');
const skip = executablePath === undefined ? 'chromium is not installed' : false;

const lease = {
  ...{ address: '10.0.0.7/24', gateway: '10.0.0.1', server: '10.0.0.1', state: 'BOUND' },
  ...{ seconds: 3600, renewsIn: 1800, expiresIn: 3600 },
};

t.test('The status page shows rates, connections and a plot, also on a phone', { skip }, async (t) => {
  const store = siteStore();
  const network = await openSocketNetwork();
  t.teardown(() => network.close(0));
  const pages = statusPages(
    '/status',
    {
      http: () => server.stats(),
      // The kernel's sockets do not tell: numbers as our stack has them.
      connections: (limit) =>
        server
          .describe(limit)
          .map((c, i) => ({ ...c, srtt: 12.34, cwnd: 14600 + i, bytesInFlight: 1448, retransmissions: 7 })),
      network: () => network.counters(),
      drops: () => ({ 'tcp-checksum': 4 }),
      lease: () => lease,
      facts: () => ({ site: store.id }),
    },
    isLoopback,
  );
  const server: HttpServer = new HttpServer({ store: () => store, clock: network.clock, livePages: pages });
  const { port } = (await network.listen(0, server.accept)).endpoint;
  const other = connect(port, '127.0.0.1');
  t.teardown(() => other.destroy());
  other.write(request('GET', '/docs/'));
  // So many that the page is longer than the phone.
  const many = Array.from({ length: 12 }, () => connect(port, '127.0.0.1'));
  t.teardown(() => {
    for (const one of many) one.destroy();
  });
  const browser = await chromium.launch({
    executablePath: executablePath!,
    args: ['--no-sandbox', '--disable-gpu', '--no-proxy-server'],
  });
  t.teardown(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 360, height: 740 } });
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  await page.goto(`http://127.0.0.1:${port}/status`);
  const row = page.getByRole('button', { name: `127.0.0.1:${other.localPort}` });
  await row.click();
  await page.locator('#plot').waitFor({ state: 'visible' });
  await page.locator('#cwnd[points*=" "]').waitFor({ state: 'attached' });
  await page.locator('#rows tr').last().getByRole('button').scrollIntoViewIfNeeded();
  const place = await page.locator('#plot svg').boundingBox();
  t.ok(place !== null && place.y >= 0 && place.y + place.height <= 740, 'the plot stays in sight');
  t.match(await page.locator('tr[aria-selected=true]').textContent(), /idle.*12\.3.*7/s);
  t.match(await page.locator('#cards').textContent(), /requests a second/);
  t.match(await page.locator('#facts').textContent(), /hand-made/);
  t.match(await page.locator('#drops').textContent(), /tcp-checksum4/);
  t.match(await page.locator('#lease').textContent(), /10\.0\.0\.7\/24.*BOUND.*30 min/s);
  const folder = process.env['SITEKERNEL_SCREENSHOTS'];
  if (folder !== undefined) {
    await page.screenshot({ path: join(folder, 'status-phone.png'), fullPage: true });
    await page.setViewportSize({ width: 1200, height: 800 });
    await page.screenshot({ path: join(folder, 'status.png'), fullPage: true });
    await page.setViewportSize({ width: 360, height: 740 });
  }
  t.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, 'nothing sticks out');
  t.same(
    errors.filter((e) => !/favicon|404/.test(e)),
    [],
  );
});
