import type { BundleHeader } from '../format/bundle-header.js';
import { Damage, VerifiedPages } from '../format/verified-pages.js';
import type { BundleDisk } from './bundle-disk.js';

/**
 * The bytes of a bundle, mapped or read. Each page is verified before it is first used. Offsets are from the beginning
 * of the bundle.
 */
export class BundleBytes {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly header: BundleHeader;
  readonly pages: VerifiedPages;
  /** For messages: the file or directory. */
  readonly name: string;

  /**
   * `trusted`: this process made the bytes itself: nothing is verified. `disk`: the rest of the file, behind `bytes`.
   */
  constructor(
    bytes: Uint8Array,
    header: BundleHeader,
    { name, trusted, disk }: { name: string; trusted: boolean; disk?: { readonly file: BundleDisk } | undefined },
  ) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.header = header;
    this.pages = new VerifiedPages(bytes, header, { name, trusted, disk: disk?.file });
    this.name = name;
  }

  /** Whether it has running sums, and they are in memory. */
  get summed(): boolean {
    const { at, end } = this.header.sums;
    return end > at && end <= this.bytes.length;
  }

  /** The range that offset and length at `at` give. Throws Damage. */
  textAt(at: number): string {
    return this.text(this.view.getUint32(at, true), this.view.getUint32(at + 4, true));
  }

  /** Of the strings. Throws Damage. */
  text(offset: number, length: number): string {
    if (length === 0) return '';
    const at = this.header.strings.at + offset;
    this.pages.ensure(at, at + length);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + at, length).toString('utf8');
  }

  /** The error for content that is invalid although its hashes are right; to be thrown. */
  contradiction(): Damage {
    return new Damage(`${this.name} contradicts itself; bundle the site again`);
  }
}
