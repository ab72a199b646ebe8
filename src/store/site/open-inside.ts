/** Opens a file that a walk found, and no other that somebody put in its place meanwhile. */
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readlink, realpath } from 'node:fs/promises';
import { ifSystemError } from '../../errors/codes.js';

/** Without O_NONBLOCK a FIFO that took the file's place would be waited for. */
export const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * `file` is a path without links in it, as `walk` gives it. Undefined: what lies there now is something else, or is
 * reached through a link that was not there: its content may be of a place that the site has no part in. Rejects with
 * the system's error.
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
 * Whether the descriptor is of what `file` names, without a link on the way there: the folders above may have been
 * switched, too.
 */
async function leadsBackTo(handle: FileHandle, file: string): Promise<boolean> {
  // The kernel's own word of where the open file lies (proc(5)).
  if (process.platform === 'linux') {
    const path = await readlink(`/proc/self/fd/${handle.fd}`).catch(ifSystemError(undefined));
    if (path !== undefined) return path === file;
  }
  const [real, named, own] = await Promise.all([realpath(file), lstat(file), handle.stat()]);
  return real === file && named.ino === own.ino && named.dev === own.dev;
}
