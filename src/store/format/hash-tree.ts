/**
 * The tree of hashes over a bundle: leaves over pages of the data, roots over pages of leaves, one hash over the roots.
 */
import { createHash } from 'node:crypto';
import { HASH_BYTES, PAGE } from './format.js';

export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

/** How many pages `bytes` take. */
export function pagesOf(bytes: number): number {
  return Math.ceil(bytes / PAGE);
}

/** The hashes of the pages of `bytes`, one after the other. */
export function hashPages(bytes: Uint8Array): Uint8Array {
  const pages = new PageHasher(bytes.length);
  pages.add(bytes);
  return pages.finish();
}

/** Hashes pages of what is added in any pieces. */
export class PageHasher {
  private readonly hashes: Uint8Array;
  private page = createHash('sha256');
  private inPage = 0;
  private done = 0;

  constructor(length: number) {
    this.hashes = new Uint8Array(pagesOf(length) * HASH_BYTES);
  }

  add(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; ) {
      const n = Math.min(bytes.length - i, PAGE - this.inPage);
      this.page.update(bytes.subarray(i, i + n));
      this.inPage += n;
      i += n;
      if (this.inPage === PAGE) this.close();
    }
  }

  finish(): Uint8Array {
    if (this.inPage > 0) this.close();
    return this.hashes;
  }

  private close(): void {
    this.hashes.set(this.page.digest(), this.done * HASH_BYTES);
    this.done++;
    this.page = createHash('sha256');
    this.inPage = 0;
  }
}
