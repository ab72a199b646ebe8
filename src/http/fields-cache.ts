import { Fields } from './fields.js';
import type { HttpLimits } from './options.js';

const SLOTS = 512;
const SLOT_SHIFT = 23;
/** Longer blocks are parsed each time; bytes. */
const LONGEST = 2048;
const SAMPLES = 8;

/** A block of field lines, with its empty line, and what was found in it. */
class Seen {
  readonly words: Int32Array;
  readonly length: number;
  readonly fields = new Fields();

  /** `bytes` must be a block that parses. */
  constructor(bytes: Uint8Array, limits: HttpLimits) {
    this.length = bytes.length;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.words = new Int32Array(bytes.length >> 2);
    for (let i = 0; i < this.words.length; i++) this.words[i] = view.getInt32(i << 2, true);
    this.fields.parse(bytes, 0, bytes.length, 0, limits);
    this.fields.judge(1);
  }
}

/**
 * A client says the same of itself in each of its requests. Comparing its field lines with those that it sent last costs a tenth of
 * parsing them; only what is the same octet for octet is taken for the same. Shared by all connections, which remember a
 * slot's number; holds blocks without content that came twice, in HTTP/1.1.
 */
export class FieldsCache {
  readonly #limits: HttpLimits;
  readonly #slots: (Seen | undefined)[] = new Array(SLOTS).fill(undefined);
  /** What came once and may get the slot: its hash. */
  readonly #candidates = new Int32Array(SLOTS);
  #viewed: Uint8Array | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(limits: HttpLimits) {
    this.#limits = limits;
  }

  /** The block of `slot` if it is what `bytes[start..end)` begins with, else undefined. */
  match(slot: number, bytes: Uint8Array, start: number, end: number): Seen | undefined {
    const seen = this.#slots[slot];
    return seen !== undefined && end - start >= seen.length && this.#same(seen, bytes, start) ? seen : undefined;
  }

  /** Takes note of a block that was parsed and found good; the slot where it is, or will be when it comes again. */
  note(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length > LONGEST || length < 4) return 0;
    const view = this.#viewOf(bytes);
    const at = bytes.byteOffset + start;
    let hash = length;
    for (let i = 0; i < SAMPLES; i++) {
      hash = Math.imul(hash ^ view.getInt32(at + ((((length - 4) * i) / (SAMPLES - 1)) | 0), true), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    const slot = hash >>> SLOT_SHIFT;
    const seen = this.#slots[slot];
    if (seen !== undefined && seen.length === length && this.#same(seen, bytes, start)) return slot;
    if (this.#candidates[slot] === hash) this.#slots[slot] = new Seen(bytes.slice(start, end), this.#limits);
    else this.#candidates[slot] = hash;
    return slot;
  }

  #same(seen: Seen, bytes: Uint8Array, start: number): boolean {
    const view = this.#viewOf(bytes);
    const { words, length } = seen;
    let at = bytes.byteOffset + start;
    for (let i = 0; i < words.length; i++, at += 4) if (view.getInt32(at, true) !== words[i]) return false;
    const own = seen.fields.bytes;
    for (let i = words.length << 2; i < length; i++) if (bytes[start + i] !== own[i]) return false;
    return true;
  }

  /** A view of the buffer behind `bytes`; networks read into the same one again and again. */
  #viewOf(bytes: Uint8Array): DataView {
    if (this.#viewed !== bytes) {
      this.#viewed = bytes;
      if (this.#view.buffer !== bytes.buffer) this.#view = new DataView(bytes.buffer);
    }
    return this.#view;
  }
}
