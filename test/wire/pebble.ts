/**
 * Pebble, Let's Encrypt's server for tests, with a name server whose records a test sets: in a namespace, at 127.0.0.1
 * and 192.0.2.10.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab, Namespace, Program } from './lab.js';

export const DIRECTORY = 'https://127.0.0.1:14000/dir';
/** Where every name leads. */
export const ADDRESS = '192.0.2.10';

export interface Pebble {
  readonly host: Namespace;
  readonly program: Program;
  /** File of the certificate by which Pebble's own HTTPS is verified. */
  readonly ca: string;
}

export interface PebbleOptions {
  /** Of certificates, s. */
  readonly validity?: number;
  readonly external?: boolean;
}

/** The key that `external` wants. */
export const EXTERNAL = 'kid-1:zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W';

export async function startPebble(lab: Lab, options: PebbleOptions = {}): Promise<Pebble> {
  const { host, folder } = lab;
  const at = (name: string): string => join(folder, name);
  host.ip(`addr add ${ADDRESS}/32 dev lo`);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...key, '-days', '2', '-keyout', at('ca.key'), '-out', at('ca.pem'), '-subj', '/CN=lab');
  openssl('req', ...key, '-keyout', at('pebble.key'), '-out', at('pebble.csr'), '-subj', '/CN=pebble');
  writeFileSync(at('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  openssl(
    ...['x509', '-req', '-in', at('pebble.csr'), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial'],
    ...['-days', '2', '-out', at('pebble.pem'), '-extfile', at('names')],
  );
  const pebble = {
    listenAddress: '127.0.0.1:14000',
    managementListenAddress: '127.0.0.1:15000',
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
    ...['-defaultIPv4', ADDRESS, '-defaultIPv6', '', '-dns01', '127.0.0.1:8053', '-http01', '', '-https01', ''],
    ...['-tlsalpn01', '', '-management', '127.0.0.1:8055'],
  ]);
  await names.says(/Starting management server/i);
  // Every fifth nonce is refused.
  const env = { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '20' };
  const program = host.start('pebble', ['-config', at('pebble.json'), '-dnsserver', '127.0.0.1:8053', '-strict'], env);
  await program.says(/ACME directory available/i);
  return { host, program, ca: at('ca.pem') };
}
