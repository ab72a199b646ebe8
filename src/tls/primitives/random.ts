/** Randomness of the operating system, a batch at a time: a handshake draws six times. */
import { randomFillSync } from 'node:crypto';
import type { RandomBytes } from './primitives.js';

const BATCH = 4096;

export function pooledRandom(): RandomBytes {
  const pool = new Uint8Array(BATCH);
  let left = 0;
  return (length) => {
    if (length > BATCH) return randomFillSync(new Uint8Array(length));
    if (left < length) {
      randomFillSync(pool);
      left = BATCH;
    }
    left -= length;
    const bytes = pool.slice(left, left + length);
    // What was handed out is overwritten here: a memory dump of this pool does not show it.
    pool.fill(0, left, left + length);
    return bytes;
  };
}
