/** Opens a file that a walk found, and not another one that replaced it meanwhile. */
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readlink, realpath } from 'node:fs/promises';
import { ifSystemError } from '../../errors/codes.js';

/** Without O_NONBLOCK the call would block on a FIFO that replaced the file. */
export const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * `file` is a path without links in it, as `walk` gives it. Undefined: the path now leads to another kind of file, or
 * through a new link: the content may come from outside of the site. Rejects with the system's error.
 */
export async function openInside(file: string): Promise<FileHandle | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(file, FLAGS);
  } catch (error) {
    // A link took its place (open(2), O_NOFOLLOW), or a socket.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ELOOP' || code === 'EMLINK' || code === 'ENXIO') return undefined;
    throw error;
  }
  let inside = false;
  try {
    inside = (await handle.stat()).isFile() && (await leadsBackTo(handle, file));
  } finally {
    if (!inside) await handle.close();
  }
  return inside ? handle : undefined;
}

/**
 * Whether the descriptor belongs to `file`, without a link on the way: the folders above may have been replaced, too.
 */
async function leadsBackTo(handle: FileHandle, file: string): Promise<boolean> {
  // The path of the open file, as the kernel reports it (proc(5)).
  if (process.platform === 'linux') {
    const path = await readlink(`/proc/self/fd/${handle.fd}`).catch(ifSystemError(undefined));
    if (path !== undefined) return path === file;
  }
  const [real, named, own] = await Promise.all([realpath(file), lstat(file), handle.stat()]);
  return real === file && named.ino === own.ino && named.dev === own.dev;
}
