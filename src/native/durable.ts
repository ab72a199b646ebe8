/** Files that are there whole or not at all, also after a power cut. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ifSystemError } from '../errors/codes.js';

type Keep = (file: string, content: string | Uint8Array) => void;
let keep: Keep | undefined;

/**
 * For a process whose folders lie in memory: `also` takes each file to where it outlives the process, before it
 * appears under its name. Where it throws, an error with a code of the system, the old file stays.
 */
export function keepDurable(also: Keep | undefined): void {
  keep = also;
}

/** Writes beside `file`, brings it to the disk, and renames. `mode`: the rights of the file. */
export async function writeDurable(file: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  const part = `${file}.part`;
  try {
    const handle = await open(part, 'w', mode);
    try {
      // A part that an earlier program left keeps the rights that it had.
      await handle.chmod(mode);
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    keep?.(file, content);
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true }).catch(ifSystemError(undefined));
    throw error;
  }
  await syncFolder(dirname(file));
}

/** The same at once, for files of some bytes, also by several processes together. Throws what the system says. */
export function writeDurableNow(file: string, content: string, mode = 0o644): void {
  const part = `${file}.${process.pid}.part`;
  try {
    const descriptor = openSync(part, 'w', mode);
    try {
      writeFileSync(descriptor, content);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    keep?.(file, content);
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}

/** Brings names in a folder to the disk. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Brings a file's content to the disk. */
export async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
