/**
 * Files that are stored compressed: by their name, or by a rule of the site. They are always sent with their coding.
 */
import { brotliDecompressSync } from 'node:zlib';
import type { Compressed } from '../compress/codings.js';
import type { HeaderRules } from '../rules/header-rules.js';
import type { SiteFile } from '../site/site.js';
import { mappedSlowly, type Slices } from '../slices.js';

/** Names that browsers load, as builds of games write them; other compressed files are archives for download. */
const LOADED = /\.(?:js|mjs|cjs|css|wasm|data)\.(gz|br|zst)$/i;
/** Only files of the web have such names. */
const WEB_BR = /\.(?:html?|json|svg|xml|txt|ttf|otf|webmanifest|map)\.br$/i;
const CODINGS: Readonly<Record<string, Compressed>> = { gz: 'gzip', br: 'br', zst: 'zstd' };
/** Decoded bytes that are tried of a file in brotli, which has no magic number. */
const TRIED = 2 ** 16;

export interface Precompressed {
  readonly coding: Compressed;
  /** The path whose extension gives the type of the decoded content. */
  readonly inner: string;
}

/** The coding, from `path` and the content; undefined: the file is sent without a coding. */
export function precompressedByName(path: string, bytes: Uint8Array): Precompressed | undefined {
  if (/\.svgz$/i.test(path)) return isCoded(bytes, 'gzip') ? { coding: 'gzip', inner: path } : undefined;
  const extension = (LOADED.exec(path)?.[1] ?? (WEB_BR.test(path) ? 'br' : undefined))?.toLowerCase();
  const coding = extension === undefined ? undefined : CODINGS[extension];
  if (coding === undefined || !isCoded(bytes, coding)) return undefined;
  return { coding, inner: path.slice(0, path.lastIndexOf('.')) };
}

/**
 * Whether `bytes` begin with the magic number of that coding (RFC 1952 2.3.1, RFC 8878 3.1.1), or, in brotli, can be
 * read.
 */
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
 * The files with the coding that the site gives them (`Content-Encoding` in `_headers`). A file whose bytes are not in
 * that coding is reported to `warn`, and stays unchanged.
 */
export async function withSaidCodings(
  files: readonly SiteFile[],
  rules: HeaderRules,
  warn: (sentence: string) => void,
  slices: Slices,
): Promise<readonly SiteFile[]> {
  if (!rules.rules.some(({ fields }) => fields.some(({ name }) => name.toLowerCase() === 'content-encoding')))
    return files;
  return mappedSlowly(
    files,
    async (file) => {
      const said = rules.fieldsFor(file.path, file.path).set.get('content-encoding')?.at(-1)?.value.toLowerCase();
      const { coding, blob } = file.coded[0]!;
      if (said === undefined || said === coding) return file;
      if (coding !== 'identity' || !isCoded(await blob.load(), said as Compressed)) {
        warn(`_headers: ${file.path} is not in the coding ${said}; it is sent without`);
        return file;
      }
      return { ...file, coded: [{ coding: said as Compressed, blob }] };
    },
    slices,
  );
}
