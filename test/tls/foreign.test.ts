/** Clients and servers that were not written here: OpenSSL by its program and by Node, GnuTLS, curl. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { type Socket, connect as tcpConnect, createServer as tcpServer } from 'node:net';
import { join } from 'node:path';
import { type TLSSocket, connect as tlsConnect, createServer as tlsServer } from 'node:tls';
import t, { type Test } from 'tap';
import { Memory } from '../../src/memory/memory.js';
import type { CloseReason, Flow, FlowHandler, Network } from '../../src/net/flow.js';
import { openSocketNetwork } from '../../src/net/sockets/open.js';
import { Roots } from '../../src/tls/certificate/verify.js';
import { GROUP, SUITES } from '../../src/tls/common/suites.js';
import type { ClientSession } from '../../src/tls/handshake/client-handshake.js';
import { EvpPrimitives } from '../../src/tls/primitives/evp.js';
import { TlsClient } from '../../src/tls/tls-client.js';
import { ask, ecdsa, has, REQUEST, random, rsa, serving } from './serving.js';

t.setTimeout(300_000);

t.test(
  'openssl s_client: versions, suites, groups, certificates',
  { skip: !has('openssl', 'version') && 'openssl is not here' },
  async (t) => {
    const { port } = await serving(t);
    const client = (...args: string[]): Promise<string> =>
      ask('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'localhost', '-ign_eof', ...args]);
    for (const { name } of SUITES)
      t.match(await client('-ciphersuites', name), new RegExp(`Cipher is ${name}[\\s\\S]*HTTP/1.1 200`));
    t.match(await client('-groups', 'X25519'), /X25519, 253 bits[\s\S]*HTTP\/1\.1 200/);
    t.match(await client('-groups', 'P-256'), /prime256v1[\s\S]*HTTP\/1\.1 200/);
    t.match(await client('-groups', 'P-384'), /secp384r1[\s\S]*HTTP\/1\.1 200/);
    t.match(await client('-groups', 'X448:P-256'), /prime256v1[\s\S]*HTTP\/1\.1 200/, 'HelloRetryRequest');
    t.match(await client('-sigalgs', 'ECDSA+SHA256'), /signature type: ECDSA[\s\S]*HTTP\/1\.1 200/);
    t.match(await client('-sigalgs', 'RSA-PSS+SHA384'), /signature type: RSA-PSS[\s\S]*HTTP\/1\.1 200/);
    t.match(await client('-servername', 'ed.example'), /signature type: ed25519[\s\S]*HTTP\/1\.1 200/);
    t.match(await client('-servername', 'p384.example'), /signature type: ECDSA[\s\S]*HTTP\/1\.1 200/);
    t.match(await client('-tls1_2'), /TLSv1\.2[\s\S]*HTTP\/1\.1 200/);
    t.match(
      await client('-tls1_2', '-cipher', 'ECDHE-RSA-AES256-GCM-SHA384'),
      /ECDHE-RSA-AES256-GCM-SHA384[\s\S]*HTTP\/1\.1 200/,
    );
    t.match(await client('-tls1_2', '-cipher', 'ECDHE-RSA-AES128-SHA'), /alert number 40/, 'no AEAD');
    t.match(await client('-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0'), /alert number 70/);
    t.match(await client('-tls1_2', '-fallback_scsv'), /alert number 86/);
    t.match(await client('-alpn', 'foo'), /alert number 120/);
    t.match(await client('-alpn', 'foo,http/1.1'), /ALPN protocol: http\/1\.1[\s\S]*HTTP\/1\.1 200/);
    t.match(await client('-sigalgs', 'ECDSA+SHA512'), /alert number 40/);
  },
);

t.test(
  'openssl s_client: resumed, and by another process with the same secret',
  { skip: !has('openssl', 'version') && 'openssl is not here' },
  async (t) => {
    const { port } = await serving(t);
    const file = join(t.testdir(), 'session');
    for (const version of ['-tls1_3', '-tls1_2']) {
      const client = (...args: string[]): Promise<string> =>
        ask('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, version, '-ign_eof', ...args]);
      t.match(await client('-sess_out', file), /New, TLSv1/);
      t.match(await client('-sess_in', file), /Reused, TLSv1[\s\S]*HTTP\/1\.1 200/, version);
    }
  },
);

t.test(
  'gnutls-cli: groups and suites, resumed',
  { skip: !has('gnutls-cli', '--version') && 'gnutls-cli is not here' },
  async (t) => {
    const { port } = await serving(t);
    const client = (...args: string[]): Promise<string> =>
      ask('gnutls-cli', ['--no-ca-verification', '--disable-sni', '-p', String(port), '127.0.0.1', ...args]);
    for (const group of ['X25519', 'SECP256R1', 'SECP384R1']) {
      t.match(
        await client('--priority', `NORMAL:-GROUP-ALL:+GROUP-${group}`),
        new RegExp(`TLS1\\.3[\\s\\S]*${group}[\\s\\S]*HTTP/1.1 200`),
      );
    }
    for (const cipher of ['AES-128-GCM', 'AES-256-GCM', 'CHACHA20-POLY1305']) {
      t.match(
        await client('--priority', `NORMAL:-CIPHER-ALL:+${cipher}`),
        new RegExp(`${cipher}[\\s\\S]*HTTP/1.1 200`),
      );
    }
    t.match(await client('--priority', 'NORMAL:-VERS-ALL:+VERS-TLS1.2'), /TLS1\.2[\s\S]*HTTP\/1\.1 200/);
    t.match(await client('--resume', '--waitresumption'), /This is a resumed session/);
    t.match(await client('--alpn', 'http/1.1'), /Application protocol: http\/1\.1/);
  },
);

t.test(
  'curl: a page and a large file, both kinds of sockets, both engines',
  { skip: !has('curl', '--version') && 'curl is not here' },
  async (t) => {
    for (const sockets of ['libc', 'node'] as const) {
      for (const all of [false, true]) {
        const { port } = await serving(t, sockets, all);
        for (const version of [[], ['--tls-max', '1.2']]) {
          const out = await ask('curl', ['-sk', '-D', '-', ...version, `https://localhost:${port}/`]);
          t.match(out, /^HTTP\/1\.1 200 OK/, `${sockets} ${all} ${version}`);
        }
      }
    }
  },
);

/** A page asked for by `node:tls`, on a connection that is kept. */
function nodeClient(port: number, options: object): Promise<TLSSocket> {
  return new Promise((done, reject) => {
    const socket = tlsConnect(
      { port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false, ...options },
      () => done(socket),
    );
    socket.on('error', reject);
  });
}

