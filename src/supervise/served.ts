/** Which image, arguments and site a program has after it was replaced, or its site swapped. */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ReplaceRequest, SwapRequest } from '../control/protocol.js';
import type { What } from './program.js';

export function afterReplacement({ folder, id, args }: ReplaceRequest, old: What | undefined): What {
  // Without a folder: the same program once more.
  const again = folder === undefined;
  return {
    image: id ?? (again ? (old?.image ?? '') : ''),
    folder: folder ?? old?.folder,
    args: args ?? old?.args ?? [],
    instead: again ? old?.instead : undefined,
  };
}

export function afterSwap(what: What, { id, bundle }: SwapRequest): What {
  return { ...what, image: id ?? '', ...siteOf(what, bundle) };
}

/**
 * Where the program's site is after a swap. An image's bundle comes with the same program: from then on it is that
 * image's folder that counts, since the one that the program was started from may be removed.
 */
function siteOf(what: What, bundle: string): Pick<What, 'folder' | 'instead'> {
  const folder = dirname(bundle);
  const image =
    what.folder !== undefined && basename(bundle) === 'site.bundle' && existsSync(join(folder, 'manifest.json'));
  return image ? { folder, instead: undefined } : { folder: what.folder, instead: bundle };
}
