/** Whether an image's folder is what its manifest says, byte for byte. */
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../errors/codes.js';
import { errorText } from '../errors/report.js';
import { ImageError } from './image-error.js';
import { imageId, isImageId, type Labels, type Manifest } from './manifest.js';
import { readLabels, readManifest } from './read-manifest.js';
import { hashFile } from './write-image.js';

export interface VerifiedImage {
  readonly id: string;
  readonly folder: string;
  readonly manifest: Manifest;
  readonly labels: Labels;
  readonly manifestBytes: Uint8Array;
}

/**
 * Reads what the image in `folder` says of itself. Its id is that of the manifest, and must be the folder's name unless
 * `anyName`.
 */
export async function openImage(folder: string, anyName = false): Promise<VerifiedImage> {
  const manifestBytes = await bytesOf(join(folder, 'manifest.json'));
  const id = imageId(manifestBytes);
  const name = folder.split('/').filter(Boolean).pop() ?? '';
  if (!anyName && isImageId(name) && name !== id)
    throw new ImageError(`${folder} is damaged: its manifest has the hash ${id}; build the image again`);
  return {
    id,
    folder,
    manifest: readManifest(manifestBytes, join(folder, 'manifest.json')),
    labels: readLabels(await bytesOf(join(folder, 'labels.json')), join(folder, 'labels.json')),
    manifestBytes,
  };
}

/**
 * Opens the image and hashes every file of it. Throws an ImageError that names the first that is not what it must be.
 */
export async function verifyImage(folder: string, anyName = false): Promise<VerifiedImage> {
  const image = await openImage(folder, anyName);
  const { program, site, zones = [] } = image.manifest;
  const files = [...program.files, ...zones, { path: 'site.bundle', ...site.bundle }];
  for (const file of files) {
    const found = await hashFile(join(folder, file.path)).catch((error: NodeJS.ErrnoException) => {
      throw new ImageError(
        error.code === 'ENOENT' ? `${join(folder, file.path)} is missing` : `${folder}: ${errorText(error)}`,
      );
    });
    if (found.sha256 !== file.sha256 || found.size !== file.size)
      throw new ImageError(`${join(folder, file.path)} is damaged: it does not have the hash that the manifest states`);
  }
  const known = new Set([...files.map((file) => file.path), 'manifest.json', 'labels.json', 'signature']);
  for (const path of await filesIn(folder)) {
    if (!known.has(path)) throw new ImageError(`${join(folder, path)} is not in the manifest; remove it`);
  }
  return image;
}

async function bytesOf(file: string): Promise<Uint8Array> {
  return readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new ImageError(
      hasCode(error, 'ENOENT', 'ENOTDIR')
        ? `there is no ${file}; name the folder of an image, images/<id>`
        : errorText(error),
    );
  });
}

async function filesIn(folder: string, below = ''): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(join(folder, below))) {
    const path = below === '' ? name : `${below}/${name}`;
    if ((await lstat(join(folder, path))).isDirectory()) found.push(...(await filesIn(folder, path)));
    else found.push(path);
  }
  return found;
}
