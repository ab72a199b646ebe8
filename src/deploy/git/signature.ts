/**
 * Signatures, none of a scheme of our own: over `manifest.json` and `labels.json` behind one another by `ssh-keygen -Y`
 * (PROTOCOL.sshsig of OpenSSH) or by minisign; or git's own, of the whole commit, with a key of ssh.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectCode, expectSystemError, hasCode } from '../../errors/codes.js';
import { UserError } from '../../errors/user-error.js';
import { ImageError } from '../../image/image-error.js';
import type { Repository } from './git.js';

/** What a signature is for, so that one of another use of the key is not taken for it. */
const NAMESPACE = 'sitekernel';

/** Whom a host believes; a host with neither takes what its repository has. */
export interface Trust {
  /** A file in the form of `allowed_signers` (ssh-keygen(1), "ALLOWED SIGNERS"). */
  readonly allowedSigners?: string | undefined;
  /** A public key of minisign: the file. */
  readonly minisign?: string | undefined;
  /**
   * Keys of ssh that are believed no more: public keys, one a line, or a KRL (ssh-keygen(1), "KEY REVOCATION LISTS").
   */
  readonly revoked?: string | undefined;
}

export function signedBytes(manifest: Uint8Array, labels: Uint8Array): Uint8Array {
  return Buffer.concat([manifest, labels]);
}

/**
 * Signs with `key`: a private key of ssh (or a public one whose private half an agent holds), or a secret key of
 * minisign without a password.
 */
export async function sign(bytes: Uint8Array, key: string): Promise<Uint8Array> {
  const head = await readFile(key, 'utf8').catch((error: unknown) => {
    expectSystemError(error);
    throw new ImageError(`the key ${key} cannot be read`);
  });
  return inFolder(async (folder) => {
    const file = join(folder, 'image');
    await writeFile(file, bytes);
    if (head.startsWith('untrusted comment:')) {
      const words = ['-S', '-W', '-s', key, '-m', file, '-x', join(folder, 'signature'), '-t', NAMESPACE];
      await run('minisign', words, 'the image cannot be signed');
      return readFile(join(folder, 'signature'));
    }
    await run('ssh-keygen', ['-Y', 'sign', '-q', '-f', key, '-n', NAMESPACE, file], 'the image cannot be signed');
    return readFile(`${file}.sig`);
  });
}

/** Bytes that may have a signature. */
export interface Signable {
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array | undefined;
  readonly commit: string;
}

/**
 * Throws an ImageError unless someone whom `trust` names signed the image or its commit. Returns who it was, for the
 * journal; undefined: no signature is asked for.
 */
export async function verifySigned(what: Signable, repository: Repository, trust: Trust): Promise<string | undefined> {
  const { allowedSigners, minisign } = trust;
  if (allowedSigners === undefined && minisign === undefined) return undefined;
  const commit = await signedCommit(repository, what.commit);
  if (what.signature === undefined && commit === undefined)
    throw new ImageError('it is not signed, and this host takes signed images only');
  let wrong: unknown;
  if (what.signature !== undefined) {
    try {
      return await verifySignature(what.bytes, what.signature, trust);
    } catch (error) {
      expectCode(error, 'image');
      wrong = error;
    }
  }
  if (commit !== undefined && allowedSigners !== undefined) {
    try {
      return `${await verifyCommit(commit, { allowedSigners, revoked: trust.revoked })}, who signed the commit`;
    } catch (error) {
      expectCode(error, 'image');
      wrong ??= error;
    }
  }
  throw (
    wrong ?? new ImageError('its commit is signed, and this host, which has a key of minisign only, cannot judge that')
  );
}

interface SignedCommit {
  /** The commit without its signature, which is what was signed. */
  readonly bytes: Uint8Array;
  readonly signature: string;
}

/** Header lines of a signature and those that continue them (git-commit-tree(1), "-S"). */
const SIGNATURE_LINES = /^gpgsig(?:-sha256)? .*\n(?: .*\n)*/m;

/** What git keeps in a commit that is signed; undefined: it is not. */
async function signedCommit(repository: Repository, commit: string): Promise<SignedCommit | undefined> {
  // Byte by byte: a message may be in any encoding.
  const text = (await repository.run(['cat-file', 'commit', commit])).toString('latin1');
  const end = text.indexOf('\n\n') + 1;
  const head = text.slice(0, end);
  const lines = SIGNATURE_LINES.exec(head)?.[0];
  if (lines === undefined) return undefined;
  const bytes = Buffer.from(head.replace(SIGNATURE_LINES, '') + text.slice(end), 'latin1');
  const signature = lines.replace(/^gpgsig(?:-sha256)? /, '').replace(/\n /g, '\n');
  return { bytes, signature };
}

