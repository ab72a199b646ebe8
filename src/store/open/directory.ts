/** Makes from a directory: a bundle file, a store in memory, a store that follows its changes. */
import { realpath } from 'node:fs/promises';
import { ifSystemError } from '../../errors/codes.js';
import type { Layout } from '../bundle/layout.js';
import { bundleInMemory, bundleIntoFile, liveBundle } from '../bundle/write-bundle.js';
import type { OpenOptions, SiteOptions } from '../options.js';
import { planFiles, planSite } from '../plan/build.js';
import { BundleStore } from '../read/bundle-store.js';
import type { BuildMemory } from '../site/build-memory.js';
import { type Found, inOrder } from '../site/walk.js';

/** The result of `bundleDirectory`. */
export interface Bundled {
  /** The bundle's identity, in hex. */
  readonly id: string;
  /** The bundle's size. */
  readonly bytes: number;
}

/**
 * Writes the site in `dir` as one bundle, `file`, which appears whole or not at all: the same bytes from the same tree,
 * with the same options and the same versions of the compressors. Throws StoreError.
 */
export async function bundleDirectory(dir: string, file: string, options: SiteOptions = {}): Promise<Bundled> {
  // A bundle that is written into its own site is not part of the site.
  const own = await realpath(file).catch(ifSystemError(undefined));
  const layout = await planSite(dir, { ...options, compression: options.compression ?? 'full' }, own);
  return writeLayout(layout, file, options);
}

/**
 * The same bundle as from a directory with `files`; their contents may come from anywhere. `name` stands for the site
 * in messages. Names that begin with a dot are included. Throws StoreError.
 */
export async function bundleFiles(
  files: readonly Found[],
  name: string,
  file: string,
  options: SiteOptions = {},
): Promise<Bundled> {
  const layout = await planFiles(inOrder(files), name, { ...options, compression: options.compression ?? 'full' });
  return writeLayout(layout, file, options);
}

function writeLayout(layout: Layout, file: string, options: SiteOptions): Promise<Bundled> {
  return bundleIntoFile(layout, file, {
    sums: options.sums ?? true,
    onProgress: (done, total) => options.onProgress?.({ phase: 'write', done, total }),
  });
}

/** Bytes of content that are copied together. */
const IN_ONE_PIECE = 2 ** 31;

/**
 * A store over a directory, bundled in memory; files that are too large for it are sent from the disk. Throws
 * StoreError.
 */
export async function storeOfDirectory(dir: string, options: OpenOptions): Promise<BundleStore> {
  const layout = await planSite(dir, { compressors: 'node', ...options, compression: options.compression ?? 'fast' });
  // Content that is not held in memory, or is larger than one array can be, stays where it is.
  if (layout.contentBytes > IN_ONE_PIECE || layout.bodies.some(({ large }) => large !== undefined)) {
    const { bytes, bodies } = await liveBundle(layout);
    return new BundleStore(bytes, { name: dir, trusted: true, bodies });
  }
  const bytes = await bundleInMemory(layout, { sums: options.sums ?? true });
  return new BundleStore(bytes, { name: dir, trusted: true });
}

/**
 * A store over the files of a directory that changes, in order. Files that did not change since the last store are
 * neither read nor copied.
 */
export async function liveStore(
  found: readonly Found[],
  dir: string,
  options: OpenOptions,
  memory: BuildMemory,
): Promise<BundleStore> {
  memory.begin();
  const layout = await planFiles(found, dir, { ...options, compression: options.compression ?? 'none' }, memory);
  const { bytes, bodies } = await liveBundle(layout);
  return new BundleStore(bytes, { name: dir, trusted: true, bodies });
}
