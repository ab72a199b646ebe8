/** HTTPS as a user asks for it: options, certificates, the redirect, and what is wrong. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { statSync, writeFileSync } from 'node:fs';
import { connect as http2Connect } from 'node:http2';
import { request } from 'node:https';
import { connect as tcpConnect } from 'node:net';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { parseArguments } from '../../src/cli/arguments/arguments.js';
import { askControl } from '../../src/control/client.js';
import type { ServeOptions } from '../../src/serve/options/serve.js';
import { makeSelfSigned } from '../../src/tls/certificate/self-signed.js';

t.setTimeout(120_000);

const MAIN = resolve('build', 'src', 'main.js');
const random = (length: number): Uint8Array => randomBytes(length);

interface Run {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly complained: () => string;
  readonly exit: Promise<number | null>;
  /** The first line that matches, on either output. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
}

function run(t: Test, ...argv: string[]): Run {
  const child = spawn(process.execPath, [MAIN, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [said, complained] = ['', ''];
  const exit = new Promise<number | null>((done) => child.on('close', done));
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complained += text;
  });
  t.teardown(() => child.kill('SIGKILL'));
  const says = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((done, reject) => {
      const look = (): void => {
        const match = pattern.exec(said) ?? pattern.exec(complained);
        if (match !== null) done(match);
      };
      for (const stream of [child.stdout, child.stderr]) stream.on('data', look);
      child.on('close', () => reject(new Error(`ended without ${pattern}: ${said}${complained}`)));
      look();
    });
  return { child, said: () => said, complained: () => complained, exit, says };
}

/** A site and certificates in a folder of the test's own. */
function files(t: Test): { site: string; folder: string; pair: (name: string, host: string) => string[] } {
  const folder = t.testdir({ site: { 'index.html': '<!doctype html><title>secure</title>' } });
  const pair = (name: string, host: string): string[] => {
    const { certificate, key } = makeSelfSigned({ names: [host], from: Date.now(), random });
    const [cert, keyFile] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
    writeFileSync(cert, certificate);
    writeFileSync(keyFile, key);
    return ['--tls-cert', cert, '--tls-key', keyFile];
  };
  return { site: join(folder, 'site'), folder, pair };
}

const PORTS = ['--https-port', '0', '--http-port', '0'];

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
  /** Common name of the certificate's subject. */
  readonly name: string;
}

function get(port: number, servername: string, path = '/'): Promise<Answer> {
  return new Promise((done, reject) => {
    const options = { host: '127.0.0.1', port, path, servername, rejectUnauthorized: false, agent: false };
    request(options, (response) => {
      const name = (response.socket as import('node:tls').TLSSocket).getPeerCertificate().subject.CN;
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () =>
        done({ status: response.statusCode ?? 0, headers: response.headers, body, name: String(name) }),
      );
    })
      .on('error', reject)
      .end();
  });
}

/** What comes back for bytes on a TCP connection. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((done, reject) => {
    let got = '';
    const socket = tcpConnect(port, '127.0.0.1', () => socket.write(text));
    socket.setEncoding('latin1').on('data', (more: string) => {
      got += more;
    });
    socket.on('end', () => {
      socket.end();
      done(got);
    });
    socket.on('error', reject);
  });
}

/** A server, with both of its ports. */
async function serving(t: Test, ...argv: string[]): Promise<Run & { https: number; http: number }> {
  const server = run(t, ...PORTS, ...argv);
  const [, https] = await server.says(/^listening on https:\/\/127\.0\.0\.1:(\d+)\/\n/);
  const [, http] = await server.says(/also listening on http:\/\/127\.0\.0\.1:(\d+)\/\n/);
  return { ...server, https: Number(https), http: Number(http) };
}