/**
 * By nothing but the files of allowed and revoked keys. Not by git, which has a key be valid at the time that the
 * commit says of itself: who has an old key would write an old date.
 */
async function verifyCommit({ bytes, signature }: SignedCommit, trust: SshTrust): Promise<string> {
  if (!signature.startsWith('-----BEGIN SSH SIGNATURE-----'))
    throw new ImageError(
      'its commit is signed by another kind of key, and this host takes those of ssh (gpg.format=ssh)',
    );
  return inFolder(async (folder) => {
    const sig = join(folder, 'signature');
    await writeFile(sig, signature);
    return verifySsh(bytes, sig, { namespace: 'git', what: "its commit's" }, trust);
  });
}

interface SshTrust {
  readonly allowedSigners: string;
  readonly revoked: string | undefined;
}

/** Throws an ImageError unless an allowed key, valid now, signed `bytes` for `namespace`. Returns its principal. */
async function verifySsh(
  bytes: Uint8Array,
  sig: string,
  { namespace, what }: { readonly namespace: string; readonly what: string },
  { allowedSigners, revoked }: SshTrust,
): Promise<string> {
  const notAllowed = `${what} signature is by none of the allowed signers`;
  const found = await run('ssh-keygen', ['-Y', 'find-principals', '-f', allowedSigners, '-s', sig], notAllowed);
  const signers = found
    .split('\n')
    .map((line) => line.split(',')[0]!.trim())
    .filter((name) => name !== '');
  let wrong: unknown = new ImageError(notAllowed);
  for (const signer of signers) {
    // Without "-O verify-time" the key must be valid now.
    const words = ['-Y', 'verify', '-f', allowedSigners, '-s', sig, '-n', namespace, '-I', signer];
    try {
      await run('ssh-keygen', words, `${what} signature is wrong`, bytes);
    } catch (error) {
      expectCode(error, 'image');
      wrong = error;
      continue;
    }
    if (revoked === undefined) return signer;
    const sentence = `${what} signature is by a key of ${signer} that was revoked`;
    await run('ssh-keygen', [...words, '-r', revoked], sentence, bytes).catch((error: Error) => {
      throw new ImageError(error.message, 'revoked-key');
    });
    return signer;
  }
  throw wrong;
}

/** Throws an ImageError unless someone whom `trust` names made `signature` of `bytes`. Answers who it was. */
async function verifySignature(bytes: Uint8Array, signature: Uint8Array, trust: Trust): Promise<string> {
  const { allowedSigners, minisign } = trust;
  return inFolder(async (folder) => {
    const file = join(folder, 'image');
    const sig = join(folder, 'signature');
    await writeFile(file, bytes);
    await writeFile(sig, signature);
    if (Buffer.from(signature).toString('latin1', 0, 18) === 'untrusted comment:') {
      if (minisign === undefined)
        throw new ImageError('it is signed by minisign, and this host has no key of minisign');
      await run('minisign', ['-V', '-q', '-p', minisign, '-m', file, '-x', sig], 'its signature is wrong');
      return 'minisign';
    }
    if (allowedSigners === undefined) throw new ImageError('it is signed by ssh, and this host knows no signer of ssh');
    return verifySsh(bytes, sig, { namespace: NAMESPACE, what: 'its' }, { allowedSigners, revoked: trust.revoked });
  });
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'sitekernel-sign-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function run(command: string, words: readonly string[], failed: string, input?: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { stdio: ['pipe', 'pipe', 'pipe'], timeout: 60_000 });
    let out = '';
    let said = '';
    child.stdout.on('data', (piece: Buffer) => {
      out += piece.toString();
    });
    child.stderr.on('data', (piece: Buffer) => {
      said += piece.toString();
    });
    child.stdin.on('error', () => undefined);
    child.on('error', (error) =>
      reject(hasCode(error, 'ENOENT') ? new UserError(`${failed}: ${command} is not installed`, 'unable') : error),
    );
    child.on('close', (status) => {
      if (status === 0) return resolve(out);
      const why = `${said}\n${out}`.trim().split('\n')[0];
      reject(new ImageError(why ? `${failed} (${command}: ${why})` : failed));
    });
    child.stdin.end(input);
  });
}
