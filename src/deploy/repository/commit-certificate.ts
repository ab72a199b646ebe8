/**
 * `deploy certificate`: a certificate becomes a file of the deployment repository, encrypted for the hosts that may
 * have it. What the branch has as its latest image stays.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalJson } from '../../image/manifest.js';
import { GitError, Repository } from '../git/git.js';
import { sign } from '../git/signature.js';
import { certificatePath } from './layout.js';
import { cloneTip, cloneUrlOf, pushTip, THIS_PROGRAM, writeBlob } from './remote.js';

export interface CertificateCommit {
  /** The certificate's folder in the state: `example.org`. */
  readonly name: string;
  /** SHA-256 of the certificate, as people read it. */
  readonly fingerprint: string;
  readonly recipients: readonly string[];
  /** The file for these recipients; made only when it is needed. */
  readonly sealed: () => Promise<string>;
  /** Directory or URL of the deployment repository. */
  readonly repository: string;
  readonly branch: string;
  /** File of a key to sign it with. */
  readonly key: string | undefined;
}

/** Tries when others push at the same time. */
const TRIES = 16;

/** False: the branch has this certificate for these hosts already. Rejects with a `GitError` or an `ImageError`. */
export async function commitCertificate(options: CertificateCommit): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    const folder = await mkdtemp(join(tmpdir(), 'sitekernel-certificate-'));
    try {
      return await commitOnce(options, join(folder, 'repository.git'), join(folder, 'index'));
    } catch (error) {
      // Another push came first: what it made is the ground of the next try.
      if (!(error instanceof GitError) || error.command !== 'push' || tries === TRIES) throw error;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    await new Promise((done) => setTimeout(done, Math.random() * 50 * 2 ** Math.min(tries, 5)));
  }
}

async function commitOnce(options: CertificateCommit, gitDir: string, index: string): Promise<boolean> {
  const { name, fingerprint, branch, key } = options;
  const url = cloneUrlOf(options.repository);
  await cloneTip(url, branch, gitDir);
  const repository = new Repository(gitDir, ['gc.auto=0']);
  const about = { certificate: fingerprint, for: [...options.recipients].sort() };
  const there = await repository.blob(`HEAD:${certificatePath(name, 'json')}`);
  if (there !== undefined && Buffer.compare(there, canonicalJson(about)) === 0) return false;
  const sealed = Buffer.from(await options.sealed());
  const files: [string, Uint8Array][] = [
    [certificatePath(name, 'age'), sealed],
    [certificatePath(name, 'json'), canonicalJson(about)],
  ];
  if (key !== undefined) files.push([certificatePath(name, 'signature'), await sign(sealed, key)]);
  const env = { GIT_INDEX_FILE: index };
  await repository.run(['read-tree', 'HEAD'], { env });
  // One that was signed before is not signed any more.
  let lines = `0 ${'0'.repeat(40)}\t${certificatePath(name, 'signature')}\0`;
  for (const [path, bytes] of files) lines += `100644 ${await writeBlob(repository, bytes)}\t${path}\0`;
  await repository.run(['update-index', '-z', '--index-info'], { input: lines, env });
  const tree = await repository.text(['write-tree', '--missing-ok'], { env });
  const parent = await repository.text(['rev-parse', 'HEAD']);
  const message = `Certificate for ${name}\n\nSHA-256 ${fingerprint}, for ${options.recipients.length} hosts\n`;
  const words = ['commit-tree', tree, '-p', parent, '-F', '-'];
  const commit = await repository.text(words, { input: message, env: THIS_PROGRAM });
  await pushTip(repository, url, branch, commit);
  return true;
}
