/** Compresses in this thread: for workers, since only they load the compressors. */
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { Zstd } from '@hpcc-js/wasm-zstd';
import { gzip } from 'pako';
import type { Compressors } from '../options.js';
import type { Compressed } from './codings.js';

export async function compressNow(
  bytes: Uint8Array,
  coding: Compressed,
  level: number,
  compressors: Compressors,
): Promise<Uint8Array> {
  const node = compressors === 'node';
  switch (coding) {
    case 'gzip': {
      const out = node ? gzipSync(bytes, { level }) : gzip(bytes, { level: level as 6 | 9 });
      // RFC 1952 2.3.1: the operating system, which is not to be disclosed; 255 is "unknown".
      out[9] = 255;
      return out;
    }
    case 'br':
      return node
        ? brotliCompressSync(bytes, {
            params: { [constants.BROTLI_PARAM_QUALITY]: level, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
          })
        : (await import('./brotli.js')).compress(bytes, level);
    case 'zstd':
      return (await Zstd.load()).compress(bytes, level);
  }
}
