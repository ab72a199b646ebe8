/** What a commit of the deployment repository offers, and whether this host may take it. */
import { expectCode, hasCode } from '../../errors/codes.js';
import { errorText } from '../../errors/report.js';
import { imageId, isImageId, type Labels, type Manifest } from '../../image/manifest.js';
import { readLabels, readManifest } from '../../image/read-manifest.js';
import { type LastZones, zonesFault } from '../../image/zones.js';
import type { Repository } from '../git/git.js';
import { signedBytes, verifySigned } from '../git/signature.js';
import { Refusal } from '../host/fault.js';
import type { Host } from '../host/host.js';
import { checkPurpose } from '../host/purpose.js';
import { imagePath, LABELS, LATEST, MANIFEST, SIGNATURE } from './layout.js';

export interface Candidate {
  readonly id: string;
  /** Commit that has it as its latest. */
  readonly commit: string;
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
  readonly labels: Labels;
  readonly labelBytes: Uint8Array;
  readonly signature: Uint8Array | undefined;
}

/** Id that `commit` has as its latest. Throws a Refusal. */
export async function latestAt(repository: Repository, commit: string): Promise<string> {
  const text = (await repository.blob(`${commit}:${LATEST}`))?.toString('utf8').trim();
  if (text === undefined) throw new Refusal(`commit ${commit.slice(0, 12)} has no file "${LATEST}"`);
  if (!isImageId(text)) throw new Refusal(`the file "${LATEST}" of commit ${commit.slice(0, 12)} names no image`);
  return text;
}

/** Reads it and verifies that its manifest is what its id says. Throws a Refusal. */
export async function candidateAt(repository: Repository, commit: string): Promise<Candidate> {
  const id = await latestAt(repository, commit);
  const blob = async (name: string): Promise<Uint8Array> => {
    const bytes = await repository.blob(`${commit}:${imagePath(id, name)}`);
    if (bytes === undefined) throw new Refusal(`${imagePath(id, name)} is missing in commit ${commit.slice(0, 12)}`);
    return bytes;
  };
  const manifestBytes = await blob(MANIFEST);
  if (imageId(manifestBytes) !== id)
    throw new Refusal(`${imagePath(id, MANIFEST)} is damaged: its hash is ${imageId(manifestBytes)}`);
  const labelBytes = await blob(LABELS);
  try {
    const manifest = readManifest(manifestBytes, imagePath(id, MANIFEST));
    const labels = readLabels(labelBytes, imagePath(id, LABELS));
    const signature = await repository.blob(`${commit}:${imagePath(id, SIGNATURE)}`);
    return { id, commit, manifest, manifestBytes, labels, labelBytes, signature };
  } catch (error) {
    expectCode(error, 'image');
    throw new Refusal(errorText(error));
  }
}

/** The signer of it or of its commit, where a signature is required. Throws a Refusal. */
export async function signerOf(
  { manifestBytes, labels, labelBytes, signature, commit }: Candidate,
  repository: Repository,
  { trust, purpose }: Pick<Host, 'trust' | 'purpose'>,
): Promise<string | undefined> {
  let signer: string | undefined;
  try {
    const bytes = signedBytes(manifestBytes, labelBytes);
    signer = await verifySigned({ bytes, signature, commit }, repository, trust);
  } catch (error) {
    expectCode(error, 'image', 'revoked-key');
    throw new Refusal(errorText(error), hasCode(error, 'revoked-key') ? 'revoked' : 'refused');
  }
  // Labels that were not signed say nothing.
  if (signer !== undefined) checkPurpose(labels, purpose);
  return signer;
}

/** Throws a Refusal unless this machine can run it. */
export function runsHere({ manifest }: Candidate): void {
  const here = `${process.platform}-${process.arch}`;
  if (manifest.platform !== here) throw new Refusal(`it was built for ${manifest.platform}, and this is ${here}`);
  if (older(process.versions.node, manifest.versions.node))
    throw new Refusal(`it needs Node ${manifest.versions.node}, and this host has ${process.versions.node}`);
}

/**
 * Whether `host` may take it. `taken`: the highest serial that it ever took, the image that had it, where that is
 * known, and the zones that it had last. Returns the signer, where a signature is required. Throws a Refusal.
 */
export async function admit(
  candidate: Candidate,
  repository: Repository,
  host: Pick<Host, 'trust' | 'purpose'>,
  taken: { readonly serial: number; readonly id: string | undefined; readonly zones: LastZones },
): Promise<string | undefined> {
  const { labels } = candidate;
  const signer = await signerOf(candidate, repository, host);
  const { serial } = taken;
  if (labels.serial < serial)
    throw new Refusal(
      `its serial is ${labels.serial}, and this host has taken ${serial}: an older image comes by "deploy rollback" only`,
    );
  if (labels.serial === serial && taken.id !== undefined && taken.id !== candidate.id)
    throw new Refusal(
      `its serial ${serial} is that of the image ${taken.id.slice(0, 12)}, which this host has taken; commit it again, which gives it one of its own`,
    );
  const zones = taken.id === candidate.id ? undefined : zonesFault(candidate.manifest, taken.zones);
  if (zones !== undefined) throw new Refusal(zones);
  runsHere(candidate);
  return signer;
}

function older(has: string, needs: string): boolean {
  const [a, b] = [has, needs].map((text) => text.split('.').map(Number));
  for (let i = 0; i < 3; i++) if (a![i] !== b![i]) return a![i]! < b![i]!;
  return false;
}

/** The newest commit up to `tip` that has `id` as its latest; undefined: none that this clone has. */
export async function commitOf(repository: Repository, tip: string, id: string): Promise<string | undefined> {
  const commits = (await repository.text(['rev-list', '--end-of-options', tip, '--', LATEST])).split('\n');
  for (const commit of commits) {
    const latest = (await repository.blob(`${commit}:${LATEST}`))?.toString('utf8').trim();
    if (latest === id) return commit;
  }
  return undefined;
}
