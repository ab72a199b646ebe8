/** The certificate that is served, with its key: one file, so that the two are always of one pair. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { type CertificateFacts, certificatesIn, factsOf } from '../der/certificate.js';
import { AcmeError } from '../protocol/problem.js';
import type { Storage } from './storage.js';

export const CERTIFICATE = 'certificate.pem';

export interface StoredCertificate {
  /** The certificate first, then those that lead to a root. */
  readonly chainPem: string;
  readonly keyPem: string;
  readonly facts: CertificateFacts;
}

const KEY = /-----BEGIN (?:EC |RSA )?PRIVATE KEY-----[\s\S]*?-----END (?:EC |RSA )?PRIVATE KEY-----\n?/;
const CERTIFICATES = /-----BEGIN CERTIFICATE-----[\s\S]*-----END CERTIFICATE-----\n?/;

/**
 * A pair out of the text of one or two files. Throws an `AcmeError` of code `state` that says what is wrong with it.
 */
export function readPair(text: string): StoredCertificate {
  const chainPem = CERTIFICATES.exec(text.replace(KEY, ''))?.[0];
  const keyPem = KEY.exec(text)?.[0];
  if (chainPem === undefined) throw new AcmeError('state', 'there is no certificate in PEM in it');
  if (keyPem === undefined) throw new AcmeError('state', 'there is no private key in PEM in it, or it is encrypted');
  const facts = factsOf(chainPem);
  if (facts === undefined) throw new AcmeError('state', 'a certificate in it is damaged');
  let key: KeyObject;
  try {
    key = createPrivateKey(keyPem);
  } catch {
    // OpenSSL's words for it are for programmers.
    throw new AcmeError('state', 'the private key in it is damaged');
  }
  if (certificatesIn(chainPem)?.[0]?.checkPrivateKey(key) !== true)
    throw new AcmeError('state', 'the private key in it is not that of its first certificate');
  return { chainPem, keyPem, facts };
}

/** The pair in `text`; undefined: it cannot be used, and `damaged` gets a message that says why. */
export function usablePair(text: string, damaged: (why: string) => void): StoredCertificate | undefined {
  try {
    return readPair(text);
  } catch (error) {
    if (!(error instanceof AcmeError)) throw error;
    damaged(error.message);
    return undefined;
  }
}

/** Undefined: there is none. Rejects with an `AcmeError` when there is one that cannot be used. */
export async function loadCertificate(storage: Storage): Promise<StoredCertificate | undefined> {
  const text = await storage.read(CERTIFICATE);
  if (text === undefined) return undefined;
  return readPair(text);
}

/** Whether `next` was made after the certificate that is there. An old one must not come back. */
export function isYounger(next: StoredCertificate, old: StoredCertificate | undefined): boolean {
  return old === undefined || next.facts.notBefore > old.facts.notBefore;
}

/** Takes the place of the one that is there, in one step; only a pair that fits does. */
export async function saveCertificate(storage: Storage, chainPem: string, keyPem: string): Promise<StoredCertificate> {
  const text = `${chainPem.trimEnd()}\n${keyPem.trimEnd()}\n`;
  const pair = readPair(text);
  await storage.write(CERTIFICATE, text);
  return pair;
}
