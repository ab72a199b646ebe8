/** Directory -> bundle. */
import { blobOf, blobOfFile } from './blob.js';
import { compressFiles, compressors } from './compress.js';
import { type Layout, layOut } from './layout.js';
import { mediaType } from './media-type.js';
import type { SiteOptions } from './options.js';
import { readWhole } from './read-file.js';
import { DEFAULT_POLICY } from './resource-fields.js';
import { RouteTable } from './routes.js';
import type { SiteFile } from './site.js';
import { StoreError } from './store-error.js';
import { type Found, walk } from './walk.js';

const READS_AT_ONCE = 16;
/** Of so many bytes of files the content is kept; beyond, files are read again when they are written into the bundle. */
const KEPT_BYTES = 2 ** 29;

/** Reads the site in `dir` and decides everything about it. Throws StoreError. */
export async function planSite(dir: string, options: SiteOptions): Promise<Layout> {
  const found = await walk(dir, options.hidden);
  if (found.length === 0)
    throw new StoreError(`${dir} has no files; build the site first, or name the directory that it was built into`);
  const files = await compressFiles(await readAll(found, options), options);
  const routes = new RouteTable(files, () => false).finish();
  return layOut(
    files,
    routes,
    { ...DEFAULT_POLICY, security: options.security ?? true },
    { compressors: compressors(options) },
  );
}

async function readAll(found: readonly Found[], options: SiteOptions): Promise<SiteFile[]> {
  const files = new Array<SiteFile>(found.length);
  let next = 0;
  let done = 0;
  let kept = 0;
  const total = found.reduce((sum, f) => sum + f.size, 0);
  const work = async (): Promise<void> => {
    while (next < found.length) {
      const i = next++;
      const one = found[i]!;
      const bytes = await readWhole(one.file);
      const type = mediaType(one.path, bytes, options.mime);
      kept += bytes.length;
      const blob = kept <= KEPT_BYTES ? blobOf(bytes) : blobOfFile(one.file, bytes);
      files[i] = { path: one.path, type, coded: [{ coding: 'identity', blob }] };
      done += one.size;
      options.onProgress?.({ phase: 'read', done, total });
    }
  };
  await Promise.all(Array.from({ length: READS_AT_ONCE }, work));
  return files;
}
