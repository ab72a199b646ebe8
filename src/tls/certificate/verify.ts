/** Verifies a server's certificate chain: dates, names, signatures up to a root (RFC 5280 6, RFC 9525). */

import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { rootCertificates } from 'node:tls';
import { type AlertName, TlsError } from '../common/alert.js';

/** Certificates between a server's and a root. */
const MOST_DEPTH = 8;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const ANY_USAGE = '2.5.29.37.0';

export class Roots {
  readonly #bySubject = new Map<string, X509Certificate[]>();

  /** `pem`: certificates in PEM; those that Node brings, when left out. */
  constructor(pem: readonly string[] = rootCertificates) {
    for (const text of pem) {
      const one = new X509Certificate(text);
      const same = this.#bySubject.get(one.subject);
      if (same === undefined) this.#bySubject.set(one.subject, [one]);
      else same.push(one);
    }
  }

  /** Those that may have issued `one`. */
  issuers(one: X509Certificate): readonly X509Certificate[] {
    return this.#bySubject.get(one.issuer) ?? [];
  }
}

/** Reads a chain in DER; throws a `TlsError`. */
export function readChain(chain: readonly Uint8Array[]): X509Certificate[] {
  try {
    return chain.map((der) => new X509Certificate(der));
  } catch {
    // OpenSSL says in words of its own what is wrong with DER; the alert is the same for all of it.
    throw new TlsError('badCertificate', 'Certificate: not a certificate');
  }
}

/**
 * Verifies that `chain`, the server's certificate first, is for `serverName` (a DNS name or an address), valid at `now`
 * (milliseconds since 1970), and leads to one of `roots`. Throws a `TlsError` with the alert that RFC 8446 6.2 asks
 * for.
 */
export function verifyChain(chain: readonly X509Certificate[], serverName: string, now: number, roots: Roots): void {
  const [own, ...others] = chain as readonly [X509Certificate, ...X509Certificate[]];
  const named = isIP(serverName) === 0 ? own.checkHost(serverName, { subject: 'never' }) : own.checkIP(serverName);
  if (named === undefined) refuse('badCertificate', `it is not for ${serverName}`);
  // Extended key usages; undefined: all.
  const usages = own.keyUsage as readonly string[] | undefined;
  if (usages !== undefined && !usages.includes(SERVER_AUTH) && !usages.includes(ANY_USAGE))
    refuse('unsupportedCertificate', 'it is not for servers');
  let last = own;
  for (let depth = 0; depth < MOST_DEPTH; depth++) {
    checkDates(last, now);
    const root = roots.issuers(last).find((one) => issued(one, last));
    if (root !== undefined) {
      checkDates(root, now);
      return;
    }
    const next = others.find((one) => one.ca && one !== last && issued(one, last));
    if (next === undefined) break;
    others.splice(others.indexOf(next), 1);
    last = next;
  }
  refuse('unknownCa', 'no root that is trusted has issued it');
}

/** A root that is the certificate itself is trusted as such. */
function issued(issuer: X509Certificate, one: X509Certificate): boolean {
  if (issuer.raw.equals(one.raw)) return true;
  return issuer.ca && one.checkIssued(issuer) && one.verify(issuer.publicKey);
}

function checkDates({ validFrom, validTo }: X509Certificate, now: number): void {
  if (now < Date.parse(validFrom) || now > Date.parse(validTo)) refuse('certificateExpired', 'it is not valid today');
}

function refuse(alert: AlertName, why: string): never {
  throw new TlsError(alert, `the server's certificate is refused: ${why}`);
}
