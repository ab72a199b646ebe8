/** Reads certificates and keys from PEM files; each mistake that a person can make has its message. */
import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { UserError } from '../../errors/user-error.js';
import { readNamedLater } from '../../native/named-file.js';
import { schemesOf, signerOf } from '../primitives/signing.js';
import { writeCertificate } from '../wire/server-flight.js';
import type { Certificate } from './certificate.js';

/** A certificate or key that cannot be used. Its message says which file, why, and what to do. */
export class CertificateError extends UserError {
  override readonly name = 'CertificateError';

  constructor(message: string) {
    super(message, 'certificate');
  }
}

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

export interface Loaded {
  readonly certificate: Certificate;
  /** What a person should know though the certificate is served: one message each. */
  readonly notes: readonly string[];
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;
/** Milliseconds before its end from which a certificate is reported. */
const SOON = 14 * 86_400_000;
/** Bytes of a PEM file. */
const MOST = 1_048_576;

/** Reads one pair of files. `now` in milliseconds since 1970. Rejects with a `CertificateError`. */
export async function loadCertificate({ certificate, key }: CertificateFiles, now: number): Promise<Loaded> {
  const chain = await read(certificate, 'certificate');
  const secret = certificate === key ? chain : await read(key, 'key');
  return makeCertificate(chain, secret, { certificate, key }, now);
}

/** Makes a certificate out of the text of two files; throws a `CertificateError`. */
export function makeCertificate(chainText: string, keyText: string, files: CertificateFiles, now: number): Loaded {
  const key = privateKey(keyText, files.key);
  const found = certificatesIn(chainText, files.certificate);
  const own = found.find((one) => one.checkPrivateKey(key));
  if (own === undefined) {
    throw new CertificateError(
      `${files.key}: the key does not fit the certificate in ${files.certificate}; give the key that the certificate was made for`,
    );
  }
  if (schemesOf(key).length === 0) {
    throw new CertificateError(
      `${files.key}: a key of type ${key.asymmetricKeyType ?? 'unknown'} is not used here; make an ECDSA key (P-256), or RSA of 2048 bits or more`,
    );
  }
  const notes: string[] = [];
  const chain = inOrder(own, found, files.certificate, notes);
  notes.push(...validity(own, files.certificate, now));
  return { certificate: certificateOf(chain, own, key, files), notes };
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'no permission to read it',
  EISDIR: 'it is a folder',
  ENOTDIR: 'the path leads through a file, where a directory is expected',
  ELOOP: 'it is a link that leads to itself; remove it',
};

async function read(path: string, what: string): Promise<string> {
  try {
    return (await readNamedLater(path, MOST)).toString('latin1');
  } catch (error) {
    if (error instanceof UserError) throw new CertificateError(error.message);
    const { code } = error as NodeJS.ErrnoException;
    throw new CertificateError(`${path}: the ${what} cannot be read: ${REASONS[code ?? ''] ?? code}`);
  }
}

function privateKey(text: string, path: string): KeyObject {
  const blocks = [...text.matchAll(BLOCK)].filter(([, label]) => label?.endsWith('PRIVATE KEY'));
  const [block] = blocks;
  if (block === undefined) throw new CertificateError(`${path}: no private key in PEM is in it`);
  if (block[1] === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type: 4,ENCRYPTED/m.test(block[0])) {
    throw new CertificateError(
      `${path}: the key is encrypted, and there is nobody to ask for its passphrase; decrypt it with "openssl pkey -in ${path} -out FILE"`,
    );
  }
  try {
    return createPrivateKey(block[0]);
  } catch {
    // OpenSSL's words for what is wrong are for programmers.
    throw new CertificateError(`${path}: the private key is damaged, or of a kind that is not known`);
  }
}

function certificatesIn(text: string, path: string): X509Certificate[] {
  const blocks = [...text.matchAll(BLOCK)].filter(([, label]) => /^(X509 |TRUSTED )?CERTIFICATE$/.test(label ?? ''));
  if (blocks.length === 0) throw new CertificateError(`${path}: no certificate in PEM is in it`);
  return blocks.map(([block], i) => {
    try {
      return new X509Certificate(block);
    } catch {
      // OpenSSL cannot read it; its words are for programmers.
      throw new CertificateError(`${path}: certificate ${i + 1} in it is damaged`);
    }
  });
}

/**
 * The chain from `own` upwards, out of `found` (RFC 8446 4.4.2). A root is left out: clients have it, or have no use
 * for it.
 */
function inOrder(own: X509Certificate, found: readonly X509Certificate[], path: string, notes: string[]) {
  const chain = [own];
  const left = found.filter((one) => one !== own);
  for (let last = own; !isRoot(last); ) {
    const issuer = left.findIndex((one) => last.checkIssued(one));
    if (issuer < 0) break;
    const [next] = left.splice(issuer, 1);
    last = next!;
    if (!isRoot(last)) chain.push(last);
  }
  const same = chain.every((one, i) => one === found[i]);
  if (!same) notes.push(`${path}: the certificates are in the wrong order; they are sent in the right one`);
  if (chain.length === 1 && !isRoot(own) && !found.some((one) => one !== own && own.checkIssued(one)))
    notes.push(`${path}: the chain is incomplete: the issuer's certificate is missing, and clients may refuse it`);
  return chain;
}

/** Signed with its own key: a root, or self-signed. OpenSSL's `checkIssued` wants to know of a CA's key usage, too. */
function isRoot(one: X509Certificate): boolean {
  return one.subject === one.issuer && one.verify(one.publicKey);
}

function validity(own: X509Certificate, path: string, now: number): string[] {
  const { from, to } = period(own);
  const date = (time: number): string => new Date(time).toISOString().slice(0, 10);
  if (now > to) return [`${path}: the certificate expired on ${date(to)}; clients will refuse it`];
  if (now < from) return [`${path}: the certificate is not valid before ${date(from)}; clients will refuse it`];
  if (to - now < SOON && to - from > SOON) {
    return [`${path}: the certificate expires on ${date(to)}, in ${Math.floor((to - now) / 86_400_000)} days`];
  }
  return [];
}

function period(one: X509Certificate): { from: number; to: number } {
  return { from: Date.parse(one.validFrom), to: Date.parse(one.validTo) };
}

function certificateOf(
  chain: readonly X509Certificate[],
  own: X509Certificate,
  key: KeyObject,
  files: CertificateFiles,
): Certificate {
  const { from, to } = period(own);
  return {
    names: namesOf(own),
    signer: signerOf(key),
    message: writeCertificate(chain.map((one) => one.raw)),
    notBefore: from,
    notAfter: to,
    pem: { chain: chain.map(String).join(''), key: key.export({ format: 'pem', type: 'pkcs8' }) as string },
    source: files.certificate,
    fingerprint: createHash('sha256').update(own.raw).digest('hex'),
  };
}

/** Names in subjectAltName (RFC 9525 2): DNS names in small letters, and addresses. */
function namesOf(one: X509Certificate): string[] {
  const names: string[] = [];
  for (const entry of (one.subjectAltName ?? '').split(', ')) {
    const match = /^(?:DNS|IP Address):([^"]+)$/.exec(entry);
    if (match !== null) names.push(match[1]!.toLowerCase());
  }
  return names;
}
