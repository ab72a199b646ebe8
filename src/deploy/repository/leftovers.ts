/**
 * What a git that was killed, or a power cut, leaves in a clone: lock files that stop the next one, and half-written
 * packs.
 */
import { readdir, readlink, rm, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { ifSystemError } from '../../errors/codes.js';

/**
 * Removes them, unless some process is at work in the clone. Returns the names of what was removed. Call with the
 * poll's lock held.
 */
export async function removeLeftovers(work: string): Promise<string[]> {
  const gitDir = join(work, '.git');
  const found: string[] = [];
  await lookFor(gitDir, '', found);
  if (found.length === 0 || (await isUsed(work))) return [];
  for (const path of found) await rm(join(gitDir, path), { force: true });
  return found;
}

async function lookFor(root: string, below: string, found: string[]): Promise<void> {
  for (const name of await readdir(join(root, below)).catch(ifSystemError([]))) {
    const path = below === '' ? name : `${below}/${name}`;
    // Loose objects are two hundred folders with nothing of interest but their half-written ones.
    if (/^objects\/[0-9a-f]{2}$/.test(path) || path === 'objects/pack') {
      for (const inner of await readdir(join(root, path)).catch(ifSystemError([]))) {
        if (/^(tmp_|\.tmp-)/.test(inner)) found.push(`${path}/${inner}`);
      }
    } else if (name.endsWith('.lock') || /^tmp_/.test(name)) {
      found.push(path);
    } else if (below.split('/').length <= 8 && name !== 'hooks' && (await isFolder(join(root, path)))) {
      await lookFor(root, path, found);
    }
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(ifSystemError(undefined)))?.isDirectory() === true;
}

/** Whether a process has its working directory or an open file in `folder`. */
async function isUsed(folder: string): Promise<boolean> {
  const inside = (path: string): boolean => path === folder || path.startsWith(folder + sep);
  for (const pid of await readdir('/proc').catch(ifSystemError([]))) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(ifSystemError(''));
    if (inside(cwd)) return true;
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(ifSystemError([]))) {
      if (inside(await readlink(`/proc/${pid}/fd/${fd}`).catch(ifSystemError('')))) return true;
    }
  }
  return false;
}
