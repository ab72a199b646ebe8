import { accessSync, chmodSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import t from 'tap';
import { findCommand } from '../run/packages.js';
import type { Namespace } from './lab.js';
import { skipWithout } from './needs.js';
import { TARGETS, type Target } from './server.js';
import { targetBed } from './targets.js';

/** A browser that starts inside the namespace: playwright is given a script in its place. */
function browserIn(client: Namespace): string {
  const script = join(client.lab.folder, 'chromium');
  writeFileSync(script, `#!/bin/sh\nexec ip netns exec ${client.name} ${findCommand('chromium')} "$@"\n`);
  chmodSync(script, 0o755);
  return script;
}

for (const target of Object.keys(TARGETS) as Target[]) {
  t.test(`Chromium renders the home page (${target})`, { skip: skipWithout('chromium', 'dnsmasq') }, async (t) => {
    const { lab, server, client } = await targetBed(t, target);
    const browser = await chromium.launch({
      executablePath: browserIn(client),
      args: ['--no-sandbox', '--disable-gpu', '--no-proxy-server'],
      // A pipe, because the debugging port would be in the browser's namespace.
      timeout: 60_000,
    });
    t.teardown(() => browser.close());
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    const failed: string[] = [];
    page.on('requestfailed', (request) => failed.push(`${request.url()}: ${request.failure()?.errorText}`));
    page.on('response', (answer) => {
      if (answer.status() >= 400) failed.push(`${answer.url()}: ${answer.status()}`);
    });
    page.on('pageerror', (error) => failed.push(error.message));
    const answer = await page.goto(server.url, { waitUntil: 'networkidle', timeout: 60_000 });
    t.equal(answer?.status(), 200);
    t.match(await page.title(), /sitekernel/i);
    t.ok(await page.locator('h1').first().isVisible());
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
