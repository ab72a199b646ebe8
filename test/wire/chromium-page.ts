/** Chromium in a namespace, and what a page of it could not load. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import type { Test } from 'tap';
import { findCommand } from '../run/packages.js';
import type { Namespace } from './lab.js';

/** A browser that starts inside the namespace: playwright is given a script in its place. */
export function browserIn(client: Namespace): string {
  const script = join(client.lab.folder, 'chromium');
  writeFileSync(script, `#!/bin/sh\nexec ip netns exec ${client.name} ${findCommand('chromium')} "$@"\n`);
  chmodSync(script, 0o755);
  return script;
}

/** The home page at `url`, loaded by a browser in `client`. `failed` goes on to get what the page does not load. */
export async function homePage(t: Test, client: Namespace, url: string): Promise<{ page: Page; failed: string[] }> {
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
  const answer = await page.goto(url, { waitUntil: 'networkidle', timeout: 60_000 });
  t.equal(answer?.status(), 200);
  t.match(await page.title(), /sitekernel/i);
  t.ok(await page.locator('h1').first().isVisible());
  return { page, failed };
}
