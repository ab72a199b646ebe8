/** The state of a machine image between its disk and the folder in which the program has it. */
import { chmodSync, chownSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { expectCode } from '../../errors/codes.js';
import { makeFolder } from '../../native/make-folder.js';
import type { Files } from './state-disk.js';

/** Files that somebody is writing. */
const UNDER_WAY = /\.(?:part|new)$/;

/** All files below `folder`; none where there is no such folder. Throws what the system says. */
export function filesIn(folder: string): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  const look = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const one = join(path, entry.name);
      if (entry.isDirectory()) look(one);
      else if (entry.isFile() && !UNDER_WAY.test(entry.name))
        found.set(relative(folder, one).split(sep).join('/'), Uint8Array.from(readFileSync(one)));
    }
  };
  try {
    look(folder);
  } catch (error) {
    expectCode(error, 'ENOENT');
  }
  return found;
}

/** Puts the files below `folder`, which has no others then. Throws what the system says. */
export function putFiles(folder: string, files: Files): void {
  makeFolder(folder, 0o700);
  for (const name of filesIn(folder).keys()) if (!files.has(name)) rmSync(join(folder, name), { force: true });
  for (const [name, content] of files) {
    const file = join(folder, name);
    makeFolder(dirname(file), 0o700);
    writeFileSync(file, content, { mode: 0o600 });
    chmodSync(file, 0o600);
  }
}

/** Gives `folder` and all in it to a user. Throws what the system says. */
export function giveFiles(folder: string, user: number): void {
  chownSync(folder, user, user);
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    chownSync(join(entry.parentPath ?? entry.path, entry.name), user, user);
}

/** The path of `file` below `folder`; undefined: it lies elsewhere. */
export function pathBelow(folder: string, file: string): string | undefined {
  const path = relative(folder, file);
  return path === '' || path === '..' || path.startsWith(`..${sep}`) ? undefined : path.split(sep).join('/');
}
