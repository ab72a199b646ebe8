import type { BundleHeader } from '../format/bundle-header.js';
import { Damage, VerifiedPages } from '../format/verified-pages.js';
import type { BundleDisk } from './bundle-disk.js';

/**
 * The bytes of a bundle, mapped or read, of which each page is verified before it is first looked at. Offsets are from
 * its beginning.
 */
export class BundleBytes {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly header: BundleHeader;
  readonly pages: VerifiedPages;
  /** For sentences: the file or directory. */
  readonly name: string;

  /**
   * `trusted`: this process made the bytes itself: nothing is verified. `disk`: where the file goes on behind `bytes`.
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

  /** What offset and length at `at` say. Throws Damage. */
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

  /** To throw: the hashes are right, what they are of is not. */
  contradiction(): Damage {
    return new Damage(`${this.name} contradicts itself; bundle the site again`);
  }
}
