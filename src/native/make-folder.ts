import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes the folder `path`, and those above it that are missing, each with `mode`; one that is there stays as it is.
 * Throws what the system says. Node's own (`recursive`) never returns where a file system answers ENOENT although the
 * folder above is there, as procfs does.
 */
export function makeFolder(path: string, mode = 0o777): void {
  const folder = resolve(path);
  if (make(folder, mode)) return;
  const above = dirname(folder);
  if (!isFolder(above)) makeFolder(above, mode);
  if (!make(folder, mode))
    throw Object.assign(new Error(`the file system of ${above} takes no folder`), { code: 'ENOENT' });
}

/** False: the system misses something on the way there. */
function make(folder: string, mode: number): boolean {
  try {
    mkdirSync(folder, { mode });
    return true;
  } catch (error) {
    if (isFolder(folder)) return true;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
