/** `image build`: a site and the program become `images/<id>/`. */
import { chmod, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ifSystemError } from '../errors/codes.js';
import { makeFolder } from '../native/make-folder.js';
import { compressors } from '../store/compress/compress.js';
import { bundleDirectory, type Found, type Progress, walk } from '../store/index.js';
import { openInside } from '../store/site/open-inside.js';
import { ImageError, notWritten } from './image-error.js';
import type { BundleChoices, ImageTarget, Labels, Manifest } from './manifest.js';
import { type Part, programParts } from './program.js';
import { runScript, type Start } from './run-script.js';
import { LEAST_NODE, type WrittenImage, writeImage } from './write-image.js';
import { type BuiltImageZone, zonePath } from './zones.js';

export interface BuildOptions {
  /** Directory with the site's files. */
  readonly site: string;
  readonly target: ImageTarget;
  readonly network: Manifest['network'];
  readonly choices: BundleChoices;
  readonly zones?: readonly BuiltImageZone[] | undefined;
  /** Folder of images. */
  readonly output: string;
  readonly labels: Labels;
  readonly version: string;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly onWarning?: ((sentence: string) => void) | undefined;
}

/** What makes the program of a target: `run` and what it needs. */
export type ProgramOf = (start: Start) => Part[] | Promise<Part[]>;

/** The program for Node, of every target but `vm`. */
export const nodeProgram: ProgramOf = (start) => [
  ...programParts(),
  { path: 'run', from: Buffer.from(runScript(start)), executable: true },
];

/**
 * Folder beside the images with the files that sites were made of, by the bundle's id: what `deploy commit` puts into
 * git.
 */
export const SITES = '.sites';

/** Throws an ImageError, or a StoreError about the site. */
export async function buildImage(options: BuildOptions, programOf: ProgramOf = nodeProgram): Promise<WrittenImage> {
  const { site, output, choices, target, network } = options;
  const versions = {
    sitekernel: options.version,
    node: LEAST_NODE,
    compressors: compressors({ compression: choices.compression }),
  };
  // First, so that a program that was not built is said before minutes of compression.
  const { zones = [] } = options;
  const program = await programOf({ target, network, versions, zones: zones.map(pathOf) });
  const sites = join(output, SITES);
  const copy = join(sites, `.part-${process.pid}`);
  const bundle = join(output, `.bundle-${process.pid}`);
  try {
    const found = walk(site, { hidden: choices.hidden });
    if (found.length === 0)
      throw new ImageError(`${site} has no files; build the site first, or name the directory that it was built into`);
    makeFolder(copy);
    for (const one of found) await copyInto(one, copy);
    // From the copy: git and the bundle get the same bytes, even when the site changes meanwhile.
    const made = await bundleDirectory(copy, bundle, {
      ...choices,
      strict: true,
      onProgress: options.onProgress,
      onWarning: options.onWarning,
    });
    const image = await writeImage(
      {
        target,
        network,
        program,
        bundle,
        bundleId: made.id,
        site: {
          options: choices,
          files: found.length,
          bytes: walk(copy, { hidden: choices.hidden }).reduce((sum, { size }) => sum + size, 0),
        },
        zones,
        versions,
        platform: `${process.platform}-${process.arch}`,
        labels: options.labels,
      },
      output,
    );
    await keepSite(copy, join(sites, made.id));
    return image;
  } catch (error) {
    throw notWritten(error, output);
  } finally {
    await rm(copy, { recursive: true, force: true }).catch(ifSystemError(undefined));
    await rm(bundle, { force: true }).catch(ifSystemError(undefined));
  }
}

function pathOf({ name }: BuiltImageZone): { path: string } {
  return { path: zonePath(name) };
}

async function copyInto(one: Found, root: string): Promise<void> {
  const to = join(root, one.path);
  makeFolder(dirname(to));
  // Not by its path: a link may have taken its place since.
  const handle = await openInside(one.file);
  if (handle === undefined)
    throw new ImageError(`${one.file} became something else while the site was read; try again`);
  await writeFile(to, handle.createReadStream());
  // Read-only files of a site must not keep the copy from being removed.
  await chmod(to, 0o644);
}

async function keepSite(copy: string, folder: string): Promise<void> {
  const there = await stat(folder).then(
    () => true,
    () => false,
  );
  if (!there) await rename(copy, folder);
}
