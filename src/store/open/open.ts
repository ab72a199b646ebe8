/** Opens what a person names: a directory or a bundle file. */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { mapDevice, mapFile } from '../../native/map.js';
import { readHeader } from '../format/bundle-header.js';
import { HEADER_BYTES } from '../format/format.js';
import type { OpenOptions } from '../options.js';
import { noteBundle } from '../read/bundle-names.js';
import { BundleStore } from '../read/bundle-store.js';
import type { Store } from '../store.js';
import { fileError, StoreError } from '../store-error.js';

/** A store over a directory, bundled in memory, or over a bundle file. Throws StoreError. */
export async function openStore(path: string, options: OpenOptions = {}): Promise<Store> {
  let directory: boolean;
  try {
    directory = (await stat(path)).isDirectory();
  } catch (error) {
    throw fileError(error, path);
  }
  if (!directory) return storeOfFile(path, options);
  // Whoever serves a bundle never loads what makes one.
  const { storeOfDirectory } = await import('./directory.js');
  return storeOfDirectory(path, options);
}

async function storeOfFile(file: string, options: OpenOptions): Promise<BundleStore> {
  const bytes = await bytesOf(file, options.map ?? true);
  const store = new BundleStore(bytes, { name: file, trusted: false, onDamage: options.onDamage });
  if (options.verify === 'open') {
    const bad = store.pages.check();
    if (bad.length > 0)
      throw new StoreError(`${file} is damaged near byte ${bad[0]}; copy it again, or bundle the site again`);
  }
  noteBundle(store, resolve(file));
  return store;
}

/** Below this a bundle is read: to load what maps files takes as long as to read so many bytes. */
const MAPPED_BYTES = 2 ** 23;

async function bytesOf(file: string, map: boolean): Promise<Uint8Array> {
  try {
    const handle = await open(resolve(file), 'r');
    try {
      const stats = await handle.stat();
      if (stats.isBlockDevice()) return await bytesOfDevice(handle, file);
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

/** A device is longer than the bundle that lies on it; the header tells where that ends. It is used in place. */
async function bytesOfDevice(handle: FileHandle, name: string): Promise<Uint8Array> {
  const head = new Uint8Array(HEADER_BYTES);
  const { bytesRead } = await handle.read(head, 0, HEADER_BYTES, 0);
  const { fileBytes } = readHeader(head.subarray(0, bytesRead), undefined, name);
  // A map of what lies behind its end would be zeros, or end the program.
  if ((await handle.read(head, 0, 1, fileBytes - 1)).bytesRead === 0)
    throw new StoreError(
      `${name} is cut short: it holds less than ${fileBytes} bytes; copy it again, or bundle the site again`,
    );
  const mapped = mapDevice(handle.fd, fileBytes);
  if (mapped === undefined) throw new StoreError(`${name} cannot be mapped: no memory is left`);
  return mapped;
}
