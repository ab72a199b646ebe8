import { type BundleHeader, equal } from './bundle-header.js';
import { HASH_BYTES, PAGE, PAGE_SHIFT } from './format.js';
import { sha256 } from './hash-tree.js';

/** A page does not have the hash that the bundle's identity promises. The message is a sentence. */
export class Damage extends Error {
  override readonly name = 'Damage';
}

/** Verifies pages of a bundle when they are first needed, each once. */
export class VerifiedPages {
  private readonly bytes: Uint8Array;
  private readonly header: BundleHeader;
  private readonly name: string;
  /** One for each page of the data that is known to be right; empty when all are. */
  private readonly good: Uint8Array;
  private readonly goodLeaves: Uint8Array;
  private readonly trusted: boolean;
  private rootsGood = false;

  /** `trusted`: this process made the bytes itself. */
  constructor(bytes: Uint8Array, header: BundleHeader, name: string, trusted: boolean) {
    this.bytes = bytes;
    this.header = header;
    this.name = name;
    this.trusted = trusted;
    this.good = new Uint8Array(trusted ? 0 : Math.ceil((header.fileBytes - header.data) / PAGE));
    this.goodLeaves = new Uint8Array(trusted ? 0 : Math.ceil((header.leaves.end - header.leaves.at) / PAGE));
  }

  /** Makes sure of `[start, end)`; throws Damage, also where that lies outside what hashes cover. */
  ensure(start: number, end: number): void {
    if (start < this.header.data || end < start || end > this.header.fileBytes)
      throw new Damage(`${this.name} contradicts itself; bundle the site again`);
    if (this.trusted) return;
    const first = (start - this.header.data) >>> PAGE_SHIFT;
    const last = (end - 1 - this.header.data) >>> PAGE_SHIFT;
    for (let page = first; page <= last; page++) if (this.good[page] === 0) this.verify(page);
  }

  /** All of it. Answers the pages that are damaged, as offsets in the file; empty: none. */
  check(): number[] {
    const bad: number[] = [];
    const pages = Math.ceil((this.header.fileBytes - this.header.data) / PAGE);
    for (let page = 0; page < pages; page++) {
      try {
        this.verify(page);
      } catch (error) {
        if (!(error instanceof Damage)) throw error;
        bad.push(this.header.data + page * PAGE);
      }
    }
    return bad;
  }

  private verify(page: number): void {
    const { header, bytes } = this;
    if (!this.rootsGood) {
      if (!equal(sha256(bytes.subarray(header.roots.at, header.roots.end)), header.rootHash))
        throw this.damage(header.roots.at);
      this.rootsGood = true;
    }
    const leaf = header.leaves.at + page * HASH_BYTES;
    const leafPage = (page * HASH_BYTES) >>> PAGE_SHIFT;
    if (!this.goodLeaves[leafPage]) {
      const at = header.leaves.at + leafPage * PAGE;
      const root = header.roots.at + leafPage * HASH_BYTES;
      const hash = sha256(bytes.subarray(at, Math.min(at + PAGE, header.leaves.end)));
      if (!equal(hash, bytes.subarray(root, root + HASH_BYTES))) throw this.damage(at);
      if (!this.trusted) this.goodLeaves[leafPage] = 1;
    }
    const at = header.data + page * PAGE;
    const hash = sha256(bytes.subarray(at, Math.min(at + PAGE, header.fileBytes)));
    if (!equal(hash, bytes.subarray(leaf, leaf + HASH_BYTES))) throw this.damage(at);
    if (!this.trusted) this.good[page] = 1;
  }

  private damage(at: number): Damage {
    return new Damage(`${this.name} is damaged near byte ${at}; copy it again, or bundle the site again`);
  }
}
