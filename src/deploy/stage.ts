/** Brings an image from the repository to the disk, verified byte for byte: it is there whole or not at all. */
import { access, chmod, link, readdir, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expectCode, ifCode, ifSystemError, isBug } from '../errors/codes.js';
import { type ImageFile, isImageId, type Manifest, sha256Hex } from '../image/manifest.js';
import type { StagedImage } from '../image/runner.js';
import { openImage, verifyImage } from '../image/verify-image.js';
import { hashFile } from '../image/write-image.js';
import { syncFile, syncFolder } from '../native/durable.js';
import { makeFolder } from '../native/make-folder.js';
import type { Repository } from './git/git.js';
import { FULL, isFull, isRefusal, messageOf, Refusal, Unable } from './host/fault.js';
import type { Host } from './host/host.js';
import { assembleWith, checkBundle } from './repository/assemble.js';
import type { Candidate } from './repository/candidate.js';
import { IMAGE, LABELS, MANIFEST, SIGNATURE, SITE } from './repository/layout.js';

/** Bytes that must stay free beside what is staged. */
const MARGIN = 8 * 2 ** 20;
const PART = '.part-';

/** Throws a Refusal where the commit is not what its manifest says, an Unable where the machine could not. */
export async function stageImage(
  host: Host,
  repository: Repository,
  candidate: Candidate,
  abort?: AbortSignal,
): Promise<StagedImage> {
  const folder = join(host.images, candidate.id);
  const there = await stagedImage(host, candidate.id, true);
  if (there !== undefined) return there;
  const part = join(host.images, `${PART}${candidate.id}`);
  try {
    await rm(folder, { recursive: true, force: true });
    await rm(part, { recursive: true, force: true });
    makeFolder(part);
    await checkSpace(host, candidate.manifest);
    for (const file of filesOf(candidate.manifest)) await placeFile(host, repository, candidate, file, part);
    await writeFile(join(part, MANIFEST), candidate.manifestBytes);
    await writeFile(join(part, LABELS), candidate.labelBytes);
    if (candidate.signature !== undefined) await writeFile(join(part, SIGNATURE), candidate.signature);
    await assemble(host, candidate, part, abort);
    await settle(part, candidate.manifest);
    await rename(part, folder);
    await syncFolder(host.images);
    return { id: candidate.id, folder, manifest: candidate.manifest };
  } catch (error) {
    await rm(part, { recursive: true, force: true }).catch(ifSystemError(undefined));
    if (isFull(error)) throw new Unable(messageOf(error), 'no-space');
    if (isRefusal(error) || error instanceof Unable || isBug(error)) throw error;
    throw new Unable(messageOf(error));
  }
}

/**
 * The image when it is staged; with `verify`, each of its files is hashed, and one that is damaged is as good as none.
 */
export async function stagedImage(host: Host, id: string, verify = false): Promise<StagedImage | undefined> {
  const folder = join(host.images, id);
  try {
    const { manifest } = verify ? await verifyImage(folder) : await openImage(folder);
    return { id, folder, manifest };
  } catch (error) {
    // Missing, damaged, or on a bad disk: it is staged again.
    expectCode(error, 'image', 'ENOENT', 'ENOTDIR', 'EISDIR', 'EIO');
    return undefined;
  }
}

/** Ids of what is staged: with its site. */
export async function stagedIds(host: Host): Promise<string[]> {
  const ids = (await readdir(host.images).catch(ifCode([], 'ENOENT'))).filter(isImageId);
  const whole = await Promise.all(ids.map((id) => exists(join(host.images, id, 'site.bundle'))));
  return ids.filter((_, i) => whole[i]);
}

function exists(path: string): Promise<boolean> {
  return access(path)
    .then(() => true)
    .catch(ifCode(false, 'ENOENT', 'ENOTDIR'));
}

/**
 * Removes what is not in `keep`, and what a killed staging left. Of the image `program` only the site goes: a process
 * that runs may still load parts of its program.
 */
