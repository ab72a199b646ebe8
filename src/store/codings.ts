/** The content codings (RFC 9110 8.4.1, RFC 7932, RFC 8878) and how hard each tries. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { Zstd } from '@hpcc-js/wasm-zstd';
import type { Compression } from './options.js';
import type { Coding } from './store.js';

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

/** What made the bytes, as the manifest and the cache name it: another version may make others. */
export function compressorVersion(coding: Compressed): string {
  if (coding === 'gzip') return `zlib ${process.versions['zlib']}`;
  if (coding === 'br') return `brotli ${process.versions['brotli']}`;
  return `zstd-wasm ${zstdVersion()}`;
}

let zstdPackage: string | undefined;
/** Written in by the bundler where the program is one file and the package is part of it. */
declare const ZSTD_WASM_VERSION: string | undefined;

function zstdVersion(): string {
  if (typeof ZSTD_WASM_VERSION === 'string') return ZSTD_WASM_VERSION;
  if (zstdPackage === undefined) {
    const entry = createRequire(import.meta.url).resolve('@hpcc-js/wasm-zstd');
    const { version } = JSON.parse(readFileSync(entry.replace(/dist[/\\][^/\\]*$/, 'package.json'), 'utf8')) as {
      version: string;
    };
    zstdPackage = version;
  }
  return zstdPackage;
}

/** Below this many bytes nothing is won: the fields that announce a coding take as much. */
const SMALLEST = 150;
/** What a coding must save at least: its fields in the head, and 3% of the size, for the work of the browser. */
const FIELDS = 64;
const SHARE = 0.97;

export function worthTrying(size: number): boolean {
  return size >= SMALLEST;
}

export function worthKeeping(coded: number, identity: number): boolean {
  return coded + FIELDS < identity && coded < identity * SHARE;
}

/** Compresses in this thread: for workers. */
export async function compressNow(bytes: Uint8Array, coding: Compressed, level: number): Promise<Uint8Array> {
  switch (coding) {
    case 'gzip': {
      const out = gzipSync(bytes, { level });
      // RFC 1952 2.3.1: the operating system, which is not to show; 255 is "unknown".
      out[9] = 255;
      return out;
    }
    case 'br':
      return brotliCompressSync(bytes, {
        params: { [constants.BROTLI_PARAM_QUALITY]: level, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
      });
    case 'zstd':
      return (await Zstd.load()).compress(bytes, level);
  }
}
