/**
 * What bundling, opening and looking up cost. Makes a site like a real one (2,400 files, 125 MB, of which 16 MB text)
 * in a temporary directory, and a bundle of 1,000,000 URLs; prints a table.
 *
 *     node build/bench/bundle.js [--no-full] [--no-million]
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { layOut } from '../src/store/bundle/layout.js';
import { bundleIntoFile } from '../src/store/bundle/write-bundle.js';
import { bundleDirectory, openStore, type SiteOptions, type Store, watchStore } from '../src/store/index.js';
import { NO_ROUTE_RULES, RouteTable } from '../src/store/routes/routes.js';
import { NO_HEADER_RULES } from '../src/store/rules/header-rules.js';
import { blobOf } from '../src/store/site/blob.js';
import type { SiteFile } from '../src/store/site/site.js';
import { Slices } from '../src/store/slices.js';

const dir = mkdtempSync(join(tmpdir(), 'sitekernel-bench-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
const rows: [string, string][] = [];
const report = (what: string, value: string): void => {
  rows.push([what, value]);
  console.log(`${what.padEnd(70)} ${value}`);
};

let seed = 12345;
const random = (n: number): number => {
  seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
  return seed % n;
};
const words = Array.from({ length: 4000 }, () =>
  Array.from({ length: 2 + random(9) }, () => String.fromCharCode(97 + random(26))).join(''),
);

function prose(bytes: number): string {
  let out = '<!doctype html><html><body>';
  while (out.length < bytes)
    out += `<p class="${words[random(40)]}">${Array.from({ length: 30 }, () => words[Math.min(random(4000), random(4000))]).join(' ')}</p>\n`;
  return out;
}

function noise(bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) out[i] = random(65536) >> 5;
  return out;
}

function write(path: string, content: string | Uint8Array): void {
  const file = join(dir, 'site', path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

function makeSite(): void {
  for (let i = 0; i < 2040; i++)
    write(
      `processed_images/picture${i}_.${(i + 0x5f1494977bb).toString(16).padStart(16, '0')}.webp`,
      noise(20_000 + random(67_000)),
    );
  for (let i = 0; i < 200; i++) write(`blog/post-${i}/index.html`, prose(8_000 + random(30_000)));
  for (let i = 0; i < 90; i++) write(`tags/t${i}/atom.xml`, prose(40_000 + random(180_000)));
  for (let i = 0; i < 70; i++) write(`js/script${i}.js`, prose(2_000 + random(40_000)));
  write('index.html', prose(10_000));
}

async function timed<T>(run: () => Promise<T>): Promise<[number, T]> {
  const start = performance.now();
  const result = await run();
  return [performance.now() - start, result];
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** Median milliseconds of opening `file` in a process of its own, without Node's start. */
function openCold(file: string, options: object): string {
  const index = pathToFileURL(join(import.meta.dirname, '../src/store/index.js')).href;
  const script = `const { openStore } = await import(${JSON.stringify(index)});
    const { open } = await import('node:fs/promises'); await (await open(${JSON.stringify(file)})).close();
    const t = performance.now(); const s = await openStore(${JSON.stringify(file)}, ${JSON.stringify(options)});
    const b = new TextEncoder().encode('/'); s.lookup(b, 0, 1); console.log(performance.now() - t); process.exit(0);`;
  const times = Array.from({ length: 9 }, () =>
    Number(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })),
  );
  return `${times.sort((a, b) => a - b)[4]!.toFixed(2)} ms`;
}

function lookups(store: Store, paths: readonly string[], rounds: number): string {
  const encoded = paths.map((path) => new TextEncoder().encode(path));
  for (const bytes of encoded) store.lookup(bytes, 0, bytes.length);
  const best: number[] = [];
  for (let k = 0; k < 7; k++) {
    const start = performance.now();
    for (let i = 0; i < rounds; i++) for (const bytes of encoded) store.lookup(bytes, 0, bytes.length);
    best.push(((performance.now() - start) * 1e6) / (rounds * encoded.length));
  }
  return `${Math.min(...best).toFixed(0)} ns`;
}

