/** The content codings (RFC 9110 8.4.1, RFC 7932, RFC 8878) and how hard each tries. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Compression, Compressors } from '../options.js';
import type { Coding } from '../store.js';

export type Compressed = Exclude<Coding, 'identity'>;

/** In the order in which a bundle has them. */
export const COMPRESSED: readonly Compressed[] = ['gzip', 'br', 'zstd'];

const LEVELS: Readonly<Record<Exclude<Compression, 'none'>, Readonly<Record<Compressed, number>>>> = {
  // zstd 19 is the highest level whose window browsers must take, 8 MiB (RFC 9659 3).
  full: { gzip: 9, br: 11, zstd: 19 },
  fast: { gzip: 6, br: 5, zstd: 3 },
};

export function levelOf(compression: Exclude<Compression, 'none'>, coding: Compressed): number {
  return LEVELS[compression][coding];
}

const PACKAGES: Readonly<Record<Compressed, string>> = {
  gzip: 'pako',
  br: 'brotli-wasm',
  zstd: '@hpcc-js/wasm-zstd',
};

/** The compressor, as the manifest and the cache name it: another version may make other bytes. */
export function compressorVersion(coding: Compressed, compressors: Compressors): string {
  if (compressors === 'node' && coding === 'gzip') return `zlib ${process.versions['zlib']}`;
  if (compressors === 'node' && coding === 'br') return `brotli ${process.versions['brotli']}`;
  const name = PACKAGES[coding];
  return `${name} ${versionOf(name)}`;
}

/** Written in by the bundler where the program is one file and the packages are part of it. */
declare const COMPRESSOR_VERSIONS: Readonly<Record<string, string>> | undefined;
const known = new Map<string, string>();

function versionOf(name: string): string {
  if (typeof COMPRESSOR_VERSIONS !== 'undefined') return COMPRESSOR_VERSIONS[name]!;
  let version = known.get(name);
  if (version === undefined) {
    const entry = createRequire(import.meta.url).resolve(name);
    const folder = entry.slice(0, entry.lastIndexOf(join('node_modules', name))) + join('node_modules', name);
    ({ version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string });
    known.set(name, version);
  }
  return version;
}

/** Below this many bytes compression saves nothing: the fields that announce a coding take as much. */
const SMALLEST = 150;
/** The least that a coding must save: its fields in the head, and 3% of the size, for the work of the browser. */
const FIELDS = 64;
const SHARE = 0.97;

export function worthTrying(size: number): boolean {
  return size >= SMALLEST;
}

export function worthKeeping(coded: number, identity: number): boolean {
  return coded + FIELDS < identity && coded < identity * SHARE;
}
