/** A server over the kernel's sockets, with a certificate of each kind, and programs that ask it. */
import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import { HttpServer } from '../../src/http/index.js';
import type { Network } from '../../src/net/flow.js';
import { openSocketNetwork } from '../../src/net/sockets/open.js';
import { Certificates } from '../../src/tls/certificate/certificate.js';
import { makeCertificate } from '../../src/tls/certificate/load.js';
import { makeSelfSigned } from '../../src/tls/certificate/self-signed.js';
import { EarlyData } from '../../src/tls/handshake/early-data.js';
import { newTicketSecret, Tickets } from '../../src/tls/handshake/tickets.js';
import { OpensslEngine } from '../../src/tls/openssl/engine.js';
import { EvpPrimitives } from '../../src/tls/primitives/evp.js';
import { TlsServer } from '../../src/tls/tls-server.js';
import { siteStore } from '../http/hand-made-store.js';
import { opensslCertificate } from './setup.js';

export const has = (program: string, ...args: string[]): boolean => spawnSync(program, args).error === undefined;
export const random = (length: number): Uint8Array => Uint8Array.from(randomBytes(length));

export const ecdsa = makeSelfSigned({ names: ['localhost', '127.0.0.1'], from: Date.now(), random });
export const rsa = opensslCertificate(['-newkey', 'rsa:2048'], 'localhost');
const ed25519 = opensslCertificate(['-newkey', 'ed25519'], 'ed.example');
const p384 = opensslCertificate(['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], 'p384.example');

export interface Serving {
  readonly port: number;
  readonly network: Network;
  readonly alerts: string[];
  readonly server: TlsServer;
}

/** Serves the hand-made site over TLS on a port of the kernel's choice. */
export async function serving(t: Test, sockets: 'libc' | 'node' = 'libc', all = false): Promise<Serving> {
  const network = await openSocketNetwork({ host: '127.0.0.1' }, sockets);
  const { clock } = network;
  const store = siteStore();
  const http = new HttpServer({ store: () => store, clock });
  const files = { certificate: 'a', key: 'b' };
  const made = [ecdsa, rsa, ed25519, p384].map(
    ({ certificate, key }) => makeCertificate(certificate, key, files, Date.now()).certificate,
  );
  const certificates = new Certificates(made);
  const primitives = new EvpPrimitives();
  const tickets = new Tickets(primitives, random, newTicketSecret(random, Date.now()));
  const protocols = ['http/1.1'];
  const engine = new OpensslEngine({
    ...{ clock, protocols, min: '1.2', all, handshakes: 1024, handshakeTime: 10_000, linger: 1000 },
    certificates: () => certificates,
    ticketKeys: () => tickets.foreignKeys(Date.now()),
  });
  const alerts: string[] = [];
  const server = new TlsServer({
    ...{ primitives, random, clock, tickets, protocols, accept: http.accept, olderForAll: all },
    certificates: () => certificates,
    earlyData: new EarlyData(random, clock),
    older: (inner, hello, bytes, accept) => engine.take(inner, hello, bytes, accept),
    onAlert: (_flow, alert) => alerts.push(alert),
    onError: (error) => t.fail(String(error)),
  });
  const listener = await network.listen(0, server.accept);
  t.teardown(() => network.close(0));
  return { port: listener.endpoint.port, network, alerts, server };
}

export const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

/** Runs a program with a request on its standard input until it ends; all that it printed. */
export function ask(program: string, args: readonly string[], input = REQUEST): Promise<string> {
  return new Promise((done, reject) => {
    const child = execFile(program, args, { timeout: 20_000 }, (_error, stdout, stderr) => done(stdout + stderr));
    child.on('error', reject);
    child.stdin?.end(input);
  });
}
