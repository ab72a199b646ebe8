/** The manifest in which a build tool lists the names that it gave, including the fingerprinted ones. */
import { parseJson } from '../../errors/parse-json.js';

/** The usual names, of webpack, Vite, Sprockets, gulp-rev, Create React App and Laravel Mix. */
const NAMES =
  /\/(?:manifest|asset-manifest|assets-manifest|rev-manifest|mix-manifest|\.?sprockets-manifest[\w-]*|webpack-manifest)\.json$/;
export const LARGEST_ASSET_MANIFEST = 2 ** 22;

export function isAssetManifest(path: string): boolean {
  return NAMES.test(path);
}

/**
 * The names in `text` that were made from other names by inserting a fingerprint, without a slash at their beginning:
 * `app.js` -> `app.5f14.js`, or a chunk of Vite's. Empty when it is no such manifest: browsers have manifests of the
 * same name.
 */
export function namesInManifest(text: string): string[] {
  const found: string[] = [];
  collect(parseJson(text), found, 0);
  return found;
}

function collect(value: unknown, found: string[], depth: number): void {
  if (typeof value !== 'object' || value === null || depth > 2) return;
  for (const [key, one] of Object.entries(value)) {
    if (typeof one === 'string') {
      if (putIn(key, one)) found.push(bare(one));
    } else if (isChunk(one)) {
      for (const name of [one.file, ...list(one['css']), ...list(one['assets'])])
        if (/[.-][\w-]{8,}\.\w+$/.test(name)) found.push(bare(name));
    } else collect(one, found, depth + 1);
  }
}

type Chunk = { readonly file: string } & Readonly<Record<string, unknown>>;

/** An entry of Vite's manifest. */
function isChunk(value: unknown): value is Chunk {
  if (typeof value !== 'object' || value === null) return false;
  const { file, src, isEntry, isDynamicEntry, imports } = value as Record<string, unknown>;
  return typeof file === 'string' && [src, isEntry, isDynamicEntry, imports].some((one) => one !== undefined);
}

function list(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}

/** Whether `name` is `plain` with a fingerprint in it, of six characters or more. */
function putIn(plain: string, name: string): boolean {
  const [, stem = '', extension = ''] = /^(.*?)((?:\.map)?\.[A-Za-z0-9]+(?:\.map)?)$/.exec(last(plain)) ?? [];
  const long = last(name.replace(/[?#].*$/, ''));
  if (stem === '' || long === last(plain) || !long.endsWith(extension) || !long.startsWith(stem)) return false;
  return /^[._-][\w-]{6,}(?:\.chunk)?$/.test(long.slice(stem.length, long.length - extension.length));
}

function last(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function bare(name: string): string {
  return name.replace(/[?#].*$/, '').replace(/^(?:\.?\/)+/, '');
}
