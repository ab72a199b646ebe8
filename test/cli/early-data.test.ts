/** 0-RTT as a user asks for it, by clients that were not written here. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer, connect as tcpConnect } from 'node:net';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';

t.setTimeout(120_000);

const MAIN = resolve('build', 'src', 'main.js');
const has = (program: string, ...args: string[]): boolean => spawnSync(program, args).error === undefined;

/** A server of a small site; its HTTPS port, and what its counters say. */
async function serving(t: Test, ...argv: string[]) {
  const folder = t.testdir({ site: { 'index.html': '<!doctype html><title>early</title>' } });
  const args = ['--tls', 'self-signed', '--state', join(folder, 'state'), '--https-port', '0', '--http-port', '0'];
  const child = spawn(process.execPath, [MAIN, ...args, ...argv, join(folder, 'site')]);
  t.teardown(() => child.kill('SIGKILL'));
  let said = '';
  for await (const text of child.stdout.setEncoding('utf8') as AsyncIterable<string>) {
    said += text;
    const [, https] = /^listening on https:\/\/127\.0\.0\.1:(\d+)\//m.exec(said) ?? [];
    if (https === undefined) continue;
    const file = (name: string, text: string): string => {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    };
    return { folder, port: Number(https), file };
  }
  throw new Error(`ended: ${said}`);
}

const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi';

/** All that a program prints, given `input`. */
function ask(program: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((done, reject) => {
    const child = execFile(program, args, { timeout: 20_000 }, (_error, stdout, stderr) => done(stdout + stderr));
    child.on('error', reject);
    child.stdin?.end(input);
  });
}

/** `openssl s_client` on a port. */
function openssl(port: number, input: string, ...args: string[]): Promise<string> {
  const options = ['-connect', `127.0.0.1:${port}`, '-servername', 'localhost', '-alpn', 'http/1.1', '-ign_eof'];
  return ask('openssl', ['s_client', ...options, ...args], input);
}

const withoutOpenssl = { skip: !has('openssl', 'version') && 'openssl is not here' };

t.test('openssl s_client: --tls-early-data answers what is safe, once', withoutOpenssl, async (t) => {
  const { port, folder, file } = await serving(t, '--tls-early-data');
  const session = join(folder, 'session');
  const [get, post] = [file('get', GET), file('post', POST)];
  const fresh = (): Promise<string> => openssl(port, GET, '-sess_out', session);
  t.match(await fresh(), /Max Early Data: 16384/);
  t.match(await openssl(port, '', '-sess_in', session, '-early_data', get), /Early data was accepted[\s\S]*1\.1 200/);
  t.match(await openssl(port, GET, '-sess_in', session, '-early_data', get), /Early data was rejected[\s\S]*1\.1 200/);
  await fresh();
  t.match(await openssl(port, '', '-sess_in', session, '-early_data', post), /Early data was accepted[\s\S]*1\.1 425/);
  await fresh();
  const other = ['-sess_in', session, '-early_data', get, '-ciphersuites'];
  t.match(await openssl(port, GET, ...other, 'TLS_CHACHA20_POLY1305_SHA256'), /Early data was (rejected|not sent)/);
  await fresh();
  t.match(await openssl(port, GET, '-sess_in', session, '-early_data', get, '-groups', 'X448:P-256'), /was rejected/);
});

t.test('openssl s_client: the same octets once more', withoutOpenssl, async (t) => {
  const { port, folder, file } = await serving(t, '--tls-early-data');
  const session = join(folder, 'session');
  await openssl(port, GET, '-sess_out', session);
  /** What the client sent before it heard anything. */
  let flight = Buffer.alloc(0);
  const relay = createServer((client) => {
    const server = tcpConnect(port, '127.0.0.1');
    let heard = false;
    client.on('data', (bytes: Buffer) => {
      if (!heard) flight = Buffer.concat([flight, bytes]);
    });
    server.on('data', () => {
      heard = true;
    });
    for (const one of [client, server]) one.on('error', () => undefined);
    client.pipe(server).pipe(client);
  });
  await new Promise<void>((done) => relay.listen(0, '127.0.0.1', done));
  t.teardown(() => relay.close());
  const early = ['-sess_in', session, '-early_data', file('get', GET)];
  const through = (relay.address() as { port: number }).port;
  t.match(await openssl(through, '', ...early), /Early data was accepted[\s\S]*1\.1 200/);
  t.ok(flight.length > 300);
  const lengths: number[] = [];
  const socket = tcpConnect(port, '127.0.0.1', () => socket.end(flight));
  socket.on('data', (bytes: Buffer) => lengths.push(bytes.length)).on('error', () => undefined);
  await new Promise((done) => socket.on('close', done));
  t.ok(lengths.reduce((sum, one) => sum + one, 0) < 400, 'a flight of the handshake, and no page behind it');
});

t.test(
  'gnutls-cli: a page before the end of the handshake',
  { skip: !has('gnutls-cli', '--version') && 'gnutls-cli is not here' },
  async (t) => {
    const { port, file } = await serving(t, '--tls-early-data');
    const args = ['--no-ca-verification', '--disable-sni', '-p', String(port), '127.0.0.1', '--alpn', 'http/1.1'];
    const resumed = [...args, '--resume', '--waitresumption', '--earlydata', file('get', GET)];
    t.match(await ask('gnutls-cli', resumed), /This is a resumed session[\s\S]*HTTP\/1\.1 200/);
  },
);

t.test('without the option nobody is told that there is such a thing', withoutOpenssl, async (t) => {
  const { port, folder } = await serving(t);
  t.notMatch(await openssl(port, GET, '-sess_out', join(folder, 'session')), /Max Early Data: [1-9]/);
});
