/**
 * `Clients` as a program, for a namespace of its own: prints `ready`, runs until its standard input ends, and then
 * prints what they saw. With `IDLE` all of it is over TLS, there are as many clients of HTTP/2 beside, and IDLE
 * sessions of these that ask once for each line of standard input.
 *
 *   node client-main.js HOST PORT KEEP-ALIVE FRESH-PAUSE-MS DOWNLOADS RATE SHA256 [IDLE]
 */
import { createInterface } from 'node:readline';
import { Clients } from './clients.js';
import { Http2Clients } from './http2-clients.js';

const [host, port, keepAlive, pause, downloads, rate, sha256, idle] = process.argv.slice(2) as string[];
const clients = new Clients(host!, Number(port), idle !== undefined);
const http2 = new Http2Clients(`https://${host}:${port}`);
if (idle !== undefined) await http2.many('/', Number(idle));
clients.keepAlive('/', Number(keepAlive));
if (Number(pause) > 0) clients.fresh('/', Number(pause));
clients.slow('/large.bin', sha256!, Number(rate), Number(downloads));
if (idle !== undefined) {
  http2.keepAlive('/', Number(keepAlive) + 1);
  http2.slow('/large.bin', sha256!, Number(rate), Math.ceil(Number(downloads) / 2));
}
process.stdout.write('ready\n');
const lines = createInterface({ input: process.stdin });
let waking = Promise.resolve();
lines.on('line', () => {
  waking = waking.then(() => http2.wake('/'));
});
lines.on('close', async () => {
  await waking;
  await Promise.all([clients.stop(), http2.stop()]);
  const both = [clients, http2];
  const most = (name: 'longest' | 'longestInDownload'): number => Math.max(...both.map((one) => one[name]));
  const sum = (name: 'requests' | 'downloads'): number => clients[name] + http2[name];
  const seen = {
    problems: [...clients.problems, ...http2.problems],
    requests: sum('requests'),
    connections: clients.connections,
    downloads: sum('downloads'),
    woken: http2.woken,
    longest: most('longest'),
    longestInDownload: most('longestInDownload'),
  };
  process.stdout.write(`${JSON.stringify(seen)}\n`);
  process.exit(0);
});
