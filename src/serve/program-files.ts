/** Files that come with the program, wherever it was put: found upwards of this module. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../errors/user-error.js';

function findUpwards(name: string): string | undefined {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const candidate = join(folder, name);
    if (existsSync(candidate)) return candidate;
    const parent = dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
}

/** The embedded site: the bundle that the build made of it, or where there is none its directory. */
export function embeddedSite(): string {
  const found = findUpwards('site.bundle') ?? findUpwards('site/_site');
  if (found === undefined)
    throw new UserError('no site is embedded in this program; name a directory or a bundle file to serve');
  return found;
}

export function packageVersion(): string {
  const file = findUpwards('package.json');
  if (file === undefined) return 'unknown';
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** The directory that the project's own site was built into. */
export function ownSite(): string {
  const found = findUpwards('site/_site');
  if (found === undefined) throw new UserError('name the directory of the site; this program carries none to build of');
  return found;
}
