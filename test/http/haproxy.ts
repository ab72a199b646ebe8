import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findCommand } from '../run/packages.js';
import { freePort, type Nginx } from './nginx.js';

export const HAPROXY = findCommand('haproxy');

/** A HAProxy of its own on a free port of loopback, before a server on `port` whose idle connections it uses again. */
export async function startHaproxy(port: number, frontend = ''): Promise<Nginx> {
  const dir = mkdtempSync(join(tmpdir(), 'haproxy-'));
  const own = await freePort();
  writeFileSync(
    join(dir, 'haproxy.cfg'),
    `global
  maxconn 256
defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
  http-reuse always
frontend front
  bind 127.0.0.1:${own}
  ${frontend}
  default_backend behind
backend behind
  server one 127.0.0.1:${port} maxconn 4 pool-max-conn 1
`,
  );
  const child = spawn(HAPROXY as string, ['-db', '-f', join(dir, 'haproxy.cfg')], { stdio: 'ignore' });
  for (let i = 0; ; i++) {
    const socket = connect(own, '127.0.0.1');
    const up = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (up) break;
    if (i > 100 || child.exitCode !== null) throw new Error('haproxy does not start');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    port: own,
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
