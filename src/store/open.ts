/** Opens what a person names: a directory or a bundle file. */
import { open, realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { mapFile } from '../native/map.js';
import { planSite } from './build.js';
import type { BuildMemory } from './build-memory.js';
import { BundleStore } from './bundle-store.js';
import type { OpenOptions, SiteOptions } from './options.js';
import type { Store } from './store.js';
import { fileError, StoreError } from './store-error.js';
import { bundleInMemory, bundleIntoFile, liveBundle } from './write-bundle.js';

/** What `bundleDirectory` made. */
export interface Bundled {
  /** The bundle's identity, in hex. */
  readonly id: string;
  /** The bundle's size. */
  readonly bytes: number;
}

/**
 * Writes the site in `dir` as one bundle, `file`, which appears whole or not at all: the same bytes from the same tree, with
 * the same options and the same versions of the compressors. Throws StoreError.
 */
export async function bundleDirectory(dir: string, file: string, options: SiteOptions = {}): Promise<Bundled> {
  // A bundle that is written into the site it is made of is no part of it.
  const own = await realpath(file).catch(() => undefined);
  const layout = await planSite(dir, { ...options, compression: options.compression ?? 'full' }, undefined, own);
  return bundleIntoFile(layout, file, {
    sums: options.sums ?? true,
    onProgress: (done, total) => options.onProgress?.({ phase: 'write', done, total }),
  });
}

/** A store over a directory, bundled in memory, or over a bundle file. Throws StoreError. */
export async function openStore(path: string, options: OpenOptions = {}): Promise<Store> {
  let directory: boolean;
  try {
    directory = (await stat(path)).isDirectory();
  } catch (error) {
    throw fileError(error, path);
  }
  return directory ? storeOfDirectory(path, options) : storeOfFile(path, options);
}

async function storeOfDirectory(dir: string, options: OpenOptions): Promise<BundleStore> {
  const layout = await planSite(dir, { ...options, compression: options.compression ?? 'fast' });
  const bytes = await bundleInMemory(layout, { sums: options.sums ?? true });
  return new BundleStore(bytes, { name: dir, trusted: true });
}

/** A store over a directory that changes: what did not change since the last one is neither read nor copied. */
export async function liveStore(dir: string, options: OpenOptions, memory: BuildMemory): Promise<BundleStore> {
  const layout = await planSite(dir, { ...options, compression: options.compression ?? 'none' }, memory);
  const { bytes, bodies } = await liveBundle(layout);
  return new BundleStore(bytes, { name: dir, trusted: true, bodies });
}

async function storeOfFile(file: string, options: OpenOptions): Promise<BundleStore> {
  const bytes = await bytesOf(file, options.map ?? true);
  const store = new BundleStore(bytes, { name: file, trusted: false, onDamage: options.onDamage });
  if (options.verify === 'open') {
    const bad = store.pages.check();
    if (bad.length > 0)
      throw new StoreError(`${file} is damaged near byte ${bad[0]}; copy it again, or bundle the site again`);
  }
  return store;
}

/** Below this a bundle is read: to load what maps files takes as long as to read so many bytes. */
const MAPPED_BYTES = 2 ** 23;

async function bytesOf(file: string, map: boolean): Promise<Uint8Array> {
  try {
    const handle = await open(resolve(file), 'r');
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) throw new StoreError(`${file} is neither a directory nor a bundle file`);
      const mapped = map && stats.size >= MAPPED_BYTES ? mapFile(handle.fd, stats.size) : undefined;
      return mapped ?? (await handle.readFile());
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(error, file);
  }
}
