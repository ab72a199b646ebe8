import type { BundleBytes } from '../bundle/bundle-bytes.js';
import { KEY_AMBIGUOUS, KEY_BYTES, SLOT_BYTES } from '../format/format.js';

/**
 * The keys of a bundle: paths in an open-addressed table, found by their hash. A key is identified by its offset in the
 * file. Every method throws Damage.
 */
export class KeyIndex {
  private readonly mask: number;

  constructor(private readonly bundle: BundleBytes) {
    const { slots } = bundle.header;
    this.mask = (slots.end - slots.at) / SLOT_BYTES - 1;
  }

  /** How many there are. */
  get size(): number {
    const { keys } = this.bundle.header;
    return (keys.end - keys.at) / KEY_BYTES;
  }

  /** The key of the path `bytes[start..end)`; -1: there is none. */
  find(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const { mask } = this;
    const { view, header, pages } = this.bundle;
    for (let i = hash & mask, probes = 0; probes <= mask; i = (i + 1) & mask, probes++) {
      const slot = header.slots.at + i * SLOT_BYTES;
      pages.ensure(slot, slot + SLOT_BYTES);
      const key = view.getUint32(slot + 4, true);
      if (key === 0) return -1;
      if (view.getInt32(slot, true) !== hash) continue;
      const at = header.keys.at + (key - 1) * KEY_BYTES;
      if (this.matches(at, bytes, start, end)) return at;
    }
    return -1;
  }

  /** Every key, in no useful order. */
  *all(): Iterable<number> {
    const { header, pages } = this.bundle;
    for (let at = header.keys.at; at < header.keys.end; at += KEY_BYTES) {
      pages.ensure(at, at + KEY_BYTES);
      yield at;
    }
  }

  path(key: number): string {
    const { view } = this.bundle;
    return this.bundle.text(view.getUint32(key, true), view.getUint16(key + 4, true));
  }

  /** The index of its answer; -1: it has none. */
  answer(key: number): number {
    return this.bundle.view.getUint32(key + 8, true) - 1;
  }

  /** The index of the answer for missing paths in this directory; -1: it has none of its own. */
  notFound(key: number): number {
    return this.bundle.view.getUint32(key + 12, true) - 1;
  }

  /** Several paths differ from it in case or Unicode form only. */
  ambiguous(key: number): boolean {
    return (this.bundle.view.getUint16(key + 6, true) & KEY_AMBIGUOUS) !== 0;
  }

  private matches(key: number, bytes: Uint8Array, start: number, end: number): boolean {
    const { view, header, pages, bytes: own } = this.bundle;
    pages.ensure(key, key + KEY_BYTES);
    const length = view.getUint16(key + 4, true);
    if (length !== end - start) return false;
    const at = header.strings.at + view.getUint32(key, true);
    pages.ensure(at, at + length);
    for (let i = 0; i < length; i++) if (own[at + i] !== bytes[start + i]) return false;
    return true;
  }
}
