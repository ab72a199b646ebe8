/** Reads and validates the first bytes of a bundle. */

import { StoreError } from '../store-error.js';
import {
  AT,
  HASH_BYTES,
  HEADER_BYTES,
  HEADER_HASH_AT,
  MAGIC,
  MAX_BUNDLE_BYTES,
  PAGE,
  SUM_BLOCK,
  VERSION,
} from './format.js';
import { sha256 } from './hash-tree.js';
import { sumsBytes } from './sums.js';

export interface Section {
  readonly at: number;
  readonly end: number;
}

export interface BundleHeader {
  readonly id: string;
  readonly fileBytes: number;
  /** The beginning of the data that the leaves cover; the data ends with the file. */
  readonly data: number;
  readonly roots: Section;
  readonly leaves: Section;
  readonly slots: Section;
  readonly keys: Section;
  readonly answers: Section;
  readonly reps: Section;
  readonly strings: Section;
  readonly manifest: Section;
  readonly content: Section;
  readonly sums: Section;
  readonly files: number;
  readonly deepestNotFound: number;
  readonly rootHash: Uint8Array;
}

/** Whether `bytes` begin as a bundle does. */
export function looksLikeBundle(bytes: Uint8Array): boolean {
  return MAGIC.every((b, i) => i >= bytes.length || bytes[i] === b) && bytes.length > 0;
}

/**
 * The header in `bytes`, the beginning of the file `name` of `fileBytes` (undefined: as it states). Throws a StoreError
 * that says what is wrong.
 */
export function readHeader(bytes: Uint8Array, fileBytes: number | undefined, name: string): BundleHeader {
  if (!looksLikeBundle(bytes))
    throw new StoreError(`${name} is not a bundle of sitekernel; make one with: sitekernel bundle DIR -o FILE`);
  if (bytes.length < HEADER_BYTES) throw truncated(name, fileBytes ?? bytes.length);
  const hash = sha256(bytes.subarray(0, HEADER_HASH_AT));
  if (!equal(hash, bytes.subarray(HEADER_HASH_AT, HEADER_BYTES))) {
    throw new StoreError(
      `${name} is damaged: its header does not have the checksum that it states; bundle the site again`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const version = view.getUint32(AT.version, true);
  if (version > VERSION) {
    throw new StoreError(
      `${name} was made by a newer sitekernel (bundle version ${version}; this one reads ${VERSION}); update this program, or bundle the site again with it`,
    );
  }
  if (version < VERSION) {
    throw new StoreError(
      `${name} was made by an older sitekernel (bundle version ${version}; this one reads ${VERSION}); bundle the site again`,
    );
  }
  const stated = view.getUint32(AT.fileBytes, true) + view.getUint32(AT.fileBytesHigh, true) * 2 ** 32;
  if (fileBytes !== undefined && fileBytes < stated) throw truncated(name, fileBytes, stated);
  if (fileBytes !== undefined && fileBytes > stated)
    throw new StoreError(`${name} is damaged: ${fileBytes - stated} bytes follow the end of the bundle; copy it again`);
  const section = (place: number, atHigh = 0, lengthHigh = 0): Section => {
    const at = view.getUint32(place, true) + atHigh * 2 ** 32;
    return { at, end: at + view.getUint32(place + 4, true) + lengthHigh * 2 ** 32 };
  };
  const leaves = section(AT.leaves);
  const header: BundleHeader = {
    id: Buffer.from(hash).toString('hex'),
    fileBytes: stated,
    data: leaves.end,
    roots: section(AT.roots),
    leaves,
    slots: section(AT.slots),
    keys: section(AT.keys),
    answers: section(AT.answers),
    reps: section(AT.reps),
    strings: section(AT.strings),
    manifest: section(AT.manifest),
    content: section(AT.content, 0, view.getUint32(AT.contentHigh, true)),
    sums: section(AT.sums, view.getUint32(AT.sumsHigh, true)),
    files: view.getUint32(AT.files, true),
    deepestNotFound: view.getUint32(AT.deepestNotFound, true),
    rootHash: bytes.slice(AT.rootHash, AT.rootHash + HASH_BYTES),
  };
  const block = view.getUint32(AT.sumBlock, true);
  if (!sound(header) || view.getUint32(AT.page, true) !== PAGE || (block !== 0 && block !== SUM_BLOCK)) {
    throw new StoreError(`${name} was not made by sitekernel: its header contradicts itself; bundle the site again`);
  }
  return header;
}

function truncated(name: string, has: number, stated?: number): StoreError {
  const of = stated === undefined ? '' : ` of ${stated}`;
  return new StoreError(`${name} is cut short: it has ${has}${of} bytes; copy it again, or bundle the site again`);
}

/**
 * Sections follow each other and lie within the file: an attacker with a correct hash over a false header gains
 * nothing.
 */
function sound(h: BundleHeader): boolean {
  let at = HEADER_BYTES;
  for (const s of [h.roots, h.leaves, h.slots, h.keys, h.answers, h.reps, h.strings, h.manifest, h.content, h.sums]) {
    if (s.at < at || s.end < s.at || s.end > h.fileBytes) return false;
    at = s.end;
  }
  const pages = Math.ceil((h.fileBytes - h.data) / PAGE);
  const content = h.content.end - h.content.at;
  const sums = h.sums.end - h.sums.at;
  const slots = (h.slots.end - h.slots.at) / 8;
  return (
    h.fileBytes <= MAX_BUNDLE_BYTES &&
    h.leaves.end - h.leaves.at === pages * HASH_BYTES &&
    h.roots.end - h.roots.at === Math.ceil((pages * HASH_BYTES) / PAGE) * HASH_BYTES &&
    (sums === 0 || sums === sumsBytes(content)) &&
    slots >= 1 &&
    Number.isInteger(Math.log2(slots)) &&
    at === h.fileBytes
  );
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
