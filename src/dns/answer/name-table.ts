/**
 * Names and what belongs to them, found by the bytes of a question without allocation: open addressing over one run of
 * bytes.
 */
import { MAX_LABELS } from '../wire/constants.js';
import { labelStarts, type Name } from '../wire/name.js';

const OFFSET = 0x811c9dc5 | 0;
const PRIME = 0x01000193;

/**
 * FNV-1a from the last byte to the first, so that one pass gives the hash of every ancestor: `into[i]` is that of the
 * name from its
 * label `i` on, and that of the root lies behind the last label.
 */
export function hashName(name: Uint8Array, length: number, starts: Uint8Array, labels: number, into: Int32Array): void {
  let hash = OFFSET;
  let label = labels;
  for (let i = length - 1; i >= 0; i--) {
    hash = Math.imul(hash ^ name[i], PRIME);
    if (i === length - 1 || (label > 0 && i === starts[label - 1])) {
      into[i === length - 1 ? labels : label - 1] = hash;
      if (i !== length - 1) label -= 1;
    }
  }
}

export class NameTable<T> {
  private readonly mask: number;
  /** Entry of each slot, from 1; 0: none. */
  private readonly slots: Int32Array;
  private readonly hashes: Int32Array;
  private readonly offsets: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly values: T[] = [];

  /** Names in small letters, none twice. */
  constructor(entries: readonly (readonly [Name, T])[]) {
    let size = 8;
    while (size < entries.length * 2) size *= 2;
    this.mask = size - 1;
    this.slots = new Int32Array(size);
    this.hashes = new Int32Array(entries.length);
    this.offsets = new Int32Array(entries.length + 1);
    this.bytes = new Uint8Array(entries.reduce((sum, [name]) => sum + name.length, 0));
    const into = new Int32Array(MAX_LABELS + 1);
    for (const [i, [name, value]] of entries.entries()) {
      const starts = Uint8Array.from(labelStarts(name));
      hashName(name, name.length, starts, starts.length, into);
      this.hashes[i] = into[0]!;
      this.bytes.set(name, this.offsets[i]!);
      this.offsets[i + 1] = this.offsets[i]! + name.length;
      this.values.push(value);
      let slot = mix(into[0]!) & this.mask;
      while (this.slots[slot] !== 0) slot = (slot + 1) & this.mask;
      this.slots[slot] = i + 1;
    }
  }

  /** What belongs to the name `bytes[start..end)`, in small letters, with this hash. */
  find(bytes: Uint8Array, start: number, end: number, hash: number): T | undefined {
    const { slots, hashes, offsets, mask } = this;
    for (let slot = mix(hash) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const entry = slots[slot] - 1;
      if (hashes[entry] !== hash || offsets[entry + 1] - offsets[entry] !== end - start) continue;
      if (this.same(offsets[entry], bytes, start, end)) return this.values[entry];
    }
    return undefined;
  }

  private same(offset: number, bytes: Uint8Array, start: number, end: number): boolean {
    const own = this.bytes;
    for (let i = start; i < end; i++) if (own[offset + i - start] !== bytes[i]) return false;
    return true;
  }
}

function mix(hash: number): number {
  return hash ^ (hash >>> 15);
}