t.test('serves HTTPS, and redirects HTTP there', async (t) => {
  const { site, pair } = files(t);
  const server = await serving(t, ...pair('a', 'localhost'), '--hsts', '600', site);
  const page = await get(server.https, 'localhost');
  t.match(page, { status: 200, body: '<!doctype html><title>secure</title>', name: 'localhost' });
  t.equal(page.headers['strict-transport-security'], 'max-age=600');
  const redirect = await raw(server.http, 'GET /a%20b?q=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  t.match(redirect, /^HTTP\/1\.1 301 /);
  t.match(redirect, new RegExp(`\r\nLocation: https://localhost:${server.https}/a%20b\\?q=1\r\n`));
  t.notMatch(redirect, /Strict-Transport-Security/, 'RFC 6797 7.2: not over cleartext');
  t.match(await raw(server.https, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), /^HTTP\/1\.1 400 [\s\S]*https:\/\//);
  server.child.kill('SIGTERM');
  t.equal(await server.exit, 0);
});

/**
 * What HTTP/2 has for a path, with which field of Strict-Transport-Security; rejects where ALPN chose something else.
 */
function get2(port: number, path: string): Promise<{ status: number; hsts: string | undefined; bytes: number }> {
  return new Promise((done, reject) => {
    const session = http2Connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    session.on('error', reject);
    const stream = session.request({ ':path': path });
    let [status, bytes] = [0, 0];
    let hsts: string | undefined;
    stream.on('response', (fields) => {
      status = fields[':status'] ?? 0;
      hsts = fields['strict-transport-security'] as string | undefined;
    });
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    stream.on('error', reject);
    stream.on('end', () => {
      session.close();
      done({ status, hsts, bytes });
    });
  });
}

t.test('HTTP/2 by ALPN, with long content too, of both engines; --no-http2 speaks HTTP/1.1 alone', async (t) => {
  const { site, pair } = files(t);
  const size = 8 * 1024 * 1024;
  writeFileSync(join(site, 'long.bin'), randomBytes(size));
  const keys = pair('a', 'a.example');
  for (const engine of ['own', 'openssl']) {
    const server = await serving(t, site, ...keys, '--tls-engine', engine, '--hsts', '60');
    t.same(await get2(server.https, '/long.bin'), { status: 200, hsts: 'max-age=60', bytes: size }, engine);
    t.equal((await get(server.https, 'a.example')).status, 200, 'HTTP/1.1 goes on');
  }
  const older = await serving(t, site, ...keys, '--no-http2');
  await t.rejects(get2(older.https, '/'));
  t.equal((await get(older.https, 'a.example')).status, 200);
});

t.test('several certificates: the name chooses; --no-redirect serves the site on both ports', async (t) => {
  const { site, pair } = files(t);
  const server = await serving(t, ...pair('a', 'a.example'), ...pair('b', 'b.example'), '--no-redirect', site);
  t.equal((await get(server.https, 'a.example')).name, 'a.example');
  t.equal((await get(server.https, 'b.example')).name, 'b.example');
  t.equal((await get(server.https, 'c.example')).name, 'a.example');
  t.match(await raw(server.http, 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /);
});

t.test('a changed certificate is served at SIGHUP, and by the control socket; a broken one is not', async (t) => {
  const { site, pair, folder } = files(t);
  const control = join(folder, 'control');
  const server = await serving(t, ...pair('a', 'first.example'), '--control', control, '--log', 'net', site);
  t.equal((await get(server.https, 'x')).name, 'first.example');
  pair('a', 'second.example');
  server.child.kill('SIGHUP');
  await server.says(/the certificates were read again/);
  t.equal((await get(server.https, 'x')).name, 'second.example');
  pair('a', 'third.example');
  t.match(await askControl(control, { do: 'reload' }, 5000), { ok: true });
  t.equal((await get(server.https, 'x')).name, 'third.example');
  writeFileSync(join(folder, 'a.pem'), 'broken\n');
  t.match(await askControl(control, { do: 'reload' }, 5000), {
    ok: false,
    error: /a\.pem: no certificate in PEM is in it/,
  });
  await server.says(/no certificate in PEM is in it; the certificate that was served stays/);
  t.equal((await get(server.https, 'x')).name, 'third.example');
});

t.test('--tls self-signed: made once, kept, and its fingerprint is printed', async (t) => {
  const { site, folder } = files(t);
  const state = join(folder, 'state');
  const first = await serving(t, '--tls', 'self-signed', '--state', state, site);
  const [, fingerprint] = await first.says(/SHA-256 fingerprint is ([0-9A-F:]{95})/);
  t.equal((await get(first.https, 'localhost')).status, 200);
  t.equal(statSync(join(state, 'self-signed.key')).mode & 0o777, 0o600);
  first.child.kill('SIGTERM');
  await first.exit;
  const second = await serving(t, '--tls', 'self-signed', '--state', state, site);
  t.equal((await second.says(/fingerprint is ([0-9A-F:]{95})/))[1], fingerprint);
});

t.test('metrics and the status page tell of handshakes and the certificate', async (t) => {
  const { site, pair } = files(t);
  const server = await serving(t, ...pair('a', 'localhost'), '--metrics', '--status', '--admin', '127.0.0.0/8', site);
  const { body } = await get(server.https, 'localhost', '/metrics');
  t.match(body, /sitekernel_network_events_total\{[a-z]+="tls_handshakes"\} 1\n/);
  t.match(body, /sitekernel_tls_certificate_expires_in_seconds 3\d{7}/);
  const status = JSON.parse((await get(server.https, 'localhost', '/status.json')).body) as { facts: object };
  t.match(status.facts, { 'certificate until': /^\d{4}-\d\d-\d\d$/ });
});

t.test('what is wrong with certificates is said in one message, and the program ends', async (t) => {
  const { site, pair, folder } = files(t);
  const [, cert = '', , key = ''] = pair('a', 'a.example');
  const [, , , otherKey = ''] = pair('b', 'b.example');
  const cases: [string[], RegExp][] = [
    [['--tls-cert', cert, '--tls-key', otherKey], /b\.key: the key does not fit the certificate in .*a\.pem/],
    [
      ['--tls-cert', join(folder, 'none'), '--tls-key', key],
      /none: the certificate cannot be read: there is no such file/,
    ],
    [['--tls-cert', site, '--tls-key', key], /site: the certificate cannot be read: it is a folder/],
  ];
  for (const [argv, pattern] of cases) {
    const server = run(t, ...PORTS, ...argv, site);
    t.equal(await server.exit, 1);
    t.match(server.complained(), pattern);
    t.equal(server.complained().trim().split('\n').length, 1);
  }
});

t.test('options that do not go together', (t) => {
  const wrong = (argv: string[], message: RegExp): void => {
    t.throws(() => parseArguments(argv), { code: 'bad-usage', message }, argv.join(' '));
  };
  wrong(['--tls-cert', 'a'], /each --tls-cert needs its --tls-key: 1 certificates and 0 keys/);
  wrong(['--tls', 'self-signed', '--tls-cert', 'a', '--tls-key', 'b'], /--tls self-signed makes a certificate/);
  wrong(['--tls', 'other'], /--tls is one of self-signed/);
  for (const option of [
    ['--https-port', '1'],
    ['--no-redirect'],
    ['--hsts', '1'],
    ['--tls-min', '1.3'],
    ['--tls-engine', 'openssl'],
    ['--tls-early-data'],
  ])
    wrong(option, /is for HTTPS; add --tls-cert and --tls-key, or --acme/);
  wrong(['--port', '1', '--http-port', '2'], /another name of --port/);
  wrong(['--tls', 'self-signed', '--port', '443', '--https-port', '443'], /need a port each/);
  wrong(['--tls', 'self-signed', '--redirect-to', 'https'], /would redirect HTTPS to itself/);
  wrong(['--tls-min', '1.1', '--tls', 'self-signed'], /--tls-min is one of 1\.2, 1\.3/);
  wrong(['--tls', 'self-signed', '--tls-early-data', '--tls-engine', 'openssl'], /is for the TLS 1\.3 of our own/);
  wrong(['--hsts', '99999999', '--tls', 'self-signed'], /--hsts is a number of 0 to 63072000/);
  wrong(['--state', 'x'], /--state is for --net direct/);
  const ordered = ['--acme', 'admin@example.org', '--domain', 'example.org'];
  wrong([...ordered, '--tls', 'self-signed'], /--acme has a self-signed certificate until it gets one/);
  wrong([...ordered, '--redirect-to', 'https'], /would redirect HTTPS to itself/);
  const serve = (argv: string[]) => parseArguments(argv) as ServeOptions;
  t.match(serve(['--tls', 'self-signed']), {
    port: 8080,
    tls: { port: 8443, redirect: true, min: '1.2', engine: 'own' },
  });
  t.match(serve(['--net', 'direct', '--tls', 'self-signed']), { port: 80, tls: { port: 443 } });
  t.match(serve(['--tls', 'self-signed', '--canonical-host', 'example.org']), {
    http: { site: { canonical: 'https://example.org' } },
  });
  t.match(serve([...ordered, '--hsts', '60']), {
    port: 8080,
    tls: { files: [], port: 8443, redirect: true, hsts: 60 },
  });
  t.match(serve(['--canonical-host', 'example.org']), {
    http: { site: { canonical: 'http://example.org' } },
    tls: undefined,
  });
  t.end();
});
