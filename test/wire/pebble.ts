/**
 * Pebble, Let's Encrypt's server for tests, with a name server whose records a test sets: in a namespace, at 127.0.0.1
 * and 192.0.2.10.
 */
import { execFileSync } from 'node:child_process';
import type { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab, Namespace, Program } from './lab.js';

/** A name of Pebble's, where its own name server is asked. */
export const CA_NAME = 'ca.test';
export const DIRECTORY = 'https://127.0.0.1:14000/dir';
/** Where every name leads. */
export const ADDRESS = '192.0.2.10';

/** A zone whose names lead to the server that answers for it. */
export const SELF_ZONE = `$TTL 60
@ SOA ns hostmaster 1 7200 900 1209600 300
@ NS ns
ns A @SELF
@ A @SELF
www A @SELF
`;

/** Another place for Pebble than the lab's host. */
interface Place {
  /** It has `address` already. */
  readonly host: Namespace;
  readonly address: string;
  /** Where every name leads. */
  readonly target: string;
}

export interface Pebble {
  readonly host: Namespace;
  readonly program: Program;
  /** Another one in its place, which has forgotten everything. */
  readonly start: () => Promise<Program>;
  /** File of the certificate by which Pebble's own HTTPS is verified. */
  readonly ca: string;
  /** Where it tells a test what it has. */
  readonly management: string;
}

export interface PebbleOptions {
  /** Of certificates, s. */
  readonly validity?: number;
  readonly external?: boolean;
  readonly place?: Place;
  /** The name server that Pebble asks, instead of its own. */
  readonly dnsServer?: string;
}

/** The key that `external` wants. */
export const EXTERNAL = 'kid-1:zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W';

export async function startPebble(lab: Lab, options: PebbleOptions = {}): Promise<Pebble> {
  const { folder } = lab;
  const { host, address, target } = options.place ?? { host: lab.host, address: '127.0.0.1', target: ADDRESS };
  const at = (name: string): string => join(folder, name);
  if (options.place === undefined) host.ip(`addr add ${ADDRESS}/32 dev lo`);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...key, '-days', '2', '-keyout', at('ca.key'), '-out', at('ca.pem'), '-subj', '/CN=lab');
  openssl('req', ...key, '-keyout', at('pebble.key'), '-out', at('pebble.csr'), '-subj', '/CN=pebble');
  writeFileSync(at('names'), `subjectAltName=DNS:localhost,DNS:${CA_NAME},IP:${address}\n`);
  openssl(
    ...['x509', '-req', '-in', at('pebble.csr'), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial'],
    ...['-days', '2', '-out', at('pebble.pem'), '-extfile', at('names')],
  );
  const pebble = {
    listenAddress: `${address}:14000`,
    managementListenAddress: `${address}:15000`,
    certificate: at('pebble.pem'),
    privateKey: at('pebble.key'),
    httpPort: 80,
    tlsPort: 443,
    ocspResponderURL: '',
    externalAccountBindingRequired: options.external ?? false,
    externalAccountMACKeys: { [EXTERNAL.split(':')[0]!]: EXTERNAL.split(':')[1] },
    certificateValidityPeriod: options.validity ?? 518_400,
  };
  writeFileSync(at('pebble.json'), JSON.stringify({ pebble }));
  const names = host.start('pebble-challtestsrv', [
    ...['-defaultIPv4', target, '-defaultIPv6', '', '-dns01', `${address}:8053`, '-http01', '', '-https01', ''],
    ...['-tlsalpn01', '', '-management', `${address}:8055`],
  ]);
  await names.says(/Starting management server/i);
  // One nonce in ten is refused.
  const env = { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '10' };
  const dnsServer = options.dnsServer ?? `${address}:8053`;
  const start = async (): Promise<Program> => {
    const program = host.start('pebble', ['-config', at('pebble.json'), '-dnsserver', dnsServer, '-strict'], env);
    await program.says(/ACME directory available/i);
    return program;
  };
  const program = await start();
  const own = JSON.stringify({ host: `${CA_NAME}.`, addresses: [address] });
  await host.run('curl', ['-sf', '-d', own, `http://${address}:8055/add-a`]);
  return { host, program, start, ca: at('ca.pem'), management: `https://${address}:15000` };
}

/** The certificate that what Pebble issues leads to, as a file at `path`. */
export async function saveRoot({ host, ca, management }: Pebble, path: string): Promise<void> {
  writeFileSync(path, (await host.run('curl', ['-s', '--cacert', ca, `${management}/roots/0`])).stdout);
}

/** What Pebble knows of a certificate: `Revoked`, and the code of the reason. */
export async function statusAt(
  { host, ca, management }: Pebble,
  { serialNumber }: X509Certificate,
): Promise<{ Status: string; Reason?: number }> {
  const url = `${management}/cert-status-by-serial/${serialNumber.toLowerCase()}`;
  return JSON.parse((await host.run('curl', ['-s', '--cacert', ca, url])).stdout);
}
