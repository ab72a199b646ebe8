/**
 * Signatures, none of a scheme of our own: over `manifest.json` and `labels.json` behind one another by `ssh-keygen -Y` (PROTOCOL.sshsig of
 * OpenSSH) or by minisign; or git's own, of the whole commit, with a key of ssh.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImageError } from '../../image/image-error.js';
import { GitError, type Repository } from './git.js';

/** What a signature is for, so that one of another use of the key is not taken for it. */
const NAMESPACE = 'sitekernel';

/** Whom a host believes; a host with neither takes what its repository has. */
export interface Trust {
  /** A file in the form of `allowed_signers` (ssh-keygen(1), "ALLOWED SIGNERS"). */
  readonly allowedSigners?: string | undefined;
  /** A public key of minisign: the file. */
  readonly minisign?: string | undefined;
}

export function signedBytes(manifest: Uint8Array, labels: Uint8Array): Uint8Array {
  return Buffer.concat([manifest, labels]);
}

/** Signs with `key`: a private key of ssh (or a public one whose private half an agent holds), or a secret key of minisign without a password. */
export async function sign(bytes: Uint8Array, key: string): Promise<Uint8Array> {
  const head = await readFile(key, 'utf8').catch(() => {
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

/** What somebody may have signed. */
export interface Signable {
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array | undefined;
  readonly commit: string;
}

/**
 * Throws an ImageError unless someone whom `trust` names signed the image or its commit. Answers who it was, for the journal; undefined:
 * nobody had to.
 */
export async function verifySigned(what: Signable, repository: Repository, trust: Trust): Promise<string | undefined> {
  const { allowedSigners, minisign } = trust;
  if (allowedSigners === undefined && minisign === undefined) return undefined;
  const commit = await commitSignature(repository, what.commit);
  if (what.signature === undefined && commit === undefined)
    throw new ImageError('it is not signed, and this host takes signed images only');
  let wrong: unknown;
  if (what.signature !== undefined) {
    try {
      return await verifySignature(what.bytes, what.signature, trust);
    } catch (error) {
      wrong = error;
    }
  }
  if (commit !== undefined && allowedSigners !== undefined) {
    try {
      return await verifyCommit(repository, what.commit, commit, allowedSigners);
    } catch (error) {
      wrong ??= error;
    }
  }
  throw (
    wrong ?? new ImageError('its commit is signed, and this host, which has a key of minisign only, cannot judge that')
  );
}

/** The signature that git keeps in the commit (git-commit-tree(1), "-S"); undefined: it has none. */
async function commitSignature(repository: Repository, commit: string): Promise<string | undefined> {
  const text = await repository.text(['cat-file', 'commit', commit]);
  const head = text.slice(0, text.indexOf('\n\n'));
  return /^gpgsig(?:-sha256)? (-----BEGIN [A-Z ]+-----)$/m.exec(head)?.[1];
}

/** Git verifies it, by nothing but the file of allowed signers. */
async function verifyCommit(repository: Repository, commit: string, kind: string, allowed: string): Promise<string> {
  if (kind !== '-----BEGIN SSH SIGNATURE-----')
    throw new ImageError(
      'its commit is signed by another kind of key, and this host takes those of ssh (gpg.format=ssh)',
    );
  const settings = [
    '-c',
    'gpg.format=ssh',
    '-c',
    `gpg.ssh.allowedSignersFile=${allowed}`,
    '-c',
    'gpg.minTrustLevel=fully',
  ];
  try {
    await repository.run([...settings, 'verify-commit', commit]);
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    if (/No principal matched/i.test(error.stderr))
      throw new ImageError(`its commit's ${NOT_ALLOWED.slice('its '.length)}`);
    throw new ImageError(`its commit's signature is wrong (${error.message})`);
  }
  const signer = await repository.text([...settings, 'log', '-1', '--format=%GS', commit]);
  return `${signer}, who signed the commit`;
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
    const common = ['-f', allowedSigners, '-s', sig, '-n', NAMESPACE];
    const who = await run('ssh-keygen', ['-Y', 'find-principals', '-f', allowedSigners, '-s', sig], NOT_ALLOWED);
    const signer = who.split('\n')[0]?.split(',')[0]?.trim() ?? '';
    if (signer === '') throw new ImageError(NOT_ALLOWED);
    await run('ssh-keygen', ['-Y', 'verify', ...common, '-I', signer], 'its signature is wrong', bytes);
    return signer;
  });
}

const NOT_ALLOWED = 'its signature is by none of the allowed signers';

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
    child.on('error', () => reject(new ImageError(`${failed}: ${command} is not installed`)));
    child.on('close', (status) => {
      if (status === 0) return resolve(out);
      const why = `${said}\n${out}`.trim().split('\n')[0];
      reject(new ImageError(why ? `${failed} (${command}: ${why})` : failed));
    });
    child.stdin.end(input);
  });
}
