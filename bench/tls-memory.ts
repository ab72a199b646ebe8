/**
 * `npm run bench:tls-memory -- [CONNECTIONS]`: resident bytes of this program and of nginx for each connection over TLS
 * that idles after one request (HTTP/1.1, HTTP/2), and for each that has asked for 10 MiB and reads nothing of it; over
 * the kernel's sockets. Needs root and nginx.
 */
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { Lab } from '../test/wire/lab.js';
import { MAIN } from '../test/wire/server.js';
import type { Contender } from './contender.js';
import { residentBytes } from './processes.js';
import { startContenders } from './servers.js';
import { writeCertificate } from './tls-servers.js';
import { writeContent } from './workloads.js';

const count = Number(process.argv[2] ?? 2000);
const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 3000));

/** Bytes for each of `connections`, which a client holds. */
async function each(lab: Lab, server: Contender, connections: number, protocol: string, path: string): Promise<number> {
  const { hostname, port } = new URL(server.urls[0] as string);
  const script = resolve('build', 'bench', 'tls-client.js');
  const hold = async (many: number, wait: () => Promise<number>): Promise<number> => {
    const args = [script, 'hold', hostname, port, join(lab.folder, 'certificate.pem'), String(many), protocol, path];
    const client = lab.host.start(process.execPath, args);
    await client.says(/^held/m, 300);
    const bytes = await wait();
    await client.stop();
    return bytes;
  };
  const resident = async (): Promise<number> => {
    await settle();
    return server.pids.reduce((sum, pid) => sum + residentBytes(pid), 0);
  };
  // What the first connections cost once is in the memory before.
  const before = await hold(Math.ceil(connections / 4), resident);
  const after = await hold(connections, resident);
  return (after - before) / (connections - Math.ceil(connections / 4));
}

const rows = [
  ['idle, HTTP/1.1', count, 'http/1.1', '/1k.html'],
  ['idle, HTTP/2', count, 'h2', '/1k.html'],
  ['10 MiB that is not read, HTTP/1.1', Math.ceil(count / 8), 'http/1.1', 'unread:/10m.bin'],
] as const;

for (const [title, connections, protocol, path] of rows) {
  // New servers for each row: what one has freed, the next would use.
  const endings: (() => Promise<void>)[] = [];
  const lab = new Lab({ teardown: (callback) => endings.push(callback) });
  try {
    const folder = join(lab.folder, 'content');
    writeContent(folder);
    const bundle = join(lab.folder, 'site.bundle');
    execFileSync(process.execPath, [MAIN, 'bundle', folder, '-o', bundle], { stdio: 'ignore' });
    const content = { bundle, folder, ...writeCertificate(lab.folder) };
    for (const server of await startContenders(lab, content, ['nginx-loopback-tls', 'socket-tls'])) {
      const bytes = await each(lab, server, connections, protocol, path);
      console.log(`${server.title}: ${title}: ${bytes.toFixed(0)} bytes`);
    }
  } finally {
    for (const end of endings) await end();
  }
}
