/** Writes an image's folder out of its parts: whole or not at all, and under its id. */
import { createHash } from 'node:crypto';
import { chmod, copyFile, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ifCode, ifSystemError } from '../errors/codes.js';
import { makeFolder } from '../native/make-folder.js';
import { ImageError, notWritten } from './image-error.js';
import {
  canonicalJson,
  type ImageFile,
  type ImageZone,
  imageId,
  type Labels,
  MANIFEST_FORMAT,
  type Manifest,
  programHash,
} from './manifest.js';
import type { Part } from './program.js';
import { type BuiltImageZone, zonePath } from './zones.js';

/** The least Node that runs the program. */
export const LEAST_NODE = '20.11.0';

export interface ImageParts {
  readonly target: Manifest['target'];
  readonly network: Manifest['network'];
  /** `run` among them. */
  readonly program: readonly Part[];
  /** The bundle's file, which is copied, and what the manifest says of the site. */
  readonly bundle: string;
  readonly site: Omit<Manifest['site'], 'bundle'>;
  readonly bundleId: string;
  readonly zones: readonly BuiltImageZone[];
  readonly versions: Manifest['versions'];
  readonly platform: string;
  readonly labels: Labels;
}

export interface WrittenImage {
  readonly id: string;
  /** `images/<id>`. */
  readonly folder: string;
  readonly manifest: Manifest;
  /** The same image was there already, and was left as it is. */
  readonly existed: boolean;
}

/** Writes `output/<id>/`. Modes and content hang on nothing but `parts`. Throws an ImageError. */
export async function writeImage(parts: ImageParts, output: string): Promise<WrittenImage> {
  const part = join(output, `.part-${process.pid}`);
  try {
    await rm(part, { recursive: true, force: true });
    makeFolder(part);
    const files: ImageFile[] = [];
    for (const one of inOrder(parts.program)) {
      await place(one.from, join(part, one.path), one.executable ? 0o755 : 0o644);
      const { origin } = one;
      const told = origin === undefined || Object.keys(origin).length === 0 ? {} : { origin };
      files.push({ path: one.path, ...(await hashFile(join(part, one.path))), ...told });
    }
    await place(parts.bundle, join(part, 'site.bundle'), 0o644);
    const zones: ImageZone[] = [];
    for (const { name, serial, bytes } of parts.zones) {
      const path = zonePath(name);
      await place(bytes, join(part, path), 0o644);
      zones.push({ path, ...(await hashFile(join(part, path))), name, serial });
    }
    const manifest: Manifest = {
      format: MANIFEST_FORMAT,
      target: parts.target,
      network: parts.network,
      program: { files, sha256: programHash(files) },
      site: { ...parts.site, bundle: { ...(await hashFile(join(part, 'site.bundle'))), id: parts.bundleId } },
      ...(zones.length > 0 && { zones: inOrder(zones) }),
      versions: parts.versions,
      platform: parts.platform,
    };
    const bytes = canonicalJson(manifest);
    await place(bytes, join(part, 'manifest.json'), 0o644);
    await place(canonicalJson(parts.labels), join(part, 'labels.json'), 0o644);
    const id = imageId(bytes);
    const folder = join(output, id);
    await openFolders(part, [...parts.program, ...zones]);
    const existed = await stat(folder).then(
      () => true,
      () => false,
    );
    if (existed) await verifySame(folder, bytes);
    else await rename(part, folder);
    return { id, folder, manifest, existed };
  } catch (error) {
    throw notWritten(error, output);
  } finally {
    await rm(part, { recursive: true, force: true }).catch(ifSystemError(undefined));
  }
}

/** Size and SHA-256 of a file, without holding it. */
export async function hashFile(file: string): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256');
  const handle = await open(file, 'r');
  try {
    const piece = Buffer.allocUnsafe(1 << 20);
    let size = 0;
    for (;;) {
      const { bytesRead } = await handle.read(piece, 0, piece.length, size);
      if (bytesRead === 0) return { size, sha256: hash.digest('hex') };
      hash.update(piece.subarray(0, bytesRead));
      size += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

async function place(from: string | Uint8Array, to: string, mode: number): Promise<void> {
  makeFolder(dirname(to));
  if (typeof from === 'string') await copyFile(from, to);
  else await writeFile(to, from);
  await chmod(to, mode);
}

/** Any user who runs the image may read it, whatever the umask is. */
async function openFolders(root: string, program: readonly { readonly path: string }[]): Promise<void> {
  const folders = new Set([root]);
  for (const { path } of program) {
    for (let at = dirname(path); at !== '.'; at = dirname(at)) folders.add(join(root, at));
  }
  for (const folder of folders) await chmod(folder, 0o755);
}

function inOrder<T extends { readonly path: string }>(parts: readonly T[]): T[] {
  return [...parts].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

async function verifySame(folder: string, manifest: Uint8Array): Promise<void> {
  const there = await readFile(join(folder, 'manifest.json')).catch(ifCode(new Uint8Array(0), 'ENOENT'));
  if (Buffer.compare(there, manifest) !== 0)
    throw new ImageError(`${folder} is there already, and is not this image; remove it`);
}
