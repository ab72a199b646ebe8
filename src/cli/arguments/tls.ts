/** Options of the command line about HTTPS. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { badUsage } from '../../errors/user-error.js';
import type { TlsArguments } from '../../serve/options/tls.js';
import { oneOf, portNumber } from '../values/option-values.js';

export interface TlsFlags {
  tls?: 'self-signed';
  tlsCert?: readonly string[];
  tlsKey?: readonly string[];
  tlsMin?: '1.2' | '1.3';
  tlsEngine?: 'own' | 'openssl';
  tlsEarlyData?: boolean;
  httpsPort?: number;
  httpPort?: number;
  hsts?: number;
  redirect: boolean;
}

const SOCKET_PORT = 8443;
const DIRECT_PORT = 443;
/** Two years, in seconds: more than any list of preloaded hosts asks for. */
const MOST_HSTS = 63_072_000;

export function addTlsOptions(program: Command): Command {
  return program
    .option('--tls-cert <file>', 'serve HTTPS with this certificate chain in PEM; several times for several', several)
    .option('--tls-key <file>', 'its private key in PEM; as many times as --tls-cert, in the same order', several)
    .addOption(
      new Option(
        '--tls <how>',
        'self-signed: HTTPS to try it, with a certificate that is made once and kept',
      ).argParser(oneOf('--tls', ['self-signed'])),
    )
    .option('--https-port <n>', `port for HTTPS (default: ${SOCKET_PORT}, ${DIRECT_PORT} in direct mode)`, portNumber)
    .option('--http-port <n>', 'port for HTTP, another name of --port; with HTTPS it redirects there', portNumber)
    .option('--no-redirect', 'serve the site on the HTTP port, too, instead of redirecting to HTTPS')
    .option('--hsts <seconds>', 'tell browsers to use HTTPS alone for so long (Strict-Transport-Security)', hsts)
    .option(
      '--tls-min <version>',
      'the oldest TLS version: 1.2 or 1.3 (default: 1.2)',
      oneOf('--tls-min', ['1.2', '1.3']),
    )
    .option(
      '--tls-engine <name>',
      "whose TLS 1.3: own, or openssl for Node's (default: own)",
      oneOf('--tls-engine', ['own', 'openssl']),
    )
    .option(
      '--tls-early-data',
      'answer safe requests of clients that come again before their handshake is over (0-RTT)',
    );
}

/**
 * The options together; undefined: cleartext. `ordered`: certificates come from an authority; `proxied`: a proxy in
 * front may serve HTTPS. Throws a `UserError`.
 */
export function tlsArguments(
  flags: TlsFlags,
  net: 'socket' | 'direct',
  ordered: boolean,
  proxied: boolean,
): TlsArguments | undefined {
  const certificates = flags.tlsCert ?? [];
  const keys = flags.tlsKey ?? [];
  if (certificates.length !== keys.length) {
    throw badUsage(
      `each --tls-cert needs its --tls-key: ${certificates.length} certificates and ${keys.length} keys are given`,
    );
  }
  if (flags.tls !== undefined && certificates.length > 0)
    throw badUsage('--tls self-signed makes a certificate; leave --tls-cert and --tls-key out, or --tls');
  if (flags.tls !== undefined && ordered)
    throw badUsage('--acme has a self-signed certificate until it gets one; leave --tls self-signed out');
  if (flags.tls === undefined && certificates.length === 0 && !ordered) {
    const wrong = tlsOption(flags, proxied);
    if (wrong !== undefined)
      throw badUsage(`${wrong} is for HTTPS; add --tls-cert and --tls-key, or --acme, or leave it out`);
    return undefined;
  }
  if (flags.tlsEarlyData && flags.tlsEngine === 'openssl')
    throw badUsage('--tls-early-data is for the TLS 1.3 of our own; leave --tls-engine openssl out, or it');
  return {
    files: certificates.map((certificate, i) => ({ certificate, key: keys[i]! })),
    port: flags.httpsPort ?? (net === 'socket' ? SOCKET_PORT : DIRECT_PORT),
    redirect: flags.redirect,
    hsts: flags.hsts,
    min: flags.tlsMin ?? '1.2',
    engine: flags.tlsEngine ?? 'own',
    earlyData: flags.tlsEarlyData ?? false,
  };
}

/** The first option that does nothing without HTTPS; undefined: none was given. */
function tlsOption(flags: TlsFlags, proxied: boolean): string | undefined {
  const given: [string, boolean][] = [
    ['--https-port', flags.httpsPort !== undefined],
    ['--no-redirect', !flags.redirect],
    ['--hsts', flags.hsts !== undefined && !proxied],
    ['--tls-min', flags.tlsMin !== undefined],
    ['--tls-engine', flags.tlsEngine !== undefined],
    ['--tls-early-data', flags.tlsEarlyData !== undefined],
  ];
  return given.find(([, present]) => present)?.[0];
}

function several(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function hsts(text: string): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (value < 0 || value > MOST_HSTS) throw new InvalidArgumentError(`--hsts is a number of 0 to ${MOST_HSTS}.`);
  return value;
}
