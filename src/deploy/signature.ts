/**
 * Signatures over `manifest.json` and `labels.json` behind one another: by `ssh-keygen -Y` (PROTOCOL.sshsig of OpenSSH) or by minisign, no
 * scheme of our own.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImageError } from '../image/image-error.js';

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

/** Throws an ImageError unless someone whom `trust` names signed. Answers who it was, for the journal; undefined: nobody had to. */
export async function verifySignature(
  bytes: Uint8Array,
  signature: Uint8Array | undefined,
  trust: Trust,
): Promise<string | undefined> {
  const { allowedSigners, minisign } = trust;
  if (allowedSigners === undefined && minisign === undefined) return undefined;
  if (signature === undefined) throw new ImageError('it is not signed, and this host takes signed images only');
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
