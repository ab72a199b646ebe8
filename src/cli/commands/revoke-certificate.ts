/** `sitekernel certificate revoke`: the authority takes back what it said of a certificate (RFC 8555 7.6). */
import { join } from 'node:path';
import { factsOf } from '../../acme/der/certificate.js';
import { nodeCrypto } from '../../acme/node-crypto.js';
import { Account } from '../../acme/protocol/account.js';
import { AcmeClient } from '../../acme/protocol/client.js';
import { AcmeError } from '../../acme/protocol/problem.js';
import { REVOCATION_REASONS } from '../../acme/protocol/reasons.js';
import { Session } from '../../acme/protocol/session.js';
import { accountMemory, storedAccountKey } from '../../acme/state/account-state.js';
import { AUTHORITY, authorityIn, directoryIn } from '../../acme/state/authority-state.js';
import { readPair } from '../../acme/state/certificate-state.js';
import { keptCertificates } from '../../acme/state/overview.js';
import { REQUEST } from '../../acme/state/renewal-state.js';
import { FolderStorage } from '../../acme/state/storage.js';
import { badUsage, UserError } from '../../errors/user-error.js';
import { RealClock } from '../../net/real-clock.js';
import { kernelFetch } from '../../serve/certificates/https-fetch.js';
import { readRoots } from '../../serve/certificates/roots.js';
import { packageVersion } from '../../serve/program-files.js';
import type { CertificateOptions } from '../arguments/certificate.js';
import { LATER, print, textsOf } from './certificate-words.js';
import { theStored } from './which-certificate.js';

/** What is revoked. */
interface Revoked {
  readonly names: readonly string[];
  readonly fingerprint: string;
  readonly der: Uint8Array;
  /** Undefined: it is not known here. */
  readonly keyPem: string | undefined;
}

/** Rejects with a `UserError`, or an `AcmeError` for what the authority says. */
export async function revoke(options: CertificateOptions): Promise<void> {
  const { folder, revocation } = options;
  const { reason, by = reason === 'keyCompromise' ? 'certificate' : 'account' } = revocation;
  const revoked = options.files.length === 0 ? await inState(options) : await inFiles(options.files);
  const what = `the certificate for ${revoked.names.join(', ')}, SHA-256 ${revoked.fingerprint.slice(0, 16)}...,`;
  const told = by === 'certificate' ? byCertificate(options, revoked) : byAccount(options, revoked);
  print(`${what} is revoked${(await told) ? '' : ' already'}: ${reason}`);
  if (reason === 'cessationOfOperation') return;
  // Whatever server has it here needs another one; each order has a key of its own.
  for (const { name, stored } of await keptCertificates(folder)) {
    if (stored?.facts.fingerprint !== revoked.fingerprint) continue;
    await new FolderStorage(join(folder, name)).write(REQUEST, `${new Date().toISOString()}\n`);
    print(`${name}: a new certificate is ordered, with a new key; ${LATER}`);
  }
}

async function inState(options: CertificateOptions): Promise<Revoked> {
  const { stored } = await theStored(options);
  return { ...stored.facts, keyPem: stored.keyPem };
}

async function inFiles(files: readonly string[]): Promise<Revoked> {
  if (files.length > 2) throw badUsage('revoke takes one file, or two: the certificate and its key');
  const text = (await textsOf(files)).join('\n');
  const facts = factsOf(text);
  if (facts === undefined) throw new UserError(`${files.join(', ')}: there is no certificate in PEM in it`);
  if (!text.includes('PRIVATE KEY-----')) return { ...facts, keyPem: undefined };
  try {
    return { ...facts, keyPem: readPair(text).keyPem };
  } catch (error) {
    if (error instanceof AcmeError) throw new UserError(`${files.join(', ')}: ${error.message}`);
    throw error;
  }
}

/** Whether it was valid until now. The key of the certificate needs no account, and may be anybody's. */
async function byCertificate(options: CertificateOptions, { der, keyPem }: Revoked): Promise<boolean> {
  if (keyPem === undefined)
    throw new UserError('the key of the certificate is needed for that: give its file, too, or use --by account');
  const key = nodeCrypto.readKey(keyPem);
  if (key === undefined)
    throw new UserError('the key of the certificate is no ECDSA key on P-256, and cannot sign here; use --by account');
  const client = await clientOf(options);
  return isNew(client.revoke(der, REVOCATION_REASONS[options.revocation.reason], key));
}

async function byAccount(options: CertificateOptions, { der }: Revoked): Promise<boolean> {
  const key = await storedAccountKey(new FolderStorage(options.folder), nodeCrypto);
  if (key === undefined)
    throw new UserError(
      `there is no account.key in ${options.folder}; with the key of the certificate: --by certificate`,
    );
  const client = await clientOf(options);
  return isNew(client.revoke(der, REVOCATION_REASONS[options.revocation.reason]));
}

/** False: the authority answers that it was revoked before. */
async function isNew(told: Promise<void>): Promise<boolean> {
  try {
    await told;
    return true;
  } catch (error) {
    if (error instanceof AcmeError && error.problem?.type === 'alreadyRevoked') return false;
    // An account that is not there is not made in order to revoke.
    if (error instanceof AcmeError && error.code === 'terms')
      throw new UserError(
        'the authority has no account of this account.key; with the key of the certificate: --by certificate',
      );
    throw error;
  }
}

async function clientOf({ folder, revocation: { roots, ...given } }: CertificateOptions): Promise<AcmeClient> {
  const storage = new FolderStorage(folder);
  const known = (await storage.read(AUTHORITY)) ?? '';
  const directory = given.directory ?? directoryIn(known);
  if (directory === undefined)
    throw badUsage(`${folder} does not know which authority it is from; name that with --acme-directory URL`);
  const fetch = kernelFetch(roots === undefined ? undefined : readRoots(roots));
  const userAgent = `sitekernel/${packageVersion()}`;
  const session = new Session({ directory, fetch, clock: new RealClock(), crypto: nodeCrypto, userAgent });
  // By the key of a certificate no account is asked for, and this one is never heard of.
  const key = (await storedAccountKey(storage, nodeCrypto)) ?? nodeCrypto.generateKey();
  const memory = accountMemory(storage, directory);
  const load = async (): Promise<string | undefined> => (await memory.load()) ?? authorityIn(known, directory)?.account;
  return new AcmeClient(session, new Account(session, key, { email: undefined, agreed: false }, { ...memory, load }));
}
