/**
 * Certificates of the deployment repository that are for this host: decrypted by its identity, and put into its state
 * folder, where the server has them from. Only one that is younger than what is there is taken.
 */
import { isAbsolute, join } from 'node:path';
import { AcmeError } from '../acme/protocol/problem.js';
import {
  isYounger,
  loadCertificate,
  readPair,
  type StoredCertificate,
  saveCertificate,
} from '../acme/state/certificate-state.js';
import { unseal } from '../acme/state/sealed.js';
import { FolderStorage, folderFor } from '../acme/state/storage.js';
import { expectCode } from '../errors/codes.js';
import { errorText } from '../errors/report.js';
import { stateFolder } from '../native/home.js';
import type { Repository } from './git/git.js';
import { verifySigned } from './git/signature.js';
import type { Host } from './host/host.js';
import type { Journal } from './host/journal.js';
import { CERTIFICATES, certificatePath } from './repository/layout.js';

/** Files that were dealt with: the hash of each by its name. */
export type SeenCertificates = Readonly<Record<string, string>>;

/**
 * Takes what is new since `seen`, and returns what has been seen by now. `taken` is called when the server has
 * something new to read. What cannot be taken is in the journal, once, and changes nothing.
 */
export async function takeCertificates(
  host: Host,
  repository: Repository,
  journal: Journal,
  seen: SeenCertificates,
  taken: () => Promise<void>,
): Promise<SeenCertificates> {
  const commit = await repository.resolve(host.tip);
  if (commit === undefined) return seen;
  const listed = await repository.text(['ls-tree', commit, '--', `${CERTIFICATES}/`]);
  const found = new Map(
    [...listed.matchAll(/^100644 blob ([0-9a-f]+)\t\w+\/([^\n]+)\.age$/gm)].map((one) => [one[2]!, one[1]!]),
  );
  const next: Record<string, string> = {};
  for (const [name, hash] of found) {
    next[name] = hash;
    if (seen[name] === hash) continue;
    try {
      const pair = await openOne(host, repository, commit, name);
      const what = `the certificate for ${pair.facts.names.join(', ')}`;
      const until = new Date(pair.facts.notAfter).toISOString().slice(0, 10);
      await journal.add({ step: 'note', commit, reason: `${what}, valid until ${until}, is taken` });
      await taken();
    } catch (error) {
      if (!(error instanceof AcmeError)) expectCode(error, 'image', 'revoked-key');
      await journal.add({ step: 'note', commit, reason: `the certificate ${name} is not taken: ${errorText(error)}` });
    }
  }
  return next;
}

async function openOne(host: Host, repository: Repository, commit: string, name: string): Promise<StoredCertificate> {
  const at = (kind: 'age' | 'signature') => repository.blob(`${commit}:${certificatePath(name, kind)}`);
  const bytes = (await at('age'))!;
  await verifySigned({ bytes, signature: await at('signature'), commit }, repository, host.trust);
  const folder = acmeFolderOf(host.config.args, host.folder);
  const pair = readPair(await unseal(bytes.toString('utf8'), new FolderStorage(folder)));
  const { names } = pair.facts;
  // The folder is named after one of its names: what is in the file counts, not how the file is called.
  if (!names.some((one) => folderFor([one]) === name))
    throw new AcmeError('state', `it is for ${names.join(', ')}, and lies at ${name}`);
  const storage = new FolderStorage(join(folder, name));
  if (!isYounger(pair, await known(storage)))
    throw new AcmeError('state', 'this host has one that is as young, or younger');
  return saveCertificate(storage, pair.chainPem, pair.keyPem);
}

/** Undefined also for one that is damaged: any other is better. */
function known(storage: FolderStorage): Promise<StoredCertificate | undefined> {
  return loadCertificate(storage).catch((error: unknown) => {
    if (error instanceof AcmeError) return undefined;
    throw error;
  });
}

/** The folder of certificates of the programs that are started with `args`, as they find it. */
export function acmeFolderOf(args: readonly string[], hostFolder: string): string {
  const at = args.lastIndexOf('--state');
  const joined = args.findLast((one) => one.startsWith('--state='))?.slice('--state='.length);
  const state = at >= 0 ? args[at + 1] : joined;
  if (state === undefined) return join(stateFolder(), 'acme');
  // Programs run in the host's folder.
  return join(isAbsolute(state) ? state : join(hostFolder, state), 'acme');
}