export async function pruneImages(host: Host, keep: ReadonlySet<string>, program: string | undefined): Promise<void> {
  for (const name of await readdir(host.images).catch(ifCode([], 'ENOENT'))) {
    if (keep.has(name)) continue;
    const path = name === program ? join(host.images, name, 'site.bundle') : join(host.images, name);
    await rm(path, { recursive: true, force: true });
  }
}

/** What a killed staging left. Call with the lock held. */
export async function removeParts(host: Host): Promise<void> {
  for (const name of await readdir(host.images)) {
    if (name.startsWith(PART)) await rm(join(host.images, name), { recursive: true, force: true });
  }
}

/** All but the site's. */
function filesOf({ program, zones = [] }: Manifest): readonly ImageFile[] {
  return [...program.files, ...zones];
}

async function checkSpace(host: Host, manifest: Manifest): Promise<void> {
  const needed = manifest.site.bundle.size + filesOf(manifest).reduce((sum, file) => sum + file.size, 0) + MARGIN;
  const { bavail, bsize } = await statfs(host.images);
  if (bavail * bsize < needed)
    throw new Unable(
      `${FULL}: the image needs ${Math.ceil(needed / 1e6)} MB, ${Math.floor((bavail * bsize) / 1e6)} MB are free`,
      'no-space',
    );
}

async function placeFile(
  host: Host,
  repository: Repository,
  { commit }: Candidate,
  file: ImageFile,
  part: string,
): Promise<void> {
  const to = join(part, file.path);
  makeFolder(dirname(to));
  if (await linkSame(host, file, to)) return;
  const name = `${commit}:${IMAGE}/${file.path}`;
  const hash = await repository.resolve(name);
  if (hash === undefined) throw new Refusal(`${IMAGE}/${file.path} is missing in commit ${commit.slice(0, 12)}`);
  const bytes = await repository.blob(hash);
  if (bytes?.length !== file.size || sha256Hex(bytes) !== file.sha256)
    throw new Refusal(
      `${IMAGE}/${file.path} is damaged in commit ${commit.slice(0, 12)}: it does not have the hash that the manifest states`,
    );
  await writeFile(to, bytes);
  await chmod(to, /^run(-|$)/.test(file.path) ? 0o755 : 0o644);
}

/** A program that did not change is not stored twice: another name for the same file of an image that is staged. */
async function linkSame(host: Host, file: ImageFile, to: string): Promise<boolean> {
  for (const id of await stagedIds(host)) {
    const from = join(host.images, id, file.path);
    const found = await hashFile(from).catch(ifSystemError(undefined));
    if (found?.sha256 !== file.sha256) continue;
    const linked = await link(from, to)
      .then(() => true)
      .catch(ifSystemError(false));
    if (linked) return true;
  }
  return false;
}

async function assemble(host: Host, candidate: Candidate, part: string, abort?: AbortSignal): Promise<void> {
  const own = candidate.manifest.program.files.some((file) => file.path === 'program/main.js');
  const assembly = {
    repository: host.gitDir,
    tree: `${candidate.commit}:${SITE}`,
    manifest: join(part, MANIFEST),
    output: join(part, 'site.bundle'),
    cache: host.cache,
  };
  try {
    await assembleWith(own ? join(part, 'program', 'main.js') : host.tool, assembly, abort);
    // Independently of what that program reports.
    await checkBundle(assembly.output, candidate.manifest);
  } catch (error) {
    if (abort?.aborted) throw new Unable('a newer commit came while the bundle was made', 'cancelled');
    // An error of that program about the site. Any other failure, such as a signal that ended it, is for another try.
    expectCode(error, 'image');
    throw new Refusal(messageOf(error));
  }
}

/** Brings all of it to the disk. */
async function settle(part: string, manifest: Manifest): Promise<void> {
  const files = [...filesOf(manifest).map(({ path }) => path), MANIFEST, LABELS];
  const folders = new Set<string>([part]);
  for (const path of files) {
    await syncFile(join(part, path));
    for (let at = dirname(path); at !== '.'; at = dirname(at)) folders.add(join(part, at));
  }
  for (const folder of folders) {
    await chmod(folder, 0o755);
    await syncFolder(folder);
  }
}
