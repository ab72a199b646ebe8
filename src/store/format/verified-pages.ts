import { type BundleHeader, equal } from './bundle-header.js';
import { HASH_BYTES, PAGE, PAGE_SHIFT } from './format.js';
import { sha256 } from './hash-tree.js';

/** A page does not have the hash that the bundle's identity promises. Its message is for people. */
export class Damage extends Error {
  override readonly name = 'Damage';
}

interface Disk {
  /** Bytes `[start, end)` of the file; fewer where it is shorter. */
  read(start: number, end: number): Uint8Array;
}

/** Verifies pages of a bundle when they are first needed, each once. */
export class VerifiedPages {
  private readonly bytes: Uint8Array;
  private readonly header: BundleHeader;
  private readonly name: string;
  /** A mark for each page of the data, set when the page is verified; empty when all are. */
  private readonly good: Uint8Array;
  private readonly goodLeaves: Uint8Array;
  private readonly trusted: boolean;
  private readonly disk: Disk | undefined;
  private rootsGood = false;

  /** `trusted`: this process made the bytes itself. `disk`: reads the part of the file behind `bytes`. */
  constructor(
    bytes: Uint8Array,
    header: BundleHeader,
    { name, trusted, disk }: { name: string; trusted: boolean; disk?: Disk | undefined },
  ) {
    this.bytes = bytes;
    this.header = header;
    this.name = name;
    this.trusted = trusted;
    this.disk = disk;
    this.good = new Uint8Array(trusted ? 0 : Math.ceil((header.fileBytes - header.data) / PAGE));
    this.goodLeaves = new Uint8Array(trusted ? 0 : Math.ceil((header.leaves.end - header.leaves.at) / PAGE));
  }

  /** Verifies `[start, end)`; throws Damage, also where the range lies outside of the data that the hashes cover. */
  ensure(start: number, end: number): void {
    if (start < this.header.data || end < start || end > this.header.fileBytes)
      throw new Damage(`${this.name} contradicts itself; bundle the site again`);
    if (this.trusted) return;
    // Not by shifts: a file may be longer than 4 GiB.
    const first = Math.floor((start - this.header.data) / PAGE);
    const last = Math.floor((end - 1 - this.header.data) / PAGE);
    for (let page = first; page <= last; page++) if (this.good[page] === 0) this.verify(page);
  }

  /** Verifies every page. Returns the damaged pages, as offsets in the file; empty: none. */
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

  /** The beginning and the end of the data that the hashes cover. */
  get data(): number {
    return this.header.data;
  }

  get fileBytes(): number {
    return this.header.fileBytes;
  }

  /** Whether `bytes`, whole pages just read from `at` of the file, match their hashes. */
  holds(at: number, bytes: Uint8Array): boolean {
    const first = (at - this.header.data) / PAGE;
    for (let i = 0; i * PAGE < bytes.length; i++) {
      try {
        this.judge(first + i, bytes.subarray(i * PAGE, (i + 1) * PAGE));
      } catch (error) {
        if (error instanceof Damage) return false;
        throw error;
      }
    }
    return true;
  }

  private verify(page: number): void {
    const { header, bytes, disk } = this;
    const at = header.data + page * PAGE;
    const end = Math.min(at + PAGE, header.fileBytes);
    this.judge(page, end > bytes.length && disk !== undefined ? disk.read(at, end) : bytes.subarray(at, end));
    // Bytes that are read again for sending are verified again then.
    if (!this.trusted && end <= bytes.length) this.good[page] = 1;
  }

  private judge(page: number, content: Uint8Array): void {
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
    if (!equal(sha256(content), bytes.subarray(leaf, leaf + HASH_BYTES))) throw this.damage(header.data + page * PAGE);
  }

  private damage(at: number): Damage {
    return new Damage(`${this.name} is damaged near byte ${at}; copy it again, or bundle the site again`);
  }
}
