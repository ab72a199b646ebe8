import { accessSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { homePage } from './chromium-page.js';
import { skipWithout } from './needs.js';
import { TARGETS, type Target } from './server.js';
import { targetBed } from './targets.js';

for (const target of Object.keys(TARGETS) as Target[]) {
  t.test(`Chromium renders the home page (${target})`, { skip: skipWithout('chromium', 'dnsmasq') }, async (t) => {
    const { lab, server, client } = await targetBed(t, target);
    const { page, failed } = await homePage(t, client, server.url);
    t.equal(
      await page.evaluate('[...document.images].filter((image) => image.complete && image.naturalWidth === 0).length'),
      0,
      'every picture has pixels',
    );
    t.same(failed, []);
    const picture = process.env['SITEKERNEL_SCREENSHOTS'] ?? lab.folder;
    accessSync(picture);
    const file = join(picture, `home-${target}.png`);
    await page.screenshot({ path: file });
    t.ok(statSync(file).size > 10_000, 'the page is not blank');
  });
}
