/**
 * Certificates of tls-alpn-01 (RFC 8737) in the state folder: the process that orders writes them, and each process
 * that serves finds them there, in every worker and in the successor.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ACME_TLS, type ChallengeCertificates } from '../../acme/authority/tls-alpn-01.js';
import { identifierOf, serverNameFor } from '../../acme/der/names.js';
import { AcmeError } from '../../acme/protocol/problem.js';
import { expectSystemError } from '../../errors/codes.js';
import { writeDurable } from '../../native/durable.js';
import { makeFolder } from '../../native/make-folder.js';
import { Certificates } from '../../tls/certificate/certificate.js';
import { CertificateError, makeCertificate } from '../../tls/certificate/load.js';
import type { ServerConfiguration } from '../../tls/handshake/server-handshake.js';

/** Below the folder of certificates. No ordered name begins with an underscore and has no dot. */
const FOLDER = '_challenges';

/** The folder of what answers challenges: all that a process needs of it that orders nothing. */
export function challengeFolder(acme: string): string {
  return join(acme, FOLDER);
}

function fileFor(acme: string, serverName: string): string {
  return join(acme, FOLDER, `${serverName}.pem`);
}

/** For the process that orders. `acme`: the folder of certificates. */
export class ChallengeFiles implements ChallengeCertificates {
  readonly #acme: string;

  constructor(acme: string) {
    this.#acme = acme;
  }

  async set(serverName: string, chainPem: string, keyPem: string): Promise<void> {
    try {
      makeFolder(join(this.#acme, FOLDER), 0o700);
      await writeDurable(fileFor(this.#acme, serverName), `${chainPem}${keyPem}`, 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      throw new AcmeError('state', `the state cannot be written: ${(error as Error).message}`);
    }
  }

  async remove(serverName: string): Promise<void> {
    try {
      rmSync(fileFor(this.#acme, serverName), { force: true });
    } catch (error) {
      // The file may stay: it proves nothing more, because the authority has its answer.
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }
}

/**
 * For `ServerConfiguration.challenge`. `ordered`: names and addresses that certificates are ordered for. A client that
 * asks for another name costs no disk access; for one of these it costs the reading of a small file.
 */
export function storedChallenges(acme: string, ordered: readonly string[]): Challenges {
  return challengesIn((serverName) => {
    try {
      return readFileSync(fileFor(acme, serverName), 'latin1');
    } catch (error) {
      // No order is under way, or the file may not be read.
      expectSystemError(error);
      return undefined;
    }
  }, ordered);
}

type Challenges = NonNullable<ServerConfiguration['challenge']>;

/** `pemOf`: chain and key for a name of `ordered`, in PEM; undefined: no order is under way. */
export function challengesIn(
  pemOf: (serverName: string) => string | undefined,
  ordered: readonly string[],
): Challenges {
  const identifiers = ordered.map(identifierOf).filter((one) => one !== undefined);
  const known = new Set(identifiers.map(serverNameFor));
  return (serverName, protocols) => {
    // RFC 8737 3: the client's list has this protocol alone.
    if (protocols.length !== 1 || protocols[0] !== ACME_TLS || !known.has(serverName)) return undefined;
    const pem = pemOf(serverName);
    if (pem === undefined) return undefined;
    try {
      const { certificate } = makeCertificate(pem, pem, { certificate: serverName, key: serverName }, Date.now());
      return { certificates: new Certificates([certificate]), protocol: ACME_TLS };
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      return undefined;
    }
  };
}