t.test('node:tls: many requests on a connection, and a client that goes without close_notify', async (t) => {
  const { port, alerts, network } = await serving(t);
  const socket = await nodeClient(port, {});
  t.equal(socket.getProtocol(), 'TLSv1.3');
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  for (let i = 1; i <= 50; i++) {
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    while (text.split('HTTP/1.1 200').length - 1 < i) await new Promise((done) => socket.once('data', done));
  }
  socket.destroy();
  while (network.counters()['connections-open'] !== 0) await new Promise((done) => setTimeout(done, 10));
  t.same(alerts, []);
});

/** A flow to a port: by way of a listener of our own, as networks have no call for it. */
function openFlow(network: Network, port: number, accept: (flow: Flow) => void): void {
  void network.listen(0, accept).then(({ endpoint, close }) => {
    const [a, b] = [tcpConnect(endpoint.port, '127.0.0.1'), tcpConnect(port, '127.0.0.1')] as [Socket, Socket];
    for (const one of [a, b]) one.on('error', () => undefined);
    a.pipe(b).pipe(a);
    a.on('connect', () => close());
  });
}

class Reader implements FlowHandler {
  text = '';
  readonly over: Promise<CloseReason | 'ended'>;
  #over!: (reason: CloseReason | 'ended') => void;

  constructor() {
    this.over = new Promise((done) => {
      this.#over = done;
    });
  }

  data(_flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    this.text += Buffer.from(bytes.subarray(start, end)).toString('latin1');
  }

  ended(flow: Flow): void {
    flow.end();
    this.#over('ended');
  }

  drained(): void {}

  closed(_flow: Flow, reason: CloseReason): void {
    this.#over(reason);
  }
}

/** What our client makes of a server on `port`. */
async function ourClient(t: Test, port: number, pem: string, more: object = {}) {
  const network = await openSocketNetwork({ host: '127.0.0.1' }, 'node');
  t.teardown(() => network.close(0));
  const client = new TlsClient({
    ...{ primitives: new EvpPrimitives(), random },
    clock: network.clock,
    roots: new Roots([pem]),
  });
  const sessions: ClientSession[] = [];
  const reader = new Reader();
  const established = await new Promise<{ resumed?: boolean; flow?: Flow; why?: string; message?: string }>((done) => {
    openFlow(network, port, (inner) => {
      client.connect(inner, {
        serverName: 'localhost',
        onSession: (one) => sessions.push(one),
        established: (flow, resumed) => {
          flow.handler = reader;
          const memory = Memory.of(REQUEST);
          flow.write(memory, 0, memory.bytes.length);
          flow.flush();
          done({ resumed, flow });
        },
        failed: (why, message) => done({ why, message }),
        ...more,
      });
    });
  });
  if (established.flow !== undefined) await reader.over;
  return { ...established, text: reader.text, sessions };
}

