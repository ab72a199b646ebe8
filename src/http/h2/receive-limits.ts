/** Bounds on what we keep for one connection, beside the counts of `BUDGETS`. */

/** SETTINGS_MAX_CONCURRENT_STREAMS. */
export const MAX_STREAMS = 100;
/** Octets of a field block. */
export const MOST_BLOCK = 49152;
/** Frames of a field block after the first. */
export const MOST_CONTINUATIONS = 16;
/** Bytes that were made only for the answers that wait on one connection. */
export const MOST_OWN = 65536;
