/** What people do in a browser: load, reload, seek in a film, download, go offline and come back. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import t, { type Test } from 'tap';
import { findCommand } from '../run/packages.js';
import { browserIn } from './chromium-page.js';
import { Lab } from './lab.js';
import { skipWithout } from './needs.js';
import { TARGETS, type Target } from './server.js';
import { targetBed } from './targets.js';
import { webm } from './webm.js';

const SECONDS = 60;
const WIDTH = 640;
const HEIGHT = 480;
const BIG = Buffer.from(Uint8Array.from({ length: 24 * 1024 * 1024 }, (_, i) => (i * 31) >> 3));
const ARGS = ['--no-sandbox', '--disable-gpu', '--no-proxy-server'];

/** The n-th second of the film is a grey of its own, with noise so that it takes some bytes. */
const DRAW = `(n) => {
  const canvas = document.createElement('canvas');
  canvas.width = ${WIDTH}; canvas.height = ${HEIGHT};
  const c = canvas.getContext('2d'), image = c.createImageData(${WIDTH}, ${HEIGHT});
  let seed = n + 1;
  for (let i = 0; i < image.data.length; i += 4) {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    const grey = 40 + n * 3 + (seed >> 16) % 60 - 30;
    image.data[i] = image.data[i + 1] = image.data[i + 2] = grey;
    image.data[i + 3] = 255;
  }
  c.putImageData(image, 0, 0);
  return canvas.toDataURL('image/webp', 0.95);
}`;

async function film(): Promise<Uint8Array> {
  const browser = await chromium.launch({
    executablePath: findCommand('chromium') as string,
    args: ARGS,
    timeout: 60_000,
  });
  try {
    const page = await browser.newPage();
    const pictures: Uint8Array[] = [];
    for (let n = 0; n < SECONDS; n++) {
      const url = (await page.evaluate(`(${DRAW})(${n})`)) as string;
      pictures.push(Buffer.from(url.slice(url.indexOf(',') + 1), 'base64'));
    }
    return webm(pictures, WIDTH, HEIGHT, 48 * 1024 * 1024);
  } finally {
    await browser.close();
  }
}

const INDEX = `<!doctype html><html lang="en"><title>Use</title><link rel="stylesheet" href="style.css"><link rel="icon" href="data:,">
<h1>Version 1</h1><a id="get" href="big.bin" download>big</a><video preload="metadata" muted src="film.webm"></video>`;

const WORKER = `
addEventListener('install', (e) => { skipWaiting(); e.waitUntil(caches.open('v1').then((c) => c.addAll(['./', 'style.css']))); });
addEventListener('activate', (e) => e.waitUntil(clients.claim()));
addEventListener('fetch', (e) => { if (e.request.mode === 'navigate') e.respondWith(fetch(e.request).catch(() => caches.match('./'))); });`;

function writeSite(dir: string, movie: Uint8Array): void {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'index.html'), INDEX);
  writeFileSync(join(dir, 'style.css'), 'h1{color:rgb(1, 2, 3)}');
  writeFileSync(join(dir, 'sw.js'), WORKER);
  writeFileSync(join(dir, 'film.webm'), movie);
  writeFileSync(join(dir, 'big.bin'), BIG);
}

async function open(t: Test, target: Target, movie: Uint8Array) {
  const folder = t.testdir({});
  writeSite(join(folder, 'site'), movie);
  const { lab, server, client } = await targetBed(t, target, ['--log', 'access', join(folder, 'site')]);
  const script = browserIn(client);
  const browser: Browser = await chromium.launch({
    executablePath: script,
    // Service workers are for https and loopback; a laboratory counts as such.
    args: [...ARGS, `--unsafely-treat-insecure-origin-as-secure=${server.url.replace(/\/$/, '')}`],
    timeout: 60_000,
  });
  t.teardown(() => browser.close());
  return { lab, server, browser };
}

/** Statuses with which a path was answered, in order, out of the server's log. */
function answered(log: string, path: string): string[] {
  return [...log.matchAll(/"GET (\S+) HTTP\/1\.1" (\d{3})/g)].filter((m) => m[1] === path).map((m) => m[2]!);
}

const skip = skipWithout('chromium', 'dnsmasq');
let movie: Uint8Array | undefined;

