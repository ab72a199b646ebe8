/**
 * Makes an image's bundle out of the site's plain files in git, on the host, without checking them out. The image's own
 * program does it, in a process of its own, so that bundle and program always fit, and so that the memory is given
 * back.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { ImageError } from '../../image/image-error.js';
import type { Manifest } from '../../image/manifest.js';
import { readManifest } from '../../image/read-manifest.js';
import { hashFile } from '../../image/write-image.js';
import { bundleFiles, type Found } from '../../store/index.js';
import { Repository } from '../git/git.js';

export interface Assembly {
  /** Directory of git. */
  readonly repository: string;
  /** The site: `COMMIT:site`, or a tree's hash. */
  readonly tree: string;
  /** The file `manifest.json` of the image. */
  readonly manifest: string;
  /** The bundle to write. */
  readonly output: string;
  /** Directory that remembers what was compressed; undefined: the user's. */
  readonly cache: string | undefined;
}

/** Writes the bundle, and keeps it only when it is what the manifest states. Throws an ImageError. */
export async function assembleHere(assembly: Assembly): Promise<void> {
  const manifest = readManifest(await readFile(assembly.manifest), assembly.manifest);
  const repository = new Repository(assembly.repository);
  const reader = repository.reader();
  try {
    const entries = await repository.entries(assembly.tree);
    const files: Found[] = entries.map(({ path, mode, hash }) => {
      if (!mode.startsWith('100')) throw new ImageError(`/${path} in the site is no plain file (mode ${mode})`);
      return { path: `/${path}`, file: `/${path}`, size: 0, load: () => reader.read(hash) };
    });
    const { options } = manifest.site;
    await bundleFiles(files, 'the site in git', assembly.output, {
      ...options,
      compressedBy: manifest.versions.compressors,
      cache: assembly.cache,
    });
  } finally {
    reader.close();
  }
  await checkBundle(assembly.output, manifest);
}

/** Removes the bundle, and throws an ImageError, when it is not what the manifest states. */
export async function checkBundle(file: string, manifest: Manifest): Promise<void> {
  const { bundle } = manifest.site;
  const found = await hashFile(file);
  if (found.size === bundle.size && found.sha256 === bundle.sha256) return;
  await rm(file, { force: true });
  throw new ImageError(
    `the site's files in git make another bundle (${found.sha256.slice(0, 12)}, ${found.size} bytes) than the manifest states (${bundle.sha256.slice(0, 12)}, ${bundle.size} bytes): a file of the site is not what was built`,
  );
}

/**
 * The same by the program `main` (`program/main.js` of an image), as a child process. Ends it when `abort` fires.
 * Throws an ImageError with what it said.
 */
export function assembleWith(main: string, assembly: Assembly, abort?: AbortSignal): Promise<void> {
  const { repository, tree, manifest, output, cache } = assembly;
  const words = ['image', 'assemble', '--repository', repository, '--tree', tree];
  words.push('--manifest', manifest, '-o', output, ...(cache === undefined ? [] : ['--cache', cache]));
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    const stop = (): void => void child.kill('SIGKILL');
    abort?.addEventListener('abort', stop);
    child.stderr?.on('data', (piece: Buffer) => {
      said = (said + piece.toString()).slice(-4096);
    });
    child.on('error', reject);
    child.on('close', (status, signal) => {
      abort?.removeEventListener('abort', stop);
      if (status === 0) return resolve();
      const sentence = said
        .split('\n')
        .filter((line) => line.trim() !== '')
        .pop()
        ?.replace(/^sitekernel: /, '');
      if (signal !== null) return reject(new ImageError(sentence ?? `the bundle was not made: ${signal}`, 'killed'));
      // Each version of the program reports a full disk as text only: here the text becomes a code.
      const full = /ENOSPC|no space (is )?left|disk (is )?full/i.test(said);
      reject(
        new ImageError(
          sentence ?? `the bundle was not made: its program ended with ${status}`,
          full ? 'no-space' : 'image',
        ),
      );
    });
  });
}
