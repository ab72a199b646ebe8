/**
 * `deploy certificate`: a certificate becomes a file of the deployment repository, encrypted for the hosts that may
 * have it. What the branch has as its latest image stays.
 */
import { join } from 'node:path';
import { ImageError } from '../../image/image-error.js';
import { canonicalJson } from '../../image/manifest.js';
import { Repository } from '../git/git.js';
import { sign } from '../git/signature.js';
import { atTip, type Target } from './at-tip.js';
import { type CommitKey, commitTree } from './commit-tree.js';
import { certificatePath } from './layout.js';
import { cloneTip, cloneUrlOf, pushTip, writeBlob } from './remote.js';

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
  readonly commitKey?: CommitKey;
}

/** False: the branch has this certificate for these hosts already. Rejects with a `GitError` or an `ImageError`. */
export function commitCertificate(options: CertificateCommit): Promise<boolean> {
  const target = { url: cloneUrlOf(options.repository), branch: options.branch };
  return atTip(target, (folder, tip) => {
    if (tip === '')
      throw new ImageError(
        `${options.repository} has no branch "${options.branch}", where a certificate is put beside an image; commit an image first ("sitekernel deploy commit IMAGE --repo URL"), or name another branch with --branch`,
      );
    return commitOnce(options, target, folder);
  });
}

async function commitOnce(options: CertificateCommit, { url, branch }: Target, folder: string): Promise<boolean> {
  const { name, fingerprint, key, commitKey } = options;
  const gitDir = join(folder, 'repository.git');
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
  const env = { GIT_INDEX_FILE: join(folder, 'index') };
  await repository.run(['read-tree', 'HEAD'], { env });
  // One that was signed before is not signed any more.
  let lines = `0 ${'0'.repeat(40)}\t${certificatePath(name, 'signature')}\0`;
  for (const [path, bytes] of files) lines += `100644 ${await writeBlob(repository, bytes)}\t${path}\0`;
  await repository.run(['update-index', '-z', '--index-info'], { input: lines, env });
  const tree = await repository.text(['write-tree', '--missing-ok'], { env });
  const parent = await repository.text(['rev-parse', 'HEAD']);
  const message = `Certificate for ${name}\n\nSHA-256 ${fingerprint}, for ${hosts(options.recipients)}\n`;
  const commit = await commitTree(repository, { tree, parent, message, key: commitKey });
  await pushTip(repository, url, branch, commit);
  return true;
}

/** How many, in words. */
export function hosts({ length }: readonly string[]): string {
  return length === 1 ? '1 host' : `${length} hosts`;
}
