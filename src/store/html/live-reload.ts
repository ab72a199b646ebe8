/** Pages that load themselves again when the site has changed: for a directory that is watched. */
import { blobOf } from '../site/blob.js';
import type { Blob, SiteFile } from '../site/site.js';
import { mappedSlowly, type Slices } from '../slices.js';

/** The path of the script that the pages load; `http/reload.ts` serves it. */
export const RELOAD_PATH = '/.sitekernel/reload';
const TAG = new TextEncoder().encode(`<script src="${RELOAD_PATH}.js" async></script>\n`);

const changed = new WeakMap<Blob, Blob>();

/** The files, each HTML page with the script at its end. An unchanged file stays the same blob. */
export async function withReloading(files: readonly SiteFile[], slices: Slices): Promise<SiteFile[]> {
  return mappedSlowly(
    files,
    async (file) => {
      const { blob, coding } = file.coded[0]!;
      const readable = coding === 'identity' && blob.size > 0 && blob.large === undefined;
      if (!file.type.startsWith('text/html') || !readable) return file;
      const known = changed.get(blob);
      const longer = known ?? blobOf(joined(await blob.load(), TAG));
      if (known === undefined) changed.set(blob, longer);
      return { ...file, modified: undefined, coded: [{ coding: 'identity' as const, blob: longer }] };
    },
    slices,
  );
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
