import type { BigIntStats } from 'node:fs';
import { fileError, StoreError } from '../store-error.js';
import { openInside } from './open-inside.js';

const TRIES = 3;

/**
 * The bytes of `file`, a path that `walk` gave, as they were at one moment: a file that changes during the reading is
 * read again, and refused when it keeps changing. Throws StoreError.
 */
export async function readWhole(file: string): Promise<Uint8Array> {
  for (let i = 0; i < TRIES; i++) {
    const bytes = await readOnce(file);
    if (bytes) return bytes;
  }
  throw new StoreError(`${file} changed while it was read; try again when what writes it is done`);
}

/** Whether a file stayed unchanged between two checks. */
export function isAtRest(before: BigIntStats, after: BigIntStats): boolean {
  return after.size === before.size && after.mtimeNs === before.mtimeNs && after.ctimeNs === before.ctimeNs;
}

async function readOnce(file: string): Promise<Uint8Array | undefined> {
  try {
    const handle = await openInside(file);
    if (handle === undefined) return undefined;
    try {
      const before = await handle.stat({ bigint: true });
      const size = Number(before.size);
      const bytes = new Uint8Array(size);
      let at = 0;
      while (at < size) {
        const { bytesRead } = await handle.read(bytes, at, size - at, at);
        if (bytesRead === 0) return undefined;
        at += bytesRead;
      }
      const after = await handle.stat({ bigint: true });
      return isAtRest(before, after) ? bytes : undefined;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(error, file);
  }
}
