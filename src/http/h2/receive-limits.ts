/** What one connection may have us keep, beside what `BUDGETS` counts. */

/** SETTINGS_MAX_CONCURRENT_STREAMS. */
export const MAX_STREAMS = 100;
/** Octets of a field block. */
export const MOST_BLOCK = 49152;
/** Frames of a field block after the first. */
export const MOST_CONTINUATIONS = 16;
/** Bytes that the answers waiting on one connection may have for themselves. */
export const MOST_OWN = 65536;