t.test('our client against node:tls: groups, suites, resumed, refused', async (t) => {
  const server = tlsServer({ key: ecdsa.key, cert: ecdsa.certificate, ecdhCurve: 'P-256:X25519:P-384' }, (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\nhello'));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  for (const group of [GROUP.x25519, GROUP.secp256r1, GROUP.secp384r1]) {
    const { text, flow } = await ourClient(t, port, ecdsa.certificate, { groups: [group] });
    t.match(text, /hello$/);
    t.equal(flow?.security?.protocol, 'TLSv1.3');
  }
  for (const suite of SUITES)
    t.match((await ourClient(t, port, ecdsa.certificate, { suites: [suite] })).text, /hello$/);
  const first = await ourClient(t, port, ecdsa.certificate);
  t.ok(first.sessions.length > 0);
  const second = await ourClient(t, port, ecdsa.certificate, { session: first.sessions[0] });
  t.equal(second.resumed, true);
  t.match(second.text, /hello$/);
  t.equal((await ourClient(t, port, rsa.certificate)).why, 'unknownCa');
  t.equal((await ourClient(t, port, ecdsa.certificate, { serverName: 'example.org' })).why, 'badCertificate');
});

t.test('our client is asked for another share, and by a server of TLS 1.2 for what it has not', async (t) => {
  const answer = (socket: TLSSocket): void => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\nhello'));
  };
  const retry = tlsServer({ key: rsa.key, cert: rsa.certificate, ecdhCurve: 'P-384' }, answer);
  const old = tlsServer({ key: rsa.key, cert: rsa.certificate, maxVersion: 'TLSv1.2' }, answer);
  for (const one of [retry, old]) await new Promise<void>((done) => one.listen(0, '127.0.0.1', done));
  t.teardown(() => retry.close());
  t.teardown(() => old.close());
  t.match((await ourClient(t, (retry.address() as { port: number }).port, rsa.certificate)).text, /hello$/);
  const refused = await ourClient(t, (old.address() as { port: number }).port, rsa.certificate);
  t.match(refused.message, /protocolVersion/);
});

/** Starts a server program, until it accepts. */
async function program(t: Test, name: string, args: readonly string[], port: number): Promise<ChildProcess> {
  const child = spawn(name, args, { stdio: ['pipe', 'ignore', 'ignore'] });
  t.teardown(() => child.kill('SIGKILL'));
  for (let i = 0; i < 200; i++) {
    const open = await new Promise<boolean>((done) => {
      const socket = tcpConnect(port, '127.0.0.1', () => {
        socket.destroy();
        done(true);
      });
      socket.on('error', () => done(false));
    });
    if (open) return child;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`${name} does not accept`);
}

async function freePort(): Promise<number> {
  const server = tcpServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

t.test(
  'our client against openssl s_server and gnutls-serv',
  { skip: !(has('openssl', 'version') && has('gnutls-serv', '--version')) && 'they are not here' },
  async (t) => {
    const dir = t.testdir();
    writeFileSync(join(dir, 'cert.pem'), rsa.certificate);
    writeFileSync(join(dir, 'key.pem'), rsa.key);
    const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
    const openssl = await freePort();
    await program(
      t,
      'openssl',
      ['s_server', '-accept', String(openssl), '-cert', cert, '-key', key, '-www', '-tls1_3'],
      openssl,
    );
    t.match((await ourClient(t, openssl, rsa.certificate)).text, /^HTTP\/1\.0 200/);
    const asking = await freePort();
    await program(
      t,
      'openssl',
      ['s_server', '-accept', String(asking), '-cert', cert, '-key', key, '-www', '-verify', '1'],
      asking,
    );
    t.match(
      (await ourClient(t, asking, rsa.certificate)).text,
      /^HTTP\/1\.0 200/,
      'it asks for a certificate, and gets none',
    );
    const gnutls = await freePort();
    await program(
      t,
      'gnutls-serv',
      ['--http', '-p', String(gnutls), '--x509certfile', cert, '--x509keyfile', key],
      gnutls,
    );
    t.match((await ourClient(t, gnutls, rsa.certificate)).text, /^HTTP\/1\.0 200/);
  },
);
