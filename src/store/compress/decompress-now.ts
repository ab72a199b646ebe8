/** Undoes a coding in this thread, so as to see what it is of. */
import * as zlib from 'node:zlib';
import type { Compressed } from './codings.js';

/** Since Node 22.15. The package takes twice as long to undo a file as to compress it (decision 23). */
const { zstdDecompressSync } = zlib as {
  readonly zstdDecompressSync?: (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;
};

/** Whether it costs less to check a result than to make it. */
export function isChecked(coding: Compressed): boolean {
  return coding !== 'zstd' || zstdDecompressSync !== undefined;
}

/**
 * What `bytes` become without their coding, one for which `isChecked` holds: `size` octets at most. Throws when they
 * are not of that coding, or more.
 */
export function decompressNow(bytes: Uint8Array, coding: Compressed, size: number): Uint8Array {
  // Zero would stand for no limit.
  const maxOutputLength = Math.max(size, 1);
  switch (coding) {
    case 'gzip':
      return zlib.gunzipSync(bytes, { maxOutputLength });
    case 'br':
      return zlib.brotliDecompressSync(bytes, { maxOutputLength });
    case 'zstd':
      return zstdDecompressSync!(bytes, { maxOutputLength });
  }
}
