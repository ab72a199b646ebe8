/** Firefox over TLS: a page, a hundred images over one connection of HTTP/2, a download. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { findCommand } from '../run/packages.js';
import { Firefox } from './firefox.js';

t.setTimeout(300_000);

const program = findCommand('firefox-esr') ?? findCommand('firefox');
const MAIN = resolve('build', 'src', 'main.js');
const IMAGES = 100;
const BIG = Buffer.from(Uint8Array.from({ length: 24 * 1024 * 1024 }, (_, i) => (i * 31) >> 3));

function writeSite(site: string): void {
  mkdirSync(site, { recursive: true });
  const images = Array.from({ length: IMAGES }, (_, i) => i);
  for (const i of images) {
    // Noise, so that each takes some segments.
    const dots = Array.from({ length: 200 }, (_, n) => `<path d="M${(n * 37 + i) % 97} ${(n * 53) % 89}h1v1z"/>`);
    writeFileSync(
      join(site, `${i}.svg`),
      `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="${i + 1}">${dots.join('')}</svg>`,
    );
  }
  writeFileSync(
    join(site, 'index.html'),
    `<!doctype html><title>Firefox</title><link rel="icon" href="data:,">${images.map((i) => `<img src="${i}.svg">`).join('')}`,
  );
  writeFileSync(join(site, 'big.bin'), BIG);
}

/** A server, and Firefox. */
async function both(t: Test, ...argv: string[]) {
  const folder = t.testdir({});
  writeSite(join(folder, 'site'));
  const options = ['--tls', 'self-signed', '--state', join(folder, 'state'), '--https-port', '0', '--http-port', '0'];
  const server = spawn(process.execPath, [MAIN, ...options, ...argv, join(folder, 'site')]);
  t.teardown(() => server.kill('SIGKILL'));
  let said = '';
  const port = await new Promise<string>((done, reject) => {
    server.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const [, found] = /^listening on https:\/\/127\.0\.0\.1:(\d+)\//m.exec(said) ?? [];
      if (found !== undefined) done(found);
    });
    server.on('close', () => reject(new Error(`ended: ${said}`)));
  });
  const firefox = await Firefox.start(t, program as string);
  return { firefox, url: `https://localhost:${port}/` };
}

const PROTOCOLS = `[...new Set(performance.getEntriesByType('resource').filter((one) => /svg/.test(one.name)).map((one) => one.nextHopProtocol))]`;

for (const [argv, protocol] of [
  [[], 'h2'],
  [['--no-http2'], 'http/1.1'],
  [['--tls-engine', 'openssl'], 'h2'],
  [['--tls-early-data'], 'h2'],
] as const) {
  const title = `Firefox: ${protocol} ${argv.join(' ')}`;
  t.test(title, { skip: program === undefined && 'Firefox is not here' }, async (t) => {
    const { firefox, url } = await both(t, ...argv);
    await firefox.open(url);
    t.equal(await firefox.evaluate('document.title'), 'Firefox');
    const heights = await firefox.evaluate<number[]>('[...document.images].map((one) => one.naturalHeight)');
    t.same(
      heights,
      Array.from({ length: IMAGES }, (_, i) => i + 1),
      'each image is the one that was asked for',
    );
    t.same(await firefox.evaluate(PROTOCOLS), [protocol]);
    const digest = `fetch('big.bin').then((one) => one.arrayBuffer()).then((one) => crypto.subtle.digest('SHA-256', one)).then((one) => [...new Uint8Array(one)])`;
    t.same(await firefox.evaluate(digest), [...createHash('sha256').update(BIG).digest()], 'a download is exact');
    const part = `fetch('big.bin', { headers: { Range: 'bytes=1000000-1000009' } }).then(async (one) => [one.status, ...new Uint8Array(await one.arrayBuffer())])`;
    t.same(await firefox.evaluate(part), [206, ...BIG.subarray(1_000_000, 1_000_010)]);
    // Again, with what it has kept, and on a session that is resumed.
    await firefox.open(`${url}?again`);
    t.equal((await firefox.evaluate<number[]>('[...document.images].map((one) => one.naturalHeight)')).length, IMAGES);
  });
}
