/**
 * `Clients` as a program, for a namespace of its own: prints `ready`, runs until its standard input ends, and then
 * prints what they saw.
 *
 *   node client-main.js HOST PORT KEEP-ALIVE FRESH-PAUSE-MS DOWNLOADS RATE SHA256
 */
import { Clients } from './clients.js';

const [host, port, keepAlive, pause, downloads, rate, sha256] = process.argv.slice(2) as string[];
const clients = new Clients(host!, Number(port));
clients.keepAlive('/', Number(keepAlive));
if (Number(pause) > 0) clients.fresh('/', Number(pause));
clients.slow('/large.bin', sha256!, Number(rate), Number(downloads));
process.stdout.write('ready\n');
process.stdin.resume();
process.stdin.on('end', async () => {
  await clients.stop();
  const { problems, requests, connections, longest, longestInDownload } = clients;
  process.stdout.write(
    `${JSON.stringify({ problems, requests, connections, downloads: clients.downloads, longest, longestInDownload })}\n`,
  );
  process.exit(0);
});
