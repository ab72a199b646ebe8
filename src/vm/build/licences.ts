/** The licences of what a machine image has beside the program: the kernel, Node, and the libraries of the system. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ImageError } from '../../image/image-error.js';
import type { Part } from '../../image/program.js';

/** `kernel`: its package, unpacked. Throws an ImageError for what has no licence that can be found. */
export function machineLicences(kernel: string, node: string, libraries: readonly string[]): Part[] {
  const texts = new Map<string, string>();
  const take = (name: string, candidates: readonly string[]): void => {
    const file = candidates.find((one) => existsSync(one));
    if (file === undefined)
      throw new ImageError(
        `the licence of ${name} is in none of ${candidates.join(', ')}; put it there, it is shipped`,
      );
    texts.set(name, readFileSync(file, 'utf8'));
  };
  const docs = join(kernel, 'usr', 'share', 'doc');
  const packages = existsSync(docs) ? readdirSync(docs).sort() : [];
  take('kernel', [...packages.map((one) => join(docs, one, 'copyright')), join(kernel, 'COPYING')]);
  const root = dirname(dirname(realpathSync(node)));
  take('node', [join(root, 'LICENSE'), join(root, 'share', 'doc', 'nodejs', 'LICENSE')]);
  for (const name of new Set(libraries.map(packageOf))) take(name, [join('/usr/share/doc', name, 'copyright')]);
  return [...texts].map(([name, text]) => ({
    path: `licences/${name}.txt`,
    from: Buffer.from(text),
    executable: false,
  }));
}

/** The Debian package that has a library. */
function packageOf(library: string): string {
  // The same file by the names that it has had since /usr was merged, and before.
  for (const path of new Set([library, realpathSync(library), library.replace(/^\/usr/, '')])) {
    // Its status is 1 where no package has a file of this name.
    const { status, stdout, error } = spawnSync('dpkg-query', ['--search', path], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    if (error !== undefined) throw error;
    if (status === 0) return stdout.split(':', 1)[0]!;
  }
  throw new ImageError(`no package of Debian has ${library}, and so its licence is not known`);
}
