/**
 * `node build/bench/record-browser.js`: has Chromium load pages of site/_site from this server, each with an empty
 * cache, and writes the requests that it made, byte for byte but for the port, to bench/browser-requests.json. The
 * mixed row of the bench plays them.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { HttpServer } from '../src/http/index.js';
import { openSocketNetwork } from '../src/net/sockets/open.js';
import { openStore } from '../src/store/index.js';
import { findCommand } from '../test/run/packages.js';

const PAGES = [
  '/',
  '/guide/',
  '/how-it-works/',
  '/benchmarks/',
  '/stack/',
  '/stack/tcp/',
  '/blog/',
  '/blog/2026/11/23/counting-microseconds/',
  '/blog/2026/11/20/über-größe-und-maß/',
  '/tags/',
];
const OUTPUT = join('bench', 'browser-requests.json');

const store = await openStore(join('site', '_site'));
const network = await openSocketNetwork();
const server = new HttpServer({ store: () => store, clock: network.clock });
const requests: string[] = [];
const { port } = (
  await network.listen(0, (flow) => {
    server.accept(flow);
    const { handler } = flow;
    flow.handler = {
      data: (from, bytes, start, end) => {
        requests.push(Buffer.from(bytes.slice(start, end)).toString('latin1'));
        handler.data(from, bytes, start, end);
      },
      ended: (from) => handler.ended(from),
      drained: (from) => handler.drained(from),
      closed: (from, reason) => handler.closed(from, reason),
    };
  })
).endpoint;
const executablePath = findCommand('chromium');
if (executablePath === undefined) throw new Error('Chromium is needed');
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--no-proxy-server'] });
try {
  for (const path of PAGES) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${port}${path}`, { waitUntil: 'networkidle' });
    await context.close();
  }
} finally {
  await browser.close();
}
const whole = requests.filter((text) => text.endsWith('\r\n\r\n'));
if (whole.length !== requests.length) throw new Error('a request came in pieces');
const portable = whole.map((text) => text.replaceAll(`127.0.0.1:${port}`, 'HOST'));
writeFileSync(OUTPUT, `${JSON.stringify(portable, null, 1)}\n`);
console.log(`${portable.length} requests of ${PAGES.length} pages, written to ${OUTPUT}`);
process.exit(0);