for (const target of Object.keys(TARGETS) as Target[]) {
  t.test(
    `In Chromium one loads, reloads, seeks in a film, downloads, goes offline and comes back (${target})`,
    { skip },
    async (t) => {
      movie ??= await film();
      const { server, browser } = await open(t, target, movie);
      const context = await browser.newContext({ acceptDownloads: true });
      const page = await context.newPage();
      page.setDefaultTimeout(40_000);

      await page.goto(server.url);
      t.equal(await page.evaluate('getComputedStyle(document.querySelector("h1")).color'), 'rgb(1, 2, 3)');
      await page.reload();
      await server.program.says(/"GET \/ HTTP\/1\.1" 304/);

      const seen = (await page.evaluate(`(async () => {
      const video = document.querySelector('video');
      if (video.readyState < 1) await new Promise((ok, no) => { video.onloadedmetadata = ok; video.onerror = () => no(new Error(video.error.message)); });
      const found = [video.duration];
      for (const second of [50.5, 3.5, 30.5]) {
        const shown = new Promise((ok) => video.requestVideoFrameCallback(ok));
        await new Promise((ok) => { video.onseeked = ok; video.currentTime = second; });
        await shown;
        const canvas = document.createElement('canvas');
        canvas.width = canvas.height = 32;
        const c = canvas.getContext('2d');
        c.drawImage(video, 0, 0, 32, 32);
        const { data } = c.getImageData(0, 0, 32, 32);
        let sum = 0;
        for (let i = 0; i < data.length; i += 4) sum += data[i];
        found.push(Math.round((sum / 1024 - 40) / 3));
      }
      return found;
    })()`)) as number[];
      t.equal(seen[0], SECONDS);
      for (const [i, second] of [50, 3, 30].entries()) {
        t.ok(Math.abs(seen[i + 1]! - second) <= 2, `the picture at ${second} s, by its grey: ${seen[i + 1]}`);
      }
      const parts = answered(server.program.stderr, '/film.webm');
      t.ok(parts.length > 1 && parts.every((status) => status === '206'), `by ranges: ${parts}`);

      const [download] = await Promise.all([page.waitForEvent('download'), page.click('#get')]);
      const hash = createHash('sha256')
        .update(readFileSync(await download.path()))
        .digest('hex');
      t.equal(hash, createHash('sha256').update(BIG).digest('hex'), '24 MiB arrive as they are');

      await page.evaluate(`navigator.serviceWorker.register('sw.js').then(() => navigator.serviceWorker.ready)`);
      await page.waitForFunction('navigator.serviceWorker.controller !== null');
      await context.setOffline(true);
      await page.reload();
      t.equal(await page.locator('h1').textContent(), 'Version 1', 'offline, out of the worker');
      await t.rejects(page.evaluate(`fetch('big.bin?offline')`), 'there is no network');
      await context.setOffline(false);
      const back = await page.reload();
      t.equal(back?.status(), 200);
      t.equal(await page.evaluate(`fetch('style.css', { cache: 'reload' }).then((r) => r.status)`), 200, 'and back');
    },
  );
}

t.test(
  'In Chromium a page loads itself again when its site has changed (--watch --live-reload)',
  { skip },
  async (t) => {
    const folder = t.testdir({});
    const site = join(folder, 'site');
    mkdirSync(site);
    const write = (n: number): void =>
      writeFileSync(join(site, 'index.html'), `<!doctype html><title>Live</title><h1>Version ${n}</h1>`);
    write(1);
    const lab = new Lab(t);
    const server = lab.host.start(process.execPath, [
      'dist/main.js',
      '--port',
      '8080',
      '--watch',
      '--live-reload',
      site,
    ]);
    await server.says(/^listening on /m);
    const script = browserIn(lab.host);
    const browser = await chromium.launch({ executablePath: script, args: ARGS, timeout: 60_000 });
    t.teardown(() => browser.close());
    const page = await browser.newPage();
    page.setDefaultTimeout(20_000);
    await page.goto('http://127.0.0.1:8080/');
    for (const n of [2, 3, 4]) {
      await page.waitForFunction(`document.querySelector('script[src="/.sitekernel/reload.js"]') !== null`);
      const loaded = page.waitForFunction(`document.querySelector('h1')?.textContent === 'Version ${n}'`);
      write(n);
      await loaded;
    }
    t.equal(await page.textContent('h1'), 'Version 4');
  },
);

t.test('The status page of our own stack plots a download, and has the lease (--status, DHCP)', { skip }, async (t) => {
  const site = join(t.testdir({}), 'site');
  mkdirSync(site);
  writeFileSync(join(site, 'index.html'), '<!doctype html><title>Home</title>');
  writeFileSync(join(site, 'big.bin'), BIG);
  const { server, client } = await targetBed(t, 'dhcp', ['--status', '--admin', '10.77.0.0/24', site]);
  const script = browserIn(client);
  const browser = await chromium.launch({ executablePath: script, args: ARGS, timeout: 60_000 });
  t.teardown(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
  page.setDefaultTimeout(40_000);
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  // A download that goes on while it is looked at.
  const slow = client.start('curl', ['-s', '--limit-rate', '1M', '-o', '/dev/null', `${server.url}big.bin`]);
  await page.goto(`${server.url}status`);
  const row = page.locator('#rows tr').filter({ hasText: 'sending' }).first();
  await row.locator('button').click();
  await page.locator('#cwnd[points*=" "]').waitFor({ state: 'attached' });
  const points = await page.locator('#cwnd').getAttribute('points');
  t.match(points, /^[\d.]+,[\d.]+ [\d.]+,[\d.]+/);
  t.match(await page.locator('#top').textContent(), /\d+ (B|kB|MB)/);
  t.equal(await page.locator('#unknown').isVisible(), false, 'our stack knows its window');
  t.match(await page.locator('tr[aria-selected=true]').textContent(), /ESTABLISHED/);
  t.match(await page.locator('#lease').textContent(), /10\.77\.0\.\d+\/24.*10\.77\.0\.1.*BOUND/s);
  t.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true);
  const folder = process.env['SITEKERNEL_SCREENSHOTS'];
  if (folder !== undefined) await page.screenshot({ path: join(folder, 'status-direct.png'), fullPage: true });
  t.same(errors, []);
  await slow.stop(1);
});
