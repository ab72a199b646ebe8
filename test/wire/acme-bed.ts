/** Servers that order a certificate from Pebble, over sockets or on a stack of their own. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab, Namespace, Program } from './lab.js';
import { ADDRESS, CA_NAME, DIRECTORY, startPebble } from './pebble.js';
import { MAIN, SITE } from './server.js';

export const NAME = 'www.example.test';
const WORLD = '10.77.0.2';
const OURS = '10.77.0.80';
const ZONE = `$TTL 60
@ SOA ns hostmaster 1 7200 900 1209600 300
@ NS ns
ns A ${WORLD}
ca A ${WORLD}
www.example A ${OURS}
`;

export interface OrderingBed {
  /** Where clients are. */
  readonly clients: Namespace;
  /** Where the server is. */
  readonly address: string;
  /** Of a server that orders a certificate for NAME. */
  options(state: string): string[];
}

/** Starts Pebble. In direct mode the kernel of the server's host has no way to it, and the server no other names. */
export async function orderingBed(lab: Lab, net: 'socket' | 'direct'): Promise<OrderingBed> {
  const account = ['--acme', 'a@example.test', '--agree-tos', '--domain', NAME, '--log', 'net'];
  if (net === 'socket') {
    const { ca, host } = await startPebble(lab);
    const place = ['--host', ADDRESS, '--port', '80', '--https-port', '443'];
    const authority = ['--acme-directory', DIRECTORY, '--acme-roots', ca];
    const options = (state: string): string[] => [...place, ...account, ...authority, '--state', state, SITE];
    return { clients: host, address: ADDRESS, options };
  }
  lab.host.ip('link add name br0 type bridge');
  lab.host.ip('link set br0 up');
  const world = lab.client(`${WORLD}/24`);
  const { ca } = await startPebble(lab, { place: { host: world, address: WORLD, target: OURS } });
  const zone = join(lab.folder, 'test.zone');
  writeFileSync(zone, ZONE);
  const names = ['--host', WORLD, '--port', '8080', '--zone', zone, '--dns-port', '5300', SITE];
  await world.start(process.execPath, [MAIN, ...names]).says(/answering names at/);
  const place = ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', `${OURS}/24`, '--no-ipv6'];
  const authority = ['--dns', `${WORLD}@5300`, '--acme-directory', `https://${CA_NAME}:14000/dir`, '--acme-roots', ca];
  const options = (state: string): string[] => [...place, ...account, ...authority, '--state', state, SITE];
  return { clients: world, address: OURS, options };
}

export async function until<T>(look: () => T | undefined | false, what: string): Promise<T> {
  for (let i = 0; i < 1200; i++) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`${what} did not come`);
}

export const served = async ({ clients, address }: OrderingBed): Promise<string> => {
  const words = ['-sk', '-o', '/dev/null', '-w', '%{http_code} %{certs}', '--resolve', `${NAME}:443:${address}`];
  const { stdout } = await clients.run('curl', [...words, `https://${NAME}/`]);
  const pem = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/.exec(stdout)?.[0];
  return `${stdout.slice(0, 3)} ${pem === undefined ? '' : new X509Certificate(pem).fingerprint256}`;
};

/** Resolves when clients get this certificate. */
export async function inUse(bed: OrderingBed, fingerprint: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if ((await served(bed)) === `200 ${fingerprint}`) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`${fingerprint} is not in use`);
}

const chainOf = (state: string): string => join(state, 'acme', NAME, 'certificate.pem');
export const stored = (state: string): string => new X509Certificate(readFileSync(chainOf(state))).fingerprint256;

export async function renew(lab: Lab, state: string, server: { signal: Program['signal'] }): Promise<void> {
  await lab.host.run(process.execPath, [MAIN, 'certificate', 'renew', '--state', state]);
  server.signal('SIGHUP');
}