/** Bytes of garbage a look-up of a path that was seen before makes. */
function garbage(store: Store, path: string): string {
  const bytes = new TextEncoder().encode(path);
  for (let i = 0; i < 20_000; i++) store.lookup(bytes, 0, bytes.length);
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 1_000_000; i++) store.lookup(bytes, 0, bytes.length);
  return `${((process.memoryUsage().heapUsed - before) / 1e6).toFixed(3)} B`;
}

async function million(files: number): Promise<string> {
  const site: SiteFile[] = [];
  for (let i = 0; i < files; i++) {
    const blob = blobOf(new TextEncoder().encode(`page ${i}`));
    site.push({
      path: `/p/${String(i).padStart(6, '0')}.html`,
      type: 'text/html; charset=utf-8',
      coded: [{ coding: 'identity', blob }],
    });
  }
  const slices = new Slices();
  const routes = await (await RouteTable.of(site, NO_ROUTE_RULES, [], slices)).finish(slices);
  const policy = { rules: NO_HEADER_RULES, security: true, hints: false };
  const layout = await layOut(site, routes, policy, { compressors: {}, security: true, headers: [], redirects: [] });
  const file = join(dir, `${files}.bundle`);
  await bundleIntoFile(layout, file, { sums: true });
  return file;
}

makeSite();
const site = join(dir, 'site');
const cache = join(dir, 'cache');
const bundle = async (what: string, options: SiteOptions): Promise<string> => {
  const file = join(dir, 'site.bundle');
  const [ms, made] = await timed(() => bundleDirectory(site, file, { cache, ...options }));
  report(what, `${seconds(ms)}, ${megabytes(made.bytes)}`);
  return file;
};
const plain = await bundle('bundle, no compression', { compression: 'none' });
report('open that bundle, mapped, first look-up, in a new process', openCold(plain, {}));
report('the same, read', openCold(plain, { map: false }));
report('the same, mapped, every page verified', openCold(plain, { verify: 'open' }));
const store = await openStore(plain);
report(
  'look-up of 4 pages seen before, each',
  lookups(store, ['/', '/blog/post-7/', '/js/script3.js', '/tags/t1/atom.xml'], 200_000),
);
report('look-up of a redirect seen before', lookups(store, ['/blog/post-7'], 500_000));
report('look-up of a missing path seen before', lookups(store, ['/blog/post-7777/none'], 500_000));
report('garbage of one look-up', garbage(store, '/blog/post-7/'));
await bundle('bundle, fast compression', { compression: 'fast' });
await bundle('bundle, fast compression, again', { compression: 'fast' });
if (!process.argv.includes('--no-full')) {
  await bundle('bundle, full compression', { compression: 'full' });
  await bundle('bundle, full compression, again', { compression: 'full' });
}
await new Promise<void>((resolve) => {
  let changed = 0;
  let count = 0;
  const all: number[] = [];
  const watching = watchStore(site, { sums: true }, () => {
    if (changed > 0) all.push(performance.now() - changed);
    if (count++ === 5) {
      report('watch: change to new store, median of 5', `${all.sort((a, b) => a - b)[2]!.toFixed(0)} ms`);
      void watching.then((w) => w.close());
      return resolve();
    }
    setTimeout(() => {
      changed = performance.now();
      write('index.html', prose(9_000 + count));
    }, 100);
  });
});
if (!process.argv.includes('--no-million')) {
  const small = await million(4);
  report('open a bundle of 10 URLs, read', openCold(small, { map: false }));
  const [ms, large] = await timed(() => million(340_000));
  report('make a bundle of 1,000,000 URLs', `${seconds(ms)}, ${megabytes(statSync(large).size)}`);
  report('open it, mapped', openCold(large, {}));
  const big = await openStore(large);
  report(
    `look-up among ${big.size} URLs, a page seen before`,
    lookups(big, ['/p/123456', '/p/000001.html', '/p/300000'], 300_000),
  );
  const start = performance.now();
  for (let i = 0; i < 20_000; i++) {
    const bytes = new TextEncoder().encode(`/p/${String(random(340_000)).padStart(6, '0')}`);
    big.lookup(bytes, 0, bytes.length);
  }
  report(
    'first look-up of a random page, pages verified on the way',
    `${(((performance.now() - start) * 1000) / 20_000).toFixed(1)} µs`,
  );
}
