/** Another bundle under a running program, over its control socket. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { askControl } from '../../src/control/client.js';
import type { ControlRequest } from '../../src/control/protocol.js';
import { bundleDirectory } from '../../src/store/index.js';
import { Family } from '../supervise/family.js';

const MAIN = resolve('build', 'src', 'main.js');
/** Large enough to be mapped rather than read. */
const LARGE = 12_000_000;

interface Served {
  readonly folder: string;
  readonly url: string;
  readonly port: number;
  ask(request: object): Promise<Record<string, unknown>>;
  bundle(name: string, files: Readonly<Record<string, string | Buffer>>): Promise<string>;
}

async function bundleOf(
  folder: string,
  name: string,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<string> {
  const dir = join(folder, name);
  mkdirSync(dir);
  for (const [file, content] of Object.entries(files)) writeFileSync(join(dir, file), content);
  const output = join(folder, `${name}.bundle`);
  await bundleDirectory(dir, output, { compression: 'none', cache: false });
  return output;
}

async function serving(t: Test, first: Readonly<Record<string, string | Buffer>>, ...argv: string[]): Promise<Served> {
  const folder = t.testdir({});
  const bundle = await bundleOf(folder, 'first', first);
  // The path of a socket is short.
  const control = join(mkdtempSync(join(tmpdir(), 'sk-')), 'control.sock');
  const child = spawn(process.execPath, [MAIN, '--port', '0', '--control', control, ...argv, bundle], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: new Family(t).env,
  });
  t.teardown(() => rmSync(dirname(control), { recursive: true, force: true }));
  const [said] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const [, url, port] = /^listening on (http:\S+:(\d+)\/)\n$/.exec(said)!;
  const ask = async (request: object) =>
    (await askControl(control, request as ControlRequest)) as unknown as Record<string, unknown>;
  return { folder, url: url!, port: Number(port), ask, bundle: (name, files) => bundleOf(folder, name, files) };
}

t.test(
  'a swap is one step: new requests get the new site, an answer under way stays that of the old one',
  async (t) => {
    const old = Buffer.alloc(LARGE, 'old ');
    const { url, port, ask, bundle } = await serving(t, { 'index.html': 'first', 'large.bin': old });
    const slow = connect(port, '127.0.0.1');
    slow.write('GET /large.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const [begin] = (await once(slow, 'data')) as [Buffer];
    slow.pause();
    const next = await bundle('second', { 'index.html': 'second', 'large.bin': Buffer.alloc(LARGE, 'new ') });
    const before = await ask({ do: 'status' });
    const answer = await ask({ do: 'swap', bundle: next, id: 'abc' });
    t.equal(answer['ok'], true);
    t.equal(answer['image'], 'abc');
    t.equal(answer['pid'], before['pid']);
    t.not(answer['bundle'], before['bundle']);
    t.equal(await (await fetch(url)).text(), 'second');
    const chunks = [begin];
    slow.on('data', (chunk) => chunks.push(chunk));
    slow.resume();
    await once(slow, 'end');
    const whole = Buffer.concat(chunks);
    t.equal(Buffer.compare(whole.subarray(whole.indexOf('\r\n\r\n') + 4), old), 0);
  },
);

t.test('a bundle that is not as its hashes say is refused, and nothing changes', async (t) => {
  const { folder, url, ask, bundle } = await serving(t, { 'index.html': 'first' });
  const good = await bundle('second', { 'index.html': 'second', 'large.bin': Buffer.alloc(LARGE, 'x') });
  const damaged = join(folder, 'damaged.bundle');
  const bytes = readFileSync(good);
  bytes[bytes.length - 5000]! ^= 1;
  writeFileSync(damaged, bytes);
  const short = join(folder, 'short.bundle');
  copyFileSync(good, short);
  truncateSync(short, bytes.length - 100_000);
  for (const file of [damaged, short, join(folder, 'none.bundle')]) {
    const answer = await ask({ do: 'swap', bundle: file, id: 'abc' });
    t.equal(answer['ok'], false);
    t.match(answer['error'], /bundle/);
  }
  t.match(await ask({ do: 'swap', bundle: good, id: 'abc', bundleId: '0'.repeat(64) }), {
    ok: false,
    error: /expected/,
  });
  t.match(await ask({ do: 'swap', bundle: 'relative', id: 'abc' }), { ok: false, error: /absolute/ });
  t.match(await ask({ do: 'dance' }), { ok: false, error: /status, swap, .*drain/ });
  t.match(await ask({ do: 'status' }), { ok: true, image: '', state: 'serving' });
  t.equal(await (await fetch(url)).text(), 'first');
});

t.test('a bundle that is truncated while it is served goes on being served as it was', async (t) => {
  const large = Buffer.alloc(LARGE, 'kept ');
  const { url, ask, bundle } = await serving(t, { 'index.html': 'first' });
  const file = await bundle('second', { 'index.html': 'second', 'large.bin': large });
  t.match(await ask({ do: 'swap', bundle: file, id: '' }), { ok: true });
  truncateSync(file, 0);
  t.equal(Buffer.compare(Buffer.from(await (await fetch(`${url}large.bin`)).arrayBuffer()), large), 0);
  t.match(await ask({ do: 'status' }), { ok: true });
});

t.test('fingerprinted files of the sites before stay; others go, and so do those whose time is over', async (t) => {
  const asset = 'app.3f9a1c7e.js';
  const { url, ask, bundle } = await serving(t, { 'index.html': 'first', [asset]: 'one()', 'plain.js': 'plain()' });
  for (const name of ['second', 'third']) {
    await ask({ do: 'swap', bundle: await bundle(name, { 'index.html': name }), id: '' });
    const kept = await fetch(url + asset);
    t.equal(kept.status, 200);
    t.equal(await kept.text(), 'one()');
    t.match(kept.headers.get('cache-control'), /immutable/);
    t.equal((await fetch(`${url}plain.js`)).status, 404);
  }
  // Not at all, where that is asked for.
  const none = await serving(t, { 'index.html': 'first', [asset]: 'one()' }, '--keep-assets', '0');
  await none.ask({ do: 'swap', bundle: await none.bundle('second', { 'index.html': 'second' }), id: '' });
  t.equal((await fetch(none.url + asset)).status, 404);
});

t.test('two swaps at once come one behind the other', async (t) => {
  const { url, ask, bundle } = await serving(t, { 'index.html': 'first' });
  const files = [
    await bundle('second', { 'index.html': 'second', 'large.bin': Buffer.alloc(LARGE, 'x') }),
    await bundle('third', { 'index.html': 'third' }),
  ];
  const answers = await Promise.all(files.map((file, i) => ask({ do: 'swap', bundle: file, id: `${i}` })));
  for (const answer of answers) t.equal(answer['ok'], true);
  t.equal(await (await fetch(url)).text(), 'third');
  t.match(await ask({ do: 'status' }), { image: '1' });
});
