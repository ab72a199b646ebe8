/**
 * The bundle file, version 2. All numbers are little-endian; offsets count from the start of the file.
 *
 *     header    512 bytes: below
 *     roots     SHA-256 of each PAGE bytes of `leaves`
 *     leaves    SHA-256 of each PAGE bytes of what follows, to the end of the file
 *     slots     hash table: u32 hash, u32 key + 1 (0: empty); a power of two, at most half full, linear probing
 *     keys      16 bytes each: what a path leads to
 *     answers   64 bytes each: a resource, its translations, or a redirect
 *     reps      52 bytes each: one representation of a resource
 *     strings   paths, types, tags, locations; UTF-8
 *     manifest  JSON: how it was made, and the rules that can only be decided when the path is known
 *     content   heads, then bodies; identical ones once
 *     sums      u16 for each SUM_BLOCK bytes of content: the one's-complement sum of all content before it (optional)
 *
 * The header holds the hash of `roots`, and its own: that is the bundle's identity, and every byte of the file hangs on
 * it. So the identity is known and true when 512 bytes were read, and any page can be verified when it is first
 * needed, without reading the others.
 */
export const MAGIC = Uint8Array.of(0x89, 0x53, 0x4b, 0x42, 0x0d, 0x0a, 0x1a, 0x0a);
export const VERSION = 2;
export const HEADER_BYTES = 512;
/** Magic, version, and the place of the hash stay the same in every later version. */
export const HEADER_HASH_AT = 480;
export const HASH_BYTES = 32;

/** A page of the hash tree, in bytes: 16 KiB hash in some 10 µs, and their hashes are 0.2% of the file. */
export const PAGE = 16384;
export const PAGE_SHIFT = 14;

/** The block size of the running sums, in bytes. */
export const SUM_BLOCK = 256;
export const SUM_SHIFT = 8;

/** Offsets in the content have 40 bits: 1 TiB. Offsets before the bodies have 32. */
export const MAX_BUNDLE_BYTES = 2 ** 40 - 1;
/** The bytes before the bodies, including the heads, are all in memory. */
export const MAX_BEFORE_BODIES = 2 ** 31;
/** A bundle with more content has no sums: such content is not in memory as a whole. */
export const MAX_SUMMED_BYTES = 2 ** 32 - 1;

/**
 * The places of the header's fields; u32 each, a section is an offset and a length. `...High`: the bits above 32 of the
 * file's length, of the content's length, and of the offset of the sums.
 */
export const AT = {
  version: 8,
  headerBytes: 12,
  fileBytes: 16,
  page: 20,
  roots: 24,
  leaves: 32,
  slots: 40,
  keys: 48,
  answers: 56,
  reps: 64,
  strings: 72,
  manifest: 80,
  content: 88,
  sums: 96,
  sumBlock: 104,
  files: 108,
  deepestNotFound: 112,
  fileBytesHigh: 116,
  contentHigh: 120,
  sumsHigh: 124,
  rootHash: 128,
} as const;

export const SLOT_BYTES = 8;

/** u32 path offset, u16 path length, u16 flags, u32 answer + 1, u32 answer + 1 of the 404 page for what is below. */
export const KEY_BYTES = 16;
export const KEY_PATH_MAX = 0xffff;
export const KEY_FOLDED = 1;
export const KEY_AMBIGUOUS = 2;

/**
 * u16 kind, u16 status; a resource: u32 first representation, count, path offset, path length, type offset, type
 * length, file number, fields offset, fields length, language offset, language length, and in the content offset and
 * end of its early hints, link offset, link length; a redirect: u32 location offset, location length, fields offset,
 * fields length; translations: u32 first answer, count.
 */
export const ANSWER_BYTES = 64;
export const KIND_RESOURCE = 1;
export const KIND_REDIRECT = 2;
export const KIND_LANGUAGES = 3;

/**
 * u16 coding, u8 and u8 the bits above 32 of the body's offset and end; then u32 each offset and end of body, and of
 * the heads 200, 304, 206, 412; etag offset and length.
 */
export const REP_BYTES = 44 + 8;
export const REP = {
  coding: 0,
  startHigh: 2,
  endHigh: 3,
  start: 4,
  end: 8,
  heads: [12, 20, 28, 36],
  etag: 44,
} as const;
export const CODINGS = ['identity', 'gzip', 'br', 'zstd'] as const;

/**
 * Bounds on the size of one answer, which a reader enforces for every bundle. Bytes; a head is all lines of one of the
 * four heads.
 */
export const LONGEST_TEXT = 262_144;
export const LONGEST_FIELDS = 262_144;
export const LONGEST_HEAD = 1_048_576;
export const MOST_LANGUAGES = 1024;
/** The longest run of used slots: the steps that a search for a path may take. */
export const LONGEST_RUN = 4096;

/** The next multiple of `step`, a power of two. */
export function align(offset: number, step: number): number {
  return Math.ceil(offset / step) * step;
}
