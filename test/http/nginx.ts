import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function nginxVersion(): string | undefined {
  const found = spawnSync('nginx', ['-v'], { encoding: 'utf8' });
  return found.status === 0 ? found.stderr.trim() : undefined;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

export interface Nginx {
  readonly port: number;
  stop(): Promise<void>;
}

/** An nginx of its own on a free port of loopback; `server` is what stands in its `server` block, `http` beside it. */
export async function startNginx(server: string, http = ''): Promise<Nginx> {
  const dir = mkdtempSync(join(tmpdir(), 'nginx-'));
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((n) => `${n}_temp_path ${dir}/${n};`)
    .join(' ');
  writeFileSync(
    join(dir, 'nginx.conf'),
    `daemon off; worker_processes 1; pid ${dir}/pid; error_log ${dir}/error.log; user root;
     events { worker_connections 256; }
     http { access_log off; ${temporary} types { text/html html; text/plain txt; video/mp4 mp4; text/css css; }
       ${http}
       server { listen 127.0.0.1:${port}; lingering_close always; ${server} } }`,
  );
  const child = spawn('nginx', ['-p', dir, '-c', join(dir, 'nginx.conf')], { stdio: 'ignore' });
  for (let i = 0; ; i++) {
    const socket = connect(port, '127.0.0.1');
    const up = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (up) break;
    if (i > 100 || child.exitCode !== null) throw new Error(`nginx does not start: ${dir}/error.log`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    port,
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/**
 * Sends bytes and FIN; the status codes that come back, in order, and how the connection ended. Reads content by its
 * length, not strictly.
 */
export async function statuses(port: number, bytes: string | Uint8Array, methods: readonly string[]): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => undefined);
  socket.write(bytes);
  // FIN only once the server has said all that it has to say about the bytes.
  const quiet = setInterval(() => {
    if (chunks.length === before && chunks.length > 0) socket.end();
    before = chunks.length;
  }, 60);
  let before = 0;
  const give = setTimeout(() => socket.end(), 1500);
  await once(socket, 'close');
  clearInterval(quiet);
  clearTimeout(give);
  const text = Buffer.concat(chunks).toString('latin1');
  const found: string[] = [];
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\r\n\r\n', at);
    const status = /^HTTP\/1\.1 (\d{3})/.exec(text.slice(at));
    if (end < 0 || status === null) {
      found.push('?');
      break;
    }
    const code = Number(status[1]);
    found.push(String(code));
    const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(at, end))?.[1] ?? '0';
    const empty = code < 200 || code === 204 || code === 304 || methods[found.length - 1] === 'HEAD';
    at = end + 4 + (empty ? 0 : Number(length));
  }
  return found.join(' ');
}

/** Sends one request that closes the connection; the fields of the answer, names in small letters. */
export async function fieldsOf(port: number, bytes: string): Promise<Map<string, string>> {
  const socket = connect({ port, host: '127.0.0.1' });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => undefined);
  socket.write(bytes);
  await once(socket, 'close');
  const text = Buffer.concat(chunks).toString('latin1');
  const lines = text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n').slice(1);
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
}
