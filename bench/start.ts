/**
 * `npm run bench:start -- [ROUNDS]`: from `exec` to the first byte of an answer: over sockets and over a TAP, with the
 * embedded site and with a bundle of 125 MB, beside `node -e 0`. In turns, medians of ROUNDS (default 15), the quickest
 * in parentheses. Needs root.
 */
import { randomFillSync } from 'node:crypto';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Lab } from '../test/wire/lab.js';
import { skipWithout } from '../test/wire/needs.js';
import { MAIN } from '../test/wire/server.js';
import type { Start } from './start-timer.js';

const SERVER = '10.78.0.2';
const FILES = 2000;
const FILE_BYTES = 62_500;

const why = skipWithout();
if (why !== false) {
  console.error(`bench: ${why}`);
  process.exit(1);
}
const rounds = process.argv[2] ?? '15';
const endings: (() => Promise<void>)[] = [];
const lab = new Lab({ teardown: (callback) => endings.push(callback) }, '10.78.0.1/24');
try {
  const bundle = join(lab.folder, 'large.bundle');
  const content = join(lab.folder, 'content');
  mkdirSync(content);
  writeFileSync(join(content, 'index.html'), '<!doctype html><title>large</title>');
  for (let i = 0; i < FILES; i++) writeFileSync(join(content, `${i}.webp`), randomFillSync(Buffer.alloc(FILE_BYTES)));
  const made = await lab.host.run(process.execPath, [MAIN, 'bundle', content, '-o', bundle]);
  if (made.status !== 0) throw new Error(made.stderr);
  const sockets = ['--net', 'socket', '--port', '0'];
  const direct = ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', `${SERVER}/24`];
  const starts: Start[] = [
    { title: 'node -e 0, to its end', args: ['-e', '0'] },
    { title: 'sockets, embedded site', args: [MAIN, ...sockets], asks: true },
    {
      title: `sockets, bundle of ${Math.round(statSync(bundle).size / 1e6)} MB`,
      args: [MAIN, ...sockets, bundle],
      asks: true,
    },
    { title: 'TAP, embedded site', args: [MAIN, ...direct], asks: true },
    { title: 'TAP, the same bundle', args: [MAIN, ...direct, bundle], asks: true },
  ];
  const timer = join(import.meta.dirname, 'start-timer.js');
  const { status, stdout, stderr } = await lab.host.run(process.execPath, [timer, rounds, JSON.stringify(starts)]);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = status;
} finally {
  for (const end of endings) await end();
}
