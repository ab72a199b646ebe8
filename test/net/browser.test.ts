import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import t from 'tap';
import { findCommand } from '../run/packages.js';

/** What may know the machine: devices, and the two networks with the parts that are theirs alone. */
const MACHINE = /^(device\/|direct\/|loop\/|sockets\/|real-clock\.ts$)/;

t.test('the stack imports nothing from Node, reads no clock and draws no lots', async (t) => {
  const root = join('src', 'net');
  for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!name.endsWith('.ts') || MACHINE.test(name)) continue;
    const text = readFileSync(join(root, name), 'utf8');
    t.notMatch(text, /from ['"]node:/, name);
    t.notMatch(
      text,
      /\b(Date\.now|performance\.now|process\.hrtime|setTimeout|setInterval|setImmediate|Math\.random)\b/,
      name,
    );
  }
});

/**
 * Two hosts on a cable in memory: one listens, the other asks. Answers what was received, in milliseconds of virtual
 * time.
 */
const PAGE = `
import { Memory } from './build/src/memory/memory.js';
import { congestionByName, memoryLink, parseIpv4, Stack, TcpLayer } from './build/src/net/index.js';
globalThis.run = (size) => {
  let seed = 1;
  const random = { random32: () => (seed = (Math.imul(seed, 1664525) + 1013904223) | 0) };
  const hosts = memoryLink({ queue: 10000 }).map((device, i) => {
    const stack = new Stack({ device, random });
    stack.configure({ address: parseIpv4('10.0.0.' + (i + 1)), prefix: 24 }, 0);
    const tcp = new TcpLayer({ ip: stack, random, drops: stack.drops, congestion: congestionByName('cubic') });
    stack.host(tcp);
    return { device, stack, tcp };
  });
  const body = new Memory(Uint8Array.from({ length: size }, (_, i) => i & 255));
  const quiet = { data() {}, ended() {}, drained() {}, closed() {} };
  hosts[0].tcp.listen(80, (flow) => {
    flow.handler = { ...quiet, data() { flow.write(body, 0, size); flow.end(); } };
  });
  let sum = 0, bytes = 0, reason = '', now = 0;
  const client = { ...quiet,
    data(_flow, data, start, end) { for (let i = start; i < end; i++) sum += data[i]; bytes += end - start; },
    ended(flow) { flow.end(); },
    closed(_flow, why) { reason = why; } };
  const flow = hosts[1].tcp.connect(parseIpv4('10.0.0.2'), parseIpv4('10.0.0.1'), 80, 0, () => {
    const ask = Memory.of('go');
    flow.handler = client;
    flow.write(ask, 0, 2);
  });
  flow.handler = client;
  for (let steps = 0; steps < 100000 && reason === ''; steps++) {
    let next = Infinity, taken = 0;
    for (const { device, stack } of hosts) {
      taken += device.receive((b, s, e, marks) => stack.input(b, s, e, marks, now), 1000);
      stack.flush(now);
      next = Math.min(next, stack.poll(now));
    }
    if (taken === 0) { if (next === Infinity) break; now = Math.max(now, next); }
  }
  return { bytes, sum, reason };
};
`;

const skip = findCommand('chromium') === undefined && process.env['CI'] !== 'true' ? 'needs chromium' : false;

t.test('bundled for a browser, two stacks talk to each other in Chromium', { skip }, async (t) => {
  const bundle = await build({
    stdin: { contents: PAGE, resolveDir: process.cwd() },
    bundle: true,
    platform: 'browser',
    format: 'iife',
    write: false,
    logLevel: 'silent',
  });
  const code = bundle.outputFiles[0]?.text ?? '';
  t.notMatch(code, /node:/);
  const executablePath = findCommand('chromium');
  if (executablePath === undefined) throw new Error('Chromium is not installed');
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--no-proxy-server'],
  });
  t.teardown(() => browser.close());
  const page = await browser.newPage();
  await page.addScriptTag({ content: code });
  const size = 300_000;
  let sum = 0;
  for (let i = 0; i < size; i++) sum += i & 255;
  t.same(await page.evaluate(`run(${size})`), { bytes: size, sum, reason: 'finished' });
});
