/**
 * FNV-1a over the bytes of a path, 32 bits, finished with the mixer of MurmurHash3: prefixes of a path are hashed on
 * the way, which the search for the nearest 404 page uses.
 */
export const HASH_START = 0x811c9dc5 | 0;

/** The hash of the bytes so far, as int32. */
export function hashEnd(state: number): number {
  let h = state ^ (state >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** The hash of `bytes[start..end)`, as int32. */
export function pathHash(bytes: Uint8Array, start: number, end: number): number {
  let state = HASH_START;
  for (let i = start; i < end; i++) state = Math.imul(state ^ bytes[i]!, 0x01000193);
  return hashEnd(state);
}
