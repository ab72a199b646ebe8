/**
 * Files that are compressed as they are: by their name, or because the site says so. They are sent with their coding,
 * never without.
 */
import { brotliDecompressSync } from 'node:zlib';
import type { Compressed } from '../compress/codings.js';
import type { HeaderRules } from '../rules/header-rules.js';
import type { SiteFile } from '../site/site.js';

/**
 * What browsers load by such a name, as builds of games write it; other compressed files are archives that people
 * save.
 */
const LOADED = /\.(?:js|mjs|cjs|css|wasm|data)\.(gz|br|zst)$/i;
/** Nothing but the web's own is called like this. */
const WEB_BR = /\.(?:html?|json|svg|xml|txt|ttf|otf|webmanifest|map)\.br$/i;
const CODINGS: Readonly<Record<string, Compressed>> = { gz: 'gzip', br: 'br', zst: 'zstd' };
/** What is tried of a file in brotli, which has no mark at its beginning; bytes that come out. */
const TRIED = 2 ** 16;

export interface Precompressed {
  readonly coding: Compressed;
  /** The path whose extension tells the type of what comes out. */
  readonly inner: string;
}

/** What `path` and its content say of the coding; undefined: it is sent as it is. */
export function precompressedByName(path: string, bytes: Uint8Array): Precompressed | undefined {
  if (/\.svgz$/i.test(path)) return isCoded(bytes, 'gzip') ? { coding: 'gzip', inner: path } : undefined;
  const extension = (LOADED.exec(path)?.[1] ?? (WEB_BR.test(path) ? 'br' : undefined))?.toLowerCase();
  const coding = extension === undefined ? undefined : CODINGS[extension];
  if (coding === undefined || !isCoded(bytes, coding)) return undefined;
  return { coding, inner: path.slice(0, path.lastIndexOf('.')) };
}

/** Whether `bytes` begin as that coding does (RFC 1952 2.3.1, RFC 8878 3.1.1), or, in brotli, can be read. */
export function isCoded(bytes: Uint8Array, coding: Compressed): boolean {
  if (coding === 'gzip') return bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8;
  if (coding === 'zstd') return bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd;
  try {
    brotliDecompressSync(bytes, { maxOutputLength: TRIED });
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
  }
}

/**
 * The files with the coding that the site gives them (`Content-Encoding` in `_headers`). One whose bytes are not in
 * it goes to `warn` and
 * stays as it is.
 */
export async function withSaidCodings(
  files: readonly SiteFile[],
  rules: HeaderRules,
  warn: (sentence: string) => void,
): Promise<readonly SiteFile[]> {
  if (!rules.rules.some(({ fields }) => fields.some(({ name }) => name.toLowerCase() === 'content-encoding')))
    return files;
  return Promise.all(
    files.map(async (file) => {
      const said = rules.fieldsFor(file.path, file.path).set.get('content-encoding')?.at(-1)?.value.toLowerCase();
      const { coding, blob } = file.coded[0]!;
      if (said === undefined || said === coding) return file;
      if (coding !== 'identity' || !isCoded(await blob.load(), said as Compressed)) {
        warn(`_headers: ${file.path} is not in the coding ${said}; it is sent without`);
        return file;
      }
      return { ...file, coded: [{ coding: said as Compressed, blob }] };
    }),
  );
}
