/** Opens the site that a user names: a directory or a bundle file. */
import { openSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { mapDevice, mapFile, sealMap } from '../../native/memory/map.js';
import { mapSealed, sealedCopy } from '../../native/memory/sealed-copy.js';
import { BundleDisk } from '../bundle/bundle-disk.js';
import { readHeader } from '../format/bundle-header.js';
import { HEADER_BYTES } from '../format/format.js';
import type { OpenOptions } from '../options.js';
import { noteBundle } from '../read/bundle-names.js';
import { BundleStore } from '../read/bundle-store.js';
import { Slices } from '../slices.js';
import type { Store } from '../store.js';
import { fileError, StoreError } from '../store-error.js';
import { MAPPED_BYTES, sharedCopy } from './bundle-copies.js';

/** A store over a directory, bundled in memory, or over a bundle file. Throws StoreError. */
export async function openStore(path: string, options: OpenOptions = {}): Promise<Store> {
  let directory: boolean;
  try {
    const stats = await stat(path);
    directory = stats.isDirectory();
    // Opening a FIFO would wait for its writer.
    if (!directory && !stats.isFile() && !stats.isBlockDevice()) throw notABundle(path);
  } catch (error) {
    throw fileError(error, path);
  }
  if (!directory) return storeOfFile(path, options);
  // A process that serves a bundle never loads the code that makes one.
  const { storeOfDirectory } = await import('./directory.js');
  return storeOfDirectory(path, options);
}

async function storeOfFile(file: string, options: OpenOptions): Promise<BundleStore> {
  const { bytes, disk } = await bytesOf(file, options.map ?? true);
  const opening = BundleStore.opening(bytes, { name: file, trusted: false, onDamage: options.onDamage, disk });
  const store = await new Slices().through(opening);
  if (options.verify === 'open') {
    const bad = store.pages.check();
    if (bad.length > 0)
      throw new StoreError(`${file} is damaged near byte ${bad[0]}; copy it again, or bundle the site again`);
  }
  noteBundle(store, resolve(file));
  return store;
}

function notABundle(file: string): StoreError {
  return new StoreError(`${file} is neither a directory nor a bundle file`);
}

/**
 * The most bytes of a map that one array can show (Node 20: 4 GiB); also the most that is read where there is no map.
 */
const MAPPED_AT_MOST = 2 ** 32 - 2 ** 16;
const READ_AT_MOST = 2 ** 31;

/** The beginning of a bundle, and the place of the rest: the beginning includes everything before the bodies. */
interface Opened {
  readonly bytes: Uint8Array;
  readonly disk?: { readonly file: BundleDisk; readonly fileBytes: number } | undefined;
}

async function bytesOf(file: string, map: boolean): Promise<Opened> {
  try {
    const handle = await open(resolve(file), 'r');
    try {
      const stats = await handle.stat();
      if (stats.isBlockDevice()) return { bytes: await bytesOfDevice(handle, file) };
      if (!stats.isFile()) throw notABundle(file);
      const { size } = stats;
      const wanted = map && size >= MAPPED_BYTES;
      const mapped = wanted ? await mappedBytes(file, handle.fd, Math.min(size, MAPPED_AT_MOST)) : undefined;
      const bytes = mapped ?? (await beginningOf(handle, Math.min(size, READ_AT_MOST)));
      if (bytes.length === size || (mapped === undefined && size < READ_AT_MOST)) return { bytes };
      return { bytes, disk: { file: new BundleDisk(openSync(resolve(file), 'r')), fileBytes: size } };
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(error, file);
  }
}

/** Reads in calls below the system's limit; returns fewer bytes where the file became shorter. */
async function beginningOf(handle: FileHandle, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(length - done, 2 ** 24), done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

/** Milliseconds after which a map is sealed: the work of the start comes first. */
const SEAL_AFTER = 1000;

/**
 * A map of the file, which is replaced later by a copy that no other process can change. Undefined: neither is
 * possible.
 */
async function mappedBytes(file: string, fd: number, size: number): Promise<Uint8Array | undefined> {
  const shared = sharedCopy(file);
  if (shared !== undefined) return shared;
  const mapped = mapFile(fd, size);
  if (mapped !== undefined) {
    setTimeout(() => void sealMap(mapped), SEAL_AFTER).unref();
    return mapped;
  }
  const copy = await sealedCopy(fd, size);
  return copy === undefined ? undefined : mapSealed(copy, size);
}

/** A device is longer than the bundle on it; the header says where the bundle ends. It is used in place. */
async function bytesOfDevice(handle: FileHandle, name: string): Promise<Uint8Array> {
  const head = new Uint8Array(HEADER_BYTES);
  const { bytesRead } = await handle.read(head, 0, HEADER_BYTES, 0);
  const { fileBytes } = readHeader(head.subarray(0, bytesRead), undefined, name);
  // A map beyond the end of the file would be zeros, or end the program.
  if ((await handle.read(head, 0, 1, fileBytes - 1)).bytesRead === 0)
    throw new StoreError(
      `${name} is cut short: it holds less than ${fileBytes} bytes; copy it again, or bundle the site again`,
    );
  const mapped = mapDevice(handle.fd, fileBytes);
  if (mapped === undefined) throw new StoreError(`${name} cannot be mapped: no memory is left`);
  return mapped;
}
