import * as crypto from 'node:crypto';
import { StoreError } from '../store-error.js';
import { readWhole } from './read-file.js';
import type { Blob } from './site.js';

/** SHA-256, in hex. In one call where Node has it (20.12): for small files the rest took as long as the hash itself. */
export const hashOf: (content: Uint8Array | string) => string =
  typeof crypto.hash === 'function'
    ? (content) => crypto.hash('sha256', content, 'hex')
    : (content) => crypto.createHash('sha256').update(content).digest('hex');

/** A blob of bytes in memory. */
export function blobOf(bytes: Uint8Array): Blob {
  return { sha256: hashOf(bytes), size: bytes.length, memory: undefined, load: () => bytes };
}

/** A blob of the earlier bytes of `file`; they are read again when needed, and must be unchanged then. */
export function blobOfFile(file: string, bytes: Uint8Array): Blob {
  const sha256 = hashOf(bytes);
  const load = async (): Promise<Uint8Array> => {
    const again = await readWhole(file);
    if (hashOf(again) !== sha256)
      throw new StoreError(`${file} changed while the site was bundled; try again when what writes it is done`);
    return again;
  };
  return { sha256, size: bytes.length, memory: undefined, load };
}
