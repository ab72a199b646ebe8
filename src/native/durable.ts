/** Files that are there whole or not at all, also after a power cut. */
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ifSystemError } from '../errors/codes.js';

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
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true }).catch(ifSystemError(undefined));
    throw error;
  }
  await syncFolder(dirname(file));
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
