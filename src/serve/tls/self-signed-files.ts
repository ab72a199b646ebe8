/** The certificate of `--tls self-signed`: made once, kept with its key in the state folder. */

import { randomBytes, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../errors/user-error.js';
import { writeDurableNow } from '../../native/durable.js';
import { makeFolder } from '../../native/make-folder.js';
import { makeSelfSigned } from '../../tls/certificate/self-signed.js';

/** Milliseconds that a certificate must last to be used again. */
export const LEFT = 7 * 86_400_000;

export interface SelfSignedFiles {
  readonly certificate: string;
  readonly key: string;
}

/** Where they are kept. */
function selfSignedPaths(folder: string): SelfSignedFiles {
  return { certificate: join(folder, 'self-signed.pem'), key: join(folder, 'self-signed.key') };
}

/** The files, made now if there are none that fit `names`: DNS names and IPv4 addresses. Throws a `UserError`. */
export function selfSignedFiles(folder: string, names: readonly string[]): SelfSignedFiles {
  const files = selfSignedPaths(folder);
  try {
    if (usable(files, names)) return files;
    makeFolder(folder, 0o700);
    const { certificate, key } = selfSignedNow(names);
    writeDurableNow(files.key, key, 0o600);
    writeDurableNow(files.certificate, certificate, 0o644);
    return files;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new UserError(`no certificate can be kept in ${folder} (${code}); choose a folder with --state`);
  }
}

/** One that begins now, in PEM. */
export function selfSignedNow(names: readonly string[]): { certificate: string; key: string } {
  return makeSelfSigned({ names, from: Date.now(), random: (length) => randomBytes(length) });
}

function usable({ certificate, key }: SelfSignedFiles, names: readonly string[]): boolean {
  if (!existsSync(certificate) || !existsSync(key)) return false;
  try {
    const kept = new X509Certificate(readFileSync(certificate));
    const fits = names.every((name) => (kept.subjectAltName ?? '').split(', ').some((one) => one.endsWith(`:${name}`)));
    return fits && Date.parse(kept.validTo) - Date.now() > LEFT;
  } catch (error) {
    // A file that is no certificate is replaced; an unreadable file is not.
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw error;
    return false;
  }
}

/** SHA-256 of the certificate, as browsers show it. */
export function fingerprintOf(path: string): string {
  return new X509Certificate(readFileSync(path)).fingerprint256;
}
